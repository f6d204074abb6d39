package io.downlink.client;

import static io.downlink.client.ClientTest.refused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.downlink.client.Platform.App;
import io.downlink.client.dto.ClientInfo;
import io.downlink.client.dto.SSLConfig;
import io.downlink.client.invokeapi.Authentication;
import io.downlink.client.invokeapi.PushMessageReceiver;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLPeerUnverifiedException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Real TLS: whom a client trusts, what it shows, and who judges the host's name. */
class TlsTest {
    private static final String PASSWORD = "changeit";

    @TempDir
    static Path folder;

    private static Authority authority;
    /** A key with a certificate for a host that nothing here is. */
    private static Path identity;

    /** A platform that shows that certificate, and asks for one by the same authority. */
    private static Platform strange;

    @BeforeAll
    static void makeCertificates() throws Exception {
        authority = new Authority(folder);
        identity = authority.sign("identity", "cn=identity", "dns:elsewhere.example");
        Path[] pem = pem(identity, "identity");
        strange = Platform.startWithTls("--set", "tls.cert_file=" + pem[0], "--set", "tls.key_file=" + pem[1], "--set", "north.client_certs=required",
            "--set", "north.client_ca_file=" + authority.certificate());
    }

    @AfterAll
    static void stop() {
        strange.close();
    }

    @Test
    void thePlatformsOwnAuthorityIsTrustedWhenGiven() throws Exception {
        try (Platform platform = Platform.startWithTls()) {
            App app = platform.app();
            Path own = platform.folder().resolve("tls/ca.pem");
            refused("1003", () -> logIn(app, null));
            SSLConfig pem = new SSLConfig();
            pem.setTrustCAPath(own.toString());
            assertNotNull(logIn(app, pem));
            for (String type : new String[] {"JKS", "PKCS12"}) {
                SSLConfig store = new SSLConfig();
                store.setTrustCAPath(trustStore(type, own));
                store.setTrustCAPwd(PASSWORD);
                assertNotNull(logIn(app, store), type);
            }
            SSLConfig foreign = new SSLConfig();
            foreign.setTrustCAPath(authority.certificate().toString());
            NorthApiException untrusted = refused("1003", () -> logIn(app, foreign));
            assertTrue(untrusted.isSurelyHarmless());
            assertEquals(-1, untrusted.getHttpStatusCode());
            NorthApiClient runtime = app.client();
            runtime.initSSLConfig();
            refused("1003", () -> new Authentication(runtime).getAuthToken());
        }
    }

    @Test
    void aClientCertificateIsShown() throws Exception {
        App app = strange.app();
        SSLConfig config = new SSLConfig();
        config.setTrustCAPath(authority.certificate().toString());
        NorthApiClient client = app.client();
        client.setHostnameVerifier((host, session) -> true);
        client.initSSLConfig(config);
        // With TLS 1.3 the refusal comes after the client has begun to send: it cannot know.
        NorthApiException naked = assertThrows(NorthApiException.class, () -> new Authentication(client).getAuthToken());
        assertTrue(Set.of("1003", "1004").contains(naked.getError_code()), naked::toString);
        client.initSSLConfig(withIdentity());
        assertNotNull(new Authentication(client).getAuthToken());
    }

    @Test
    void hostNamesAreJudgedStrictlyUnlessTheApplicationDoesIt() throws Exception {
        App app = strange.app();
        refused("1003", () -> logIn(app, withIdentity()));
        NorthApiClient client = app.client();
        client.initSSLConfig(withIdentity());
        List<String> asked = new CopyOnWriteArrayList<>();
        client.setHostnameVerifier((host, session) -> {
            try {
                asked.add(host + " " + ((X509Certificate) session.getPeerCertificates()[0]).getSubjectX500Principal());
            } catch (SSLPeerUnverifiedException e) {
                throw new AssertionError(e);
            }
            return asked.size() > 1;
        });
        refused("1003", () -> new Authentication(client).getAuthToken());
        assertNotNull(new Authentication(client).getAuthToken());
        assertEquals(List.of("127.0.0.1 CN=identity", "127.0.0.1 CN=identity"), asked);
        // The application judges the name, and the chain is judged all the same.
        NorthApiClient trusting = app.client();
        trusting.setHostnameVerifier((host, session) -> true);
        trusting.initSSLConfig();
        refused("1003", () -> new Authentication(trusting).getAuthToken());
    }

    @Test
    void storesThatCannotBeUsedAreTold() throws IOException {
        NorthApiClient client = new NorthApiClient();
        SSLConfig config = new SSLConfig();
        config.setTrustCAPath(folder.resolve("none").toString());
        refused("1006", () -> client.initSSLConfig(config), "none");
        Path garbage = Files.writeString(folder.resolve("garbage"), "garbage");
        config.setTrustCAPath(garbage.toString());
        refused("1006", () -> client.initSSLConfig(config));
        config.setTrustCAPath("");
        refused("1007", () -> client.initSSLConfig(config), "trustCAPath");
        config.setTrustCAPath(null);
        config.setSelfCertPath(folder.resolve("none").toString());
        refused("1006", () -> client.initSSLConfig(config), "none");
        config.setSelfCertPwd("");
        refused("1007", () -> client.initSSLConfig(config), "selfCertPwd");
    }

    @Test
    void theReceiverSpeaksTls() throws Exception {
        KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        keys.init(KeyStore.getInstance(identity.toFile(), PASSWORD.toCharArray()), PASSWORD.toCharArray());
        SSLContext shown = SSLContext.getInstance("TLS");
        shown.init(keys.getKeyManagers(), null, null);
        try (PushMessageReceiver receiver = new PushMessageReceiver()) {
            receiver.start(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), shown);
            SSLConfig config = new SSLConfig();
            config.setTrustCAPath(authority.certificate().toString());
            HttpClient http = HttpClient.newBuilder().sslContext(Ssl.context(config, () -> (host, session) -> host.equals("127.0.0.1"))).build();
            URI address = URI.create("https://127.0.0.1:" + receiver.getAddress().getPort() + PushMessageReceiver.PATH);
            HttpRequest push = HttpRequest.newBuilder(address).POST(BodyPublishers.ofString("{}")).build();
            assertEquals("ok", http.send(push, BodyHandlers.ofString()).body());
        }
    }

    private static SSLConfig withIdentity() {
        SSLConfig config = new SSLConfig();
        config.setTrustCAPath(authority.certificate().toString());
        config.setSelfCertPath(identity.toString());
        config.setSelfCertPwd(PASSWORD);
        return config;
    }

    private static String logIn(App app, SSLConfig config) throws NorthApiException {
        NorthApiClient client = app.client();
        if (config != null) {
            client.initSSLConfig(config);
        }
        ClientInfo info = client.getClientInfo();
        assertNotNull(info);
        return new Authentication(client).getAuthToken().getAccessToken();
    }

    private static String trustStore(String type, Path authority) throws Exception {
        KeyStore store = KeyStore.getInstance(type);
        store.load(null, null);
        try (InputStream from = Files.newInputStream(authority)) {
            store.setCertificateEntry("platform", CertificateFactory.getInstance("X.509").generateCertificate(from));
        }
        Path file = folder.resolve("trust." + type);
        try (OutputStream to = Files.newOutputStream(file)) {
            store.store(to, PASSWORD.toCharArray());
        }
        return file.toString();
    }

    /** Chain and key of a store's entry, in PEM. */
    private static Path[] pem(Path store, String alias) throws Exception {
        KeyStore read = KeyStore.getInstance(store.toFile(), PASSWORD.toCharArray());
        StringBuilder chain = new StringBuilder();
        for (Certificate one : read.getCertificateChain(alias)) {
            chain.append(block("CERTIFICATE", one.getEncoded()));
        }
        PrivateKey key = (PrivateKey) read.getKey(alias, PASSWORD.toCharArray());
        Path certificate = Files.writeString(folder.resolve(alias + "-chain.pem"), chain);
        return new Path[] {certificate, Files.writeString(folder.resolve(alias + "-key.pem"), block("PRIVATE KEY", key.getEncoded()))};
    }

    private static String block(String name, byte[] content) {
        String text = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(content);
        return "-----BEGIN " + name + "-----\n" + text + "\n-----END " + name + "-----\n";
    }

    /** A certificate authority, made with the runtime's keytool. */
    private static final class Authority {
        private final Path folder;
        private final Path store;

        Authority(Path folder) throws IOException {
            this.folder = folder;
            this.store = folder.resolve("authority.p12");
            Files.deleteIfExists(store);
            keytool("-genkeypair", "-keystore", store.toString(), "-alias", "ca", "-dname", "cn=Authority", "-keyalg", "EC",
                "-groupname", "secp256r1", "-ext", "bc:c=ca:true", "-ext", "ku:c=keyCertSign", "-validity", "2");
            keytool("-exportcert", "-rfc", "-keystore", store.toString(), "-alias", "ca", "-file", certificate().toString());
        }

        Path certificate() {
            return folder.resolve("authority.pem");
        }

        /** A key store with a key, and its certificate by this authority. */
        Path sign(String alias, String name, String alternative) throws IOException {
            Path own = folder.resolve(alias + ".p12");
            Path request = folder.resolve(alias + ".csr");
            Path signed = folder.resolve(alias + ".pem");
            keytool("-genkeypair", "-keystore", own.toString(), "-alias", alias, "-dname", name, "-keyalg", "RSA", "-keysize", "2048");
            keytool("-certreq", "-keystore", own.toString(), "-alias", alias, "-file", request.toString());
            keytool("-gencert", "-rfc", "-keystore", store.toString(), "-alias", "ca", "-infile", request.toString(),
                "-outfile", signed.toString(), "-validity", "2", "-ext", "san=" + alternative);
            keytool("-importcert", "-noprompt", "-keystore", own.toString(), "-alias", "ca", "-file", certificate().toString());
            keytool("-importcert", "-noprompt", "-keystore", own.toString(), "-alias", alias, "-file", signed.toString());
            return own;
        }

        private static void keytool(String... args) throws IOException {
            List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "keytool").toString()));
            command.addAll(List.of(args));
            command.addAll(List.of("-storepass", PASSWORD, "-storetype", "PKCS12"));
            Process process = new ProcessBuilder(command).redirectErrorStream(true).redirectInput(new File("/dev/null")).start();
            String said = new String(process.getInputStream().readAllBytes());
            try {
                assertEquals(0, process.waitFor(), said);
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }
    }
}
