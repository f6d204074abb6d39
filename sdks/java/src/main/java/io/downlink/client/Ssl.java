package io.downlink.client;

import io.downlink.client.dto.SSLConfig;
import io.downlink.constant.ExceptionEnum;
import java.io.ByteArrayInputStream;
import java.io.File;
import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.function.Supplier;
import javax.net.ssl.HostnameVerifier;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLSession;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509ExtendedTrustManager;

/** Makes the context of TLS connections: whom to trust, what to show, and who judges the host's name. */
final class Ssl {
    private Ssl() {
    }

    /** The runtime's own authorities if {@code config} is null or names none. */
    static SSLContext context(SSLConfig config, Supplier<HostnameVerifier> verifier) throws NorthApiException {
        SSLConfig wanted = config == null ? new SSLConfig() : config;
        checked(wanted.getSelfCertPath(), "selfCertPath");
        checked(wanted.getSelfCertPwd(), "selfCertPwd");
        checked(wanted.getTrustCAPath(), "trustCAPath");
        checked(wanted.getTrustCAPwd(), "trustCAPwd");
        try {
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(keys(wanted), trust(wanted, verifier), null);
            return context;
        } catch (GeneralSecurityException | IOException | IllegalArgumentException e) {
            // The last of them is how the runtime says that there is no such file.
            throw new NorthApiException(ExceptionEnum.CLIENT_SSL_CONFIG_ERROR, e);
        }
    }

    private static void checked(String member, String name) throws NorthApiException {
        if (member != null && member.isEmpty()) {
            throw new NorthApiException(ExceptionEnum.CLIENT_INPUT_PARAMETER_INVALID, name + " is empty");
        }
    }

    private static KeyManager[] keys(SSLConfig config) throws GeneralSecurityException, IOException {
        if (config.getSelfCertPath() == null) {
            return null;
        }
        char[] password = password(config.getSelfCertPwd());
        KeyManagerFactory factory = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        factory.init(KeyStore.getInstance(new File(config.getSelfCertPath()), password), password);
        return factory.getKeyManagers();
    }

    private static TrustManager[] trust(SSLConfig config, Supplier<HostnameVerifier> verifier) throws GeneralSecurityException, IOException {
        KeyStore store = config.getTrustCAPath() == null ? null : trustStore(config.getTrustCAPath(), config.getTrustCAPwd());
        TrustManagerFactory factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        factory.init(store);
        for (TrustManager manager : factory.getTrustManagers()) {
            if (manager instanceof X509ExtendedTrustManager) {
                return new TrustManager[] {new Named((X509ExtendedTrustManager) manager, verifier)};
            }
        }
        throw new GeneralSecurityException("the runtime has no trust manager for certificates");
    }

    private static KeyStore trustStore(String path, String password) throws GeneralSecurityException, IOException {
        byte[] content = Files.readAllBytes(Path.of(path));
        if (!new String(content, StandardCharsets.ISO_8859_1).contains("-----BEGIN CERTIFICATE-----")) {
            return KeyStore.getInstance(new File(path), password(password));
        }
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        for (Certificate one : CertificateFactory.getInstance("X.509").generateCertificates(new ByteArrayInputStream(content))) {
            store.setCertificateEntry("authority-" + store.size(), one);
        }
        return store;
    }

    private static char[] password(String text) {
        return text == null ? new char[0] : text.toCharArray();
    }

    /**
     * Trusts what the runtime would trust. The host's name is judged by the runtime, strictly, unless the application has a verifier of
     * its own; then that one has the word, after the chain has been checked.
     */
    private static final class Named extends X509ExtendedTrustManager {
        private final X509ExtendedTrustManager inner;
        private final Supplier<HostnameVerifier> verifier;

        Named(X509ExtendedTrustManager inner, Supplier<HostnameVerifier> verifier) {
            this.inner = inner;
            this.verifier = verifier;
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String authType, SSLEngine engine) throws CertificateException {
            HostnameVerifier own = verifier.get();
            if (own == null) {
                inner.checkServerTrusted(chain, authType, engine);
                return;
            }
            inner.checkServerTrusted(chain, authType);
            judged(own, engine.getPeerHost(), new PresentedSession(engine.getHandshakeSession(), chain));
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String authType, Socket socket) throws CertificateException {
            HostnameVerifier own = verifier.get();
            if (own == null || !(socket instanceof SSLSocket)) {
                inner.checkServerTrusted(chain, authType, socket);
                return;
            }
            inner.checkServerTrusted(chain, authType);
            SSLSession session = ((SSLSocket) socket).getHandshakeSession();
            judged(own, session.getPeerHost(), new PresentedSession(session, chain));
        }

        private static void judged(HostnameVerifier own, String host, SSLSession session) throws CertificateException {
            if (!own.verify(host, session)) {
                throw new CertificateException("the host name verifier refused " + host);
            }
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String authType) throws CertificateException {
            inner.checkServerTrusted(chain, authType);
        }

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String authType, Socket socket) throws CertificateException {
            inner.checkClientTrusted(chain, authType, socket);
        }

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String authType, SSLEngine engine) throws CertificateException {
            inner.checkClientTrusted(chain, authType, engine);
        }

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String authType) throws CertificateException {
            inner.checkClientTrusted(chain, authType);
        }

        @Override
        public X509Certificate[] getAcceptedIssuers() {
            return inner.getAcceptedIssuers();
        }
    }
}
