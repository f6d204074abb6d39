package io.downlink.client;

import static io.downlink.client.UpdateDeviceCommandTest.members;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.downlink.client.Platform.App;
import io.downlink.client.Platform.Awake;
import io.downlink.client.Platform.Device;
import io.downlink.client.dto.CommandDTO2;
import io.downlink.client.dto.CommandNA2CloudHeader;
import io.downlink.client.dto.InvokeDeviceServiceOutDTO;
import io.downlink.client.invokeapi.Authentication;
import io.downlink.client.invokeapi.DeviceServiceInvocation;
import io.downlink.client.invokeapi.SignalDelivery;
import java.lang.reflect.Method;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The documented signature {@code invokeDeviceService}, its successes and every refusal. */
class InvokeDeviceServiceTest {
    private final Platform platform = Platform.shared();

    @Test
    void itsSignatureIsTheDocumentedOne() throws NoSuchMethodException {
        Method method = DeviceServiceInvocation.class.getMethod("invokeDeviceService", String.class, String.class, CommandDTO2.class, String.class,
            String.class);
        assertEquals(InvokeDeviceServiceOutDTO.class, method.getReturnType());
        assertArrayEquals(new Class<?>[] {NorthApiException.class}, method.getExceptionTypes());
        assertNull(method.getAnnotation(Deprecated.class));
        assertEquals(List.of("header:CommandNA2CloudHeader", "body:Object"), members(CommandDTO2.class));
        assertEquals(List.of("requestId:String", "mode:String", "from:String", "toType:String", "to:String", "method:String", "callbackURL:String"),
            members(CommandNA2CloudHeader.class));
        assertEquals(String.class, InvokeDeviceServiceOutDTO.class.getMethod("getTimeStamp").getReturnType());
        assertEquals(String.class, InvokeDeviceServiceOutDTO.class.getMethod("getTimestamp").getReturnType());
        assertEquals(String.class, InvokeDeviceServiceOutDTO.class.getMethod("getRequestId").getReturnType());
        assertEquals(String.class, InvokeDeviceServiceOutDTO.class.getMethod("getStatus").getReturnType());
    }

    @Test
    void anAwakeDeviceIsCalled() throws NorthApiException {
        App app = platform.app();
        Device device = app.meter();
        NorthApiClient client = app.client();
        String token = new Authentication(client).getAuthToken().getAccessToken();
        DeviceServiceInvocation service = new DeviceServiceInvocation(client);
        CommandDTO2 gateway = call("SET_PERIOD");
        gateway.getHeader().setRequestId("mine");
        CommandDTO2 cloud = call("SET_PERIOD");
        cloud.getHeader().setMode("ACK");
        cloud.getHeader().setToType("CLOUD");
        try (Awake awake = platform.awake(device, "--commands", "2", "--body", "{\"result\":0}")) {
            assertNotNull(awake);
            InvokeDeviceServiceOutDTO sent = service.invokeDeviceService(device.id, "WaterMeter", gateway, null, token);
            assertEquals("sent", sent.getStatus());
            assertEquals("mine", sent.getRequestId());
            assertTrue(sent.getTimestamp().matches("[0-9]{8}T[0-9]{6}Z"), sent.getTimestamp());
            assertEquals(sent.getTimestamp(), sent.getTimeStamp());
            InvokeDeviceServiceOutDTO delivered = service.invokeDeviceService(device.id, "WaterMeter", cloud, app.id, token);
            assertEquals("delivered", delivered.getStatus());
            assertNull(delivered.getRequestId());
        }
    }

    @Test
    void everyCodeOfItsTableIsTold() throws NorthApiException {
        App app = platform.app();
        App other = platform.app();
        Device device = app.meter();
        Device child = app.device("--gateway", device.id, "--profile", "Downlink/WM1");
        NorthApiClient client = app.client();
        new Authentication(client).getAuthToken();
        client.setTimerFlag(true);
        DeviceServiceInvocation service = new DeviceServiceInvocation(client);
        CommandDTO2 call = call("SET_PERIOD");
        Refusals refusals = new Refusals("invokeDeviceService");
        String path = "/iocm/app/signaltrans/v1.1.0/devices/" + device.id + "/services/WaterMeter/sendCommand";
        refusals.expect("100220", () -> client.invokeAPI(path, "POST", null, call, null, null, null, null, null, InvokeDeviceServiceOutDTO.class));
        refusals.expect("1010005", () -> service.invokeDeviceService(device.id, "WaterMeter", call, null, "wrong"));
        refusals.expect("100203", () -> service.invokeDeviceService(device.id, "WaterMeter", call, "nobody", null));
        refusals.expect("100217", () -> service.invokeDeviceService(device.id, "WaterMeter", call, other.id, null));
        refusals.expect("100022", () -> service.invokeDeviceService(device.id, "WaterMeter", new CommandDTO2(), null, null));
        CommandDTO2 large = call("SET_PERIOD");
        large.setBody(Map.of("value", "1".repeat(2_000_000)));
        refusals.expect("190413", () -> service.invokeDeviceService(device.id, "WaterMeter", large, null, null));
        refusals.expect("100418", () -> service.invokeDeviceService("none", "WaterMeter", call, null, null));
        NorthApiException offline = refusals.expect("100428", () -> service.invokeDeviceService(device.id, "WaterMeter", call, null, null));
        assertEquals(200, offline.getHttpStatusCode(), "a refusal with status 200 is an exception all the same");
        refusals.expect("100450", () -> service.invokeDeviceService(child.id, "WaterMeter", call, null, null));
        CommandDTO2 told = call("SET_PERIOD");
        told.getHeader().setCallbackURL("http://127.0.0.1:9/calls");
        for (String[] fault : new String[][] {{"handler", "100001"}, {"row", "100023"}, {"session-lookup", "101016"}, {"overload", "100501"}}) {
            platform.fault(fault[0]);
            refusals.expect(fault[1], () -> service.invokeDeviceService(device.id, "WaterMeter", told, null, null));
        }
        try (Awake first = platform.awake(device)) {
            assertNotNull(first);
            refusals.expect("100444", () -> service.invokeDeviceService(device.id, "Nothing", call, null, null));
            refusals.expect("102203", () -> service.invokeDeviceService(device.id, "WaterMeter", call("NOTHING"), null, null));
            platform.operator("device", "mute-command", device.id, "WaterMeter", "SET_PERIOD");
            refusals.expect("100432", () -> service.invokeDeviceService(device.id, "WaterMeter", call, null, null));
            platform.operator("device", "unmute-command", device.id, "WaterMeter", "SET_PERIOD");
            platform.fault("callback-address");
            refusals.expect("101017", () -> service.invokeDeviceService(device.id, "WaterMeter", told, null, null));
            client.setIdempotencyKeys(() -> "mine");
            assertEquals("sent", service.invokeDeviceService(device.id, "WaterMeter", call, null, null).getStatus());
            CommandDTO2 another = call("CLOSE_VALVE");
            another.setBody(null);
            refusals.expect("190409", () -> service.invokeDeviceService(device.id, "WaterMeter", another, null, null));
            client.setIdempotencyKeys(null);
        }
        Awake awake = platform.awake(device);
        platform.fault("refuse-frame");
        refusals.expect("50252", () -> service.invokeDeviceService(device.id, "WaterMeter", call, null, null));
        // The connection ends with this fault, and the device sees it.
        awake.end(1);
        UpdateDeviceCommandTest.exhaust(platform, app, new SignalDelivery(client));
        refusals.expect("1010009", () -> service.invokeDeviceService(device.id, "WaterMeter", call, null, null));
        // A body that ends before it is whole, and one that never ends: this client sends neither.
        refusals.onlyLeft("100007", "190408");
    }

    static CommandDTO2 call(String method) {
        CommandNA2CloudHeader header = new CommandNA2CloudHeader();
        header.setMode("NOACK");
        header.setMethod(method);
        CommandDTO2 call = new CommandDTO2();
        call.setHeader(header);
        call.setBody(Map.of("value", 12));
        return call;
    }
}
