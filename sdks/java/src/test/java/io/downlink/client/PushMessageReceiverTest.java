package io.downlink.client;

import static io.downlink.client.UpdateDeviceCommandTest.order;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.downlink.client.Platform.App;
import io.downlink.client.Platform.Awake;
import io.downlink.client.Platform.Device;
import io.downlink.client.dto.CommandDTO2;
import io.downlink.client.dto.NotifyCommandRspDTO;
import io.downlink.client.dto.NotifyMessageConfirmDTO;
import io.downlink.client.dto.NotifyNBCommandStatusChangedDTO;
import io.downlink.client.dto.PostDeviceCommandInDTO2;
import io.downlink.client.invokeapi.Authentication;
import io.downlink.client.invokeapi.DeviceServiceInvocation;
import io.downlink.client.invokeapi.PushMessageReceiver;
import io.downlink.client.invokeapi.SignalDelivery;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.junit.jupiter.api.Test;

/** The receiver: real callbacks, signatures, repeats, and frameworks of all kinds. */
class PushMessageReceiverTest {
    private static final String STATUS =
        "{\"deviceId\":\"d\",\"commandId\":\"c\",\"result\":{\"resultCode\":\"SUCCESSFUL\",\"resultDetail\":{\"result\":0}}}";
    private static final String KEY = Base64.getEncoder().encodeToString("a key of some length".getBytes(StandardCharsets.UTF_8));
    private final Platform platform = Platform.shared();

    @Test
    void signedCallbacksOfThePlatformReachTheirHandlers() throws Exception {
        App app = platform.app();
        Device device = app.meter();
        String secret = platform.operator("app", "callback", app.id, "--rotate-webhook-secret").get("webhookSecret").asText();
        NorthApiClient client = app.client();
        String token = new Authentication(client).getAuthToken().getAccessToken();
        try (Recording receiver = new Recording()) {
            receiver.setWebhookVerifier(new WebhookVerifier(secret).atAnyTime());
            receiver.start(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
            String base = "http://127.0.0.1:" + receiver.getAddress().getPort();
            PostDeviceCommandInDTO2 order = order(device.id);
            order.setCallbackUrl(base + PushMessageReceiver.COMMAND_PATH);
            String id = new SignalDelivery(client).postDeviceCommand(order, null, token).getCommandId();
            platform.operator("device", "play", device.id, "--secret", device.secret, "--commands", "1", "--body", "{\"result\":0}");
            assertEquals(List.of("SENT " + id, "DELIVERED " + id, "SUCCESSFUL " + id + " {\"result\":0}"), receiver.take(3));
            CommandDTO2 call = InvokeDeviceServiceTest.call("SET_PERIOD");
            call.getHeader().setMode("ACK");
            call.getHeader().setRequestId("call-1");
            call.getHeader().setCallbackURL(base + PushMessageReceiver.PATH);
            try (Awake awake = platform.awake(device, "--body", "{\"result\":1}")) {
                assertNotNull(awake);
                new DeviceServiceInvocation(client).invokeDeviceService(device.id, "WaterMeter", call, null, token);
                assertEquals(List.of("confirm call-1 delivered", "rsp call-1 WaterMeter SET_PERIOD-RSP {\"result\":1}"), receiver.take(2));
            }
        }
    }

    @Test
    void textsAreDispatchedFromAnyFramework() {
        Recording receiver = new Recording();
        assertTrue(receiver.dispatch(STATUS));
        assertTrue(receiver.dispatch(
            "{ \"notifyType\" : \"messageConfirm\", \"header\":{\"requestId\":\"r\",\"status\":\"delivered\"},\"body\":{}}"));
        assertTrue(receiver.dispatch("{\"notifyType\":\"commandRsp\",\"header\":{\"requestId\":\"r\"},\"body\":null,\"later\":1}"));
        assertFalse(receiver.dispatch("{\"notifyType\":\"somethingNew\"}"));
        assertFalse(receiver.dispatch("{\"x\":1}"));
        assertEquals(List.of("SUCCESSFUL c {\"result\":0}", "confirm r delivered", "rsp r null null null"), receiver.take(3));
        assertEquals(5, receiver.raw.size());
        for (String text : new String[] {"", "[]", "{", "null", "{\"notifyType\":\"commandRsp\",\"header\":[1]}"}) {
            assertThrows(IllegalArgumentException.class, () -> receiver.dispatch(text), text);
        }
    }

    @Test
    void onlyWhatIsSignedAndFreshIsBelieved() throws Exception {
        Recording receiver = new Recording();
        receiver.setWebhookVerifier(new WebhookVerifier("whsec_" + KEY));
        long now = System.currentTimeMillis() / 1000;
        byte[] body = STATUS.getBytes(StandardCharsets.UTF_8);
        Map<String, String> good = signed("m.1", now, body, KEY);
        assertEquals(401, receiver.receive(name -> null, body));
        assertEquals(401, receiver.receive(good::get, "{}".getBytes(StandardCharsets.UTF_8)));
        assertEquals(401, receiver.receive(signed("m.1", now - 400, body, KEY)::get, body));
        String wrong = Base64.getEncoder().encodeToString("another key".getBytes(StandardCharsets.UTF_8));
        assertEquals(401, receiver.receive(signed("m.1", now, body, wrong)::get, body));
        for (String signature : new String[] {"", "v1,", "v1,!!", good.get("webhook-signature").replace("v1,", "v2,")}) {
            Map<String, String> changed = new HashMap<>(good);
            changed.put("webhook-signature", signature);
            assertEquals(401, receiver.receive(changed::get, body), signature);
        }
        assertEquals(200, receiver.receive(good::get, body));
        assertEquals(200, receiver.receive(good::get, body), "the same once more");
        assertEquals(1, receiver.raw.size(), "and it is handled once");
        receiver.setWebhookVerifier(new WebhookVerifier("whsec_" + wrong, KEY));
        assertEquals(200, receiver.receive(signed("m.2", now, body, KEY)::get, body), "while the secret is changed both are good");
        for (String secret : new String[] {"", "whsec_", "whsec_!"}) {
            assertThrows(IllegalArgumentException.class, () -> new WebhookVerifier(secret), secret);
        }
        assertThrows(IllegalArgumentException.class, WebhookVerifier::new);
    }

    @Test
    void aHandlerThatFailsIsAskedAgain() throws Exception {
        Recording receiver = new Recording();
        receiver.setWebhookVerifier(new WebhookVerifier(KEY));
        receiver.failures = 1;
        byte[] body = STATUS.getBytes(StandardCharsets.UTF_8);
        Map<String, String> headers = signed("m.1", System.currentTimeMillis() / 1000, body, KEY);
        assertEquals(500, receiver.receive(headers::get, body));
        assertEquals(200, receiver.receive(headers::get, body));
        assertEquals(List.of("SUCCESSFUL c {\"result\":0}"), receiver.take(1));
    }

    @Test
    void itAnswersAsTheVendorsDoes() throws Exception {
        try (Recording receiver = new Recording()) {
            assertThrows(IllegalStateException.class, receiver::getAddress);
            receiver.start(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
            assertThrows(IllegalStateException.class, () -> receiver.start(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0)));
            URI address = URI.create("http://127.0.0.1:" + receiver.getAddress().getPort() + PushMessageReceiver.PATH);
            HttpResponse<String> taken = post(address, BodyPublishers.ofString(STATUS), "POST");
            assertEquals("200 ok", taken.statusCode() + " " + taken.body());
            assertEquals(200, post(address, BodyPublishers.ofString("{\"notifyType\":\"somethingNew\"}"), "POST").statusCode());
            assertEquals(400, post(address, BodyPublishers.ofString("no JSON"), "POST").statusCode());
            assertEquals(405, post(address, BodyPublishers.ofString(STATUS), "PUT").statusCode());
            assertEquals(413, post(address, BodyPublishers.ofByteArray(new byte[(1 << 20) + 1]), "POST").statusCode());
        }
    }

    private static HttpResponse<String> post(URI address, HttpRequest.BodyPublisher body, String method) throws IOException, InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(address).method(method, body).build();
        return HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build().send(request, BodyHandlers.ofString());
    }

    private static Map<String, String> signed(String id, long timestamp, byte[] body, String key) throws Exception {
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(Base64.getDecoder().decode(key), "HmacSHA256"));
        mac.update((id + "." + timestamp + ".").getBytes(StandardCharsets.UTF_8));
        String signature = "v1," + Base64.getEncoder().encodeToString(mac.doFinal(body));
        return Map.of("webhook-id", id, "webhook-timestamp", Long.toString(timestamp), "webhook-signature", "v1,AAAA " + signature);
    }

    /** Notes what it is told. */
    private static final class Recording extends PushMessageReceiver {
        final BlockingQueue<String> told = new LinkedBlockingQueue<>();
        final BlockingQueue<String> raw = new LinkedBlockingQueue<>();
        volatile int failures;

        List<String> take(int count) {
            String[] taken = new String[count];
            for (int number = 0; number < count; number++) {
                try {
                    taken[number] = told.poll(30, TimeUnit.SECONDS);
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
            }
            return java.util.Arrays.asList(taken);
        }

        @Override
        public void handleBody(String body) {
            raw.add(body);
        }

        @Override
        public void handleNBCommandStateChanged(NotifyNBCommandStatusChangedDTO body) {
            if (failures > 0) {
                failures--;
                throw new IllegalStateException("the handler fails as the test wants it");
            }
            Object detail = body.getResult().getResultDetail();
            told.add(body.getResult().getResultCode() + " " + body.getCommandId() + (detail == null ? "" : " " + detail));
        }

        @Override
        public void handleMessageConfirm(NotifyMessageConfirmDTO body) {
            told.add("confirm " + body.getHeader().getRequestId() + " " + body.getHeader().getStatus());
        }

        @Override
        public void handleCommandRsp(NotifyCommandRspDTO body) {
            told.add("rsp " + body.getHeader().getRequestId() + " " + body.getHeader().getServiceType() + " " + body.getHeader().getMethod() + " "
                + body.getBody());
        }
    }
}
