package io.downlink.client;

import static io.downlink.client.UpdateDeviceCommandTest.canceled;
import static io.downlink.client.UpdateDeviceCommandTest.order;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import io.downlink.client.Platform.App;
import io.downlink.client.Platform.Device;
import io.downlink.client.dto.ClientInfo;
import io.downlink.client.dto.ModifyDeviceInforInDTO;
import io.downlink.client.dto.PostDeviceCommandOutDTO2;
import io.downlink.client.dto.QueryDeviceStatusOutDTO;
import io.downlink.client.invokeapi.Authentication;
import io.downlink.client.invokeapi.DataCollection;
import io.downlink.client.invokeapi.DeviceManagement;
import io.downlink.client.invokeapi.DeviceServiceInvocation;
import io.downlink.client.invokeapi.SignalDelivery;
import io.downlink.constant.ExceptionEnum;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** The client's own errors and their order, addresses, time-outs, and what is tried again. */
class ClientTest {
    private final Platform platform = Platform.shared();

    @Test
    void theClientInformationIsChecked() {
        NorthApiClient client = new NorthApiClient();
        refused("1008", () -> client.setClientInfo(null));
        ClientInfo info = platform.app().info();
        changed(info, "1008", one -> one.setPlatformIp(null));
        changed(info, "1008", one -> one.setPlatformPort(""));
        changed(info, "1008", one -> one.setPlatformPort("http"));
        changed(info, "1008", one -> one.setPlatformPort("70000"));
        changed(info, "1008", one -> one.setAppId(null));
        changed(info, "1008", one -> one.setSecret(null));
        changed(info, "1010", one -> one.setAppId("a b"));
        changed(info, "1010", one -> one.setSecret("a\tb"));
        refused("1008", () -> new Authentication(client).getAuthToken());
        assertFalse(info.toString().contains(info.getSecret()), info.toString());
        assertNull(client.getClientInfo());
    }

    @Test
    void theChecksComeInTheirOrder() {
        NorthApiClient client = new NorthApiClient();
        SignalDelivery service = new SignalDelivery(client);
        refused("1007", () -> service.updateDeviceCommand(null, null, null, null), "deviceCommandId");
        refused("1007", () -> service.updateDeviceCommand(null, "", null, null), "deviceCommandId");
        refused("1009", () -> service.updateDeviceCommand(null, "x", null, null));
        refused("1009", () -> service.updateDeviceCommand(null, "x", null, ""));
        refused("1008", () -> service.updateDeviceCommand(null, "x", null, "t"));
        App app = platform.app();
        service.setNorthApiClient(app.client());
        assertNotSame(client, service.getNorthApiClient());
        refused("1007", () -> service.updateDeviceCommand(null, "x", null, "t"), "request");
        refused("1010005", () -> service.updateDeviceCommand(canceled(), "x", null, "t"));
    }

    @Test
    void noIdBecomesThePathSegmentNull() {
        NorthApiClient client = platform.app().client();
        DeviceServiceInvocation invocation = new DeviceServiceInvocation(client);
        refused("1007", () -> invocation.invokeDeviceService(null, "s", InvokeDeviceServiceTest.call("m"), null, "t"), "deviceId");
        refused("1007", () -> invocation.invokeDeviceService("d", null, InvokeDeviceServiceTest.call("m"), null, "t"), "serviceId");
        refused("1007", () -> new DataCollection(client).querySingleDeviceInfo(null, null, null, "t"), "deviceId");
        refused("1007", () -> new DeviceManagement(client).queryDeviceStatus(null, null, "t"), "deviceId");
        refused("1007", () -> new DeviceManagement(client).deleteDirectDevice(null, true, null, "t"), "deviceId");
        refused("1007", () -> new DeviceManagement(client).modifyDeviceInfo(new ModifyDeviceInforInDTO(), null, null, "t"), "deviceId");
    }

    @Test
    void idsInAddressesAreEscaped() throws NorthApiException {
        App app = platform.app();
        NorthApiClient client = app.client();
        String token = new Authentication(client).getAuthToken().getAccessToken();
        for (String id : new String[] {"a b", "a/b", "a?b=c", "...", "Gerät%20", "a#b", "a+b"}) {
            refused("100403", () -> new DeviceManagement(client).queryDeviceStatus(id, null, token));
        }
        refused("1007", () -> new DeviceManagement(client).queryDeviceStatus("..", null, token), "another address");
        refused("1007", () -> new DeviceManagement(client).queryDeviceStatus(".", null, token), "another address");
        refused("100203", () -> new DeviceManagement(client).queryDeviceStatus("d", "a&appId=" + app.id, token));
        refused("100022", () -> new DeviceManagement(client).queryDeviceStatus("d".repeat(65), "", token));
    }

    @Test
    void whatNoHeaderMayHaveIsRefusedWithoutBeingTold() {
        NorthApiClient client = platform.app().client();
        NorthApiException refused = refused("1007", () -> new DeviceManagement(client).queryDeviceStatus("d", null, "hidden\r\nx: y"));
        assertFalse((refused + refused.getMessage() + refused.getCause()).contains("hidden"), refused::toString);
        client.setIdempotencyKeys(() -> "two\nlines");
        refused("1007", () -> new SignalDelivery(client).postDeviceCommand(order("d"), null, "t"));
    }

    @Test
    void anUnreachablePlatformIs1003() throws IOException, NorthApiException {
        int port;
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = socket.getLocalPort();
        }
        NorthApiException refused = refused("1003", () -> new Authentication(at(port, 10_000, 0)).getAuthToken());
        assertEquals(-1, refused.getHttpStatusCode());
        assertFalse(refused.getHttpMessage().isEmpty());
        assertTrue(refused.isSurelyHarmless() && refused.isRetryable());
        NorthApiClient nowhere = at(port, 10_000, 0);
        ClientInfo info = nowhere.getClientInfo();
        info.setPlatformIp("no such host");
        nowhere.setClientInfo(info);
        assertNotNull(refused("1003", () -> new Authentication(nowhere).getAuthToken()).getHttpMessage());
        ClientInfo unknown = nowhere.getClientInfo();
        unknown.setPlatformIp("nowhere.invalid");
        nowhere.setClientInfo(unknown);
        assertNotNull(refused("1003", () -> new Authentication(nowhere).getAuthToken()).getHttpMessage());
    }

    @Test
    void aSilentPlatformIs1004AfterTheTimeOut() throws Exception {
        try (ServerSocket silent = new ServerSocket(0, 5, InetAddress.getLoopbackAddress())) {
            NorthApiException late = refused("1004", () -> new Authentication(at(silent.getLocalPort(), 200, 0)).getAuthToken());
            assertFalse(late.isSurelyHarmless(), "the request may have arrived");
        }
    }

    @Test
    void anAnswerThatNeverEndsIs1004() throws Exception {
        try (ServerSocket slow = new ServerSocket(0, 5, InetAddress.getLoopbackAddress())) {
            Thread server = new Thread(() -> beginAnAnswer(slow));
            server.setDaemon(true);
            server.start();
            refused("1004", () -> new Authentication(at(slow.getLocalPort(), 200, 0)).getAuthToken());
        }
    }

    /** Answers that no platform of ours gives; the errors for them are the vendor's. */
    @Test
    void foreignAnswersHaveTheirCodes() throws Exception {
        String[][] cases = {
            {"500", "application/json", "{\"oops\":1}", "1005"},
            {"302", "text/html", "<p>elsewhere</p>", "1011"},
            {"404", "text/html", "<p>nothing</p>", "1011"},
            {"403", "application/json", "{\"resultcode\":\"1010009\",\"resultmsg\":\"throttled\"}", "1012"},
            {"200", "application/json", "{\"accessToken\":", "1004"},
            {"200", "application/json", "{\"expiresIn\":{}}", "1004"},
        };
        for (String[] one : cases) {
            try (Answering server = new Answering(Integer.parseInt(one[0]), one[1], one[2])) {
                NorthApiException refused = refused(one[3], () -> new Authentication(at(server.port(), 10_000, 0)).getAuthToken());
                assertEquals(Integer.parseInt(one[0]), refused.getHttpStatusCode());
                assertNotNull(refused.getHttpReasonPhase());
                if (!one[3].equals("1004")) {
                    assertEquals(one[2], refused.getHttpMessage());
                }
            }
        }
        try (Answering server = new Answering(400, null, "{\"error_code\":100022,\"error_desc\":\"The input is invalid.\"}")) {
            refused("100022", () -> new Authentication(at(server.port(), 10_000, 0)).getAuthToken());
        }
    }

    @Test
    void aSuccessWithoutAResultMayHaveAnyBody() throws Exception {
        for (String body : new String[] {"", "{}", "[1]", "done"}) {
            try (Answering server = new Answering(200, "application/json", body)) {
                new DeviceManagement(at(server.port(), 10_000, 0)).modifyDeviceInfo(new ModifyDeviceInforInDTO(), "d", null, "t");
                assertEquals(1, server.asked.get());
            }
        }
    }

    @Test
    void anEmptyAnswerIsNullAndUnknownMembersAreIgnored() throws Exception {
        try (Answering server = new Answering(204, null, "")) {
            assertNull(new DeviceManagement(at(server.port(), 10_000, 0)).queryDeviceStatus("d", null, "t"));
        }
        try (Answering server = new Answering(200, "application/json", "{\"deviceId\":\"d\",\"later\":{\"x\":[1]}}")) {
            QueryDeviceStatusOutDTO status = new DeviceManagement(at(server.port(), 10_000, 0)).queryDeviceStatus("d", null, "t");
            assertEquals("d", status.getDeviceId());
            assertNull(status.getName());
        }
    }

    @Test
    void nothingIsTriedAgainUnlessAsked() throws NorthApiException {
        App app = platform.app();
        Device device = app.device();
        NorthApiClient client = app.client();
        String token = new Authentication(client).getAuthToken().getAccessToken();
        SignalDelivery service = new SignalDelivery(client);
        platform.fault("overload");
        refused("100501", () -> service.postDeviceCommand(order(device.id), null, token));
        client.setHttpConnection(10_000, 10_000, 10, 10, 0, 3);
        platform.fault("overload");
        PostDeviceCommandOutDTO2 posted = service.postDeviceCommand(order(device.id), null, token);
        assertEquals("PENDING", posted.getStatus());
        refused("100434", () -> service.updateDeviceCommand(canceled(), "0".repeat(32), null, token));
    }

    @Test
    void onlyWhatDoesNoHarmIsTriedAgain() throws Exception {
        try (Answering server = new Answering(502, "text/html", "<p>bad gateway</p>")) {
            NorthApiClient client = at(server.port(), 10_000, 2);
            refused("1011", () -> new DeviceManagement(client).queryDeviceStatus("d", null, "t"));
            assertEquals(3, server.asked.getAndSet(0), "a query");
            refused("1011", () -> new SignalDelivery(client).postDeviceCommand(order("d"), null, "t"));
            assertEquals(3, server.asked.getAndSet(0), "a create under a key");
            assertEquals(1, server.keys(), "all tries have the same key");
            client.setIdempotencyKeys(null);
            refused("1011", () -> new SignalDelivery(client).postDeviceCommand(order("d"), null, "t"));
            assertEquals(1, server.asked.getAndSet(0), "a create without one");
            refused("1011", () -> new SignalDelivery(client).updateDeviceCommand(canceled(), "c", null, "t"));
            assertEquals(1, server.asked.get(), "a cancellation: its second answer would say that it failed");
        }
    }

    @Test
    void noMoreRequestsThanAllowedAreUnderWay() throws Exception {
        try (ServerSocket silent = new ServerSocket(0, 5, InetAddress.getLoopbackAddress())) {
            NorthApiClient client = new NorthApiClient();
            client.setPlainHttp(true);
            client.setHttpConnection(3_000, 200, 5, 1);
            client.setClientInfo(info(silent.getLocalPort()));
            Thread first = new Thread(() -> refused("1004", () -> new Authentication(client).getAuthToken()));
            first.start();
            try (Socket taken = silent.accept()) {
                assertTrue(taken.isConnected());
                refused("1003", () -> new DeviceManagement(client).queryDeviceStatus("d", null, "t"), "in use");
            }
            first.join();
        }
    }

    @Test
    void theDefaultClientServesServicesWithoutOne() throws NorthApiException {
        NorthApiClient before = DefaultNorthApiClient.getDefaultApiClient();
        NorthApiClient client = platform.app().client();
        DefaultNorthApiClient.setDefaultApiClient(client);
        try {
            assertSame(client, new Authentication().getNorthApiClient());
            assertNotNull(new Authentication().getAuthToken().getAccessToken());
        } finally {
            DefaultNorthApiClient.setDefaultApiClient(before);
        }
        assertTrue(client.getVersion().matches("[0-9]+\\.[0-9]+\\.[0-9]+"), client.getVersion());
    }

    @Test
    void anExceptionHasItsFiveMembersAndItsMessageIsNeverNull() {
        NorthApiException plain = new NorthApiException();
        assertEquals("", plain.getHttpMessage());
        plain.setHttpMessage(null);
        assertEquals("", plain.getHttpMessage());
        assertEquals("IllegalStateException", new NorthApiException(new IllegalStateException()).getHttpMessage());
        NorthApiException full = new NorthApiException(ExceptionEnum.PORT_ERROR, "body");
        full.setHttpStatusCode(404);
        full.setHttpReasonPhase("Not Found");
        String text = full.toString();
        for (String part : new String[] {"error_code=1011", "error_desc=", "httpStatusCode=404", "httpReasonPhase=Not Found", "httpMessage=body"}) {
            assertTrue(text.contains(part), text);
        }
    }

    static NorthApiException refused(String code, Executable call, String... words) {
        NorthApiException refused = assertThrows(NorthApiException.class, call, code);
        assertEquals(code, refused.getError_code(), refused::toString);
        assertNotNull(refused.getHttpMessage());
        for (String word : words) {
            assertTrue(refused.getMessage().contains(word), refused.getMessage());
        }
        return refused;
    }

    private static void changed(ClientInfo info, String code, Consumer<ClientInfo> change) {
        ClientInfo copy = new ClientInfo();
        copy.setPlatformIp(info.getPlatformIp());
        copy.setPlatformPort(info.getPlatformPort());
        copy.setAppId(info.getAppId());
        copy.setSecret(info.getSecret());
        change.accept(copy);
        refused(code, () -> new NorthApiClient().setClientInfo(copy));
    }

    private static NorthApiClient at(int port, int timeOutMs, int retries) {
        NorthApiClient client = new NorthApiClient();
        client.setPlainHttp(true);
        client.setHttpConnection(timeOutMs, timeOutMs, 10, 10, 0, retries);
        try {
            client.setClientInfo(info(port));
        } catch (NorthApiException e) {
            throw new AssertionError(e);
        }
        return client;
    }

    private static ClientInfo info(int port) {
        ClientInfo info = new ClientInfo();
        info.setPlatformIp("127.0.0.1");
        info.setPlatformPort(Integer.toString(port));
        info.setAppId("app");
        info.setSecret("secret");
        return info;
    }

    private static void beginAnAnswer(ServerSocket server) {
        try (Socket taken = server.accept()) {
            taken.getOutputStream().write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{".getBytes(StandardCharsets.US_ASCII));
            taken.getOutputStream().flush();
            InputStream rest = taken.getInputStream();
            while (rest.read() >= 0) {
                continue;
            }
        } catch (IOException e) {
            // The test has closed the socket.
            return;
        }
    }

    /** A server that gives the same answer to everything. */
    private static final class Answering implements AutoCloseable {
        final AtomicInteger asked = new AtomicInteger();
        private final java.util.Set<String> keys = java.util.concurrent.ConcurrentHashMap.newKeySet();
        private final HttpServer server;

        Answering(int status, String type, String body) throws IOException {
            server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
            server.createContext("/", exchange -> {
                asked.incrementAndGet();
                exchange.getRequestBody().readAllBytes();
                String key = exchange.getRequestHeaders().getFirst("Idempotency-Key");
                if (key != null) {
                    keys.add(key);
                }
                if (type != null) {
                    exchange.getResponseHeaders().set("Content-Type", type);
                }
                byte[] text = body.getBytes(StandardCharsets.UTF_8);
                exchange.sendResponseHeaders(status, text.length == 0 ? -1 : text.length);
                exchange.getResponseBody().write(text);
                exchange.close();
            });
            server.start();
        }

        int keys() {
            return keys.size();
        }

        int port() {
            return server.getAddress().getPort();
        }

        @Override
        public void close() {
            server.stop(0);
        }
    }
}
