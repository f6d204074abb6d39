package io.downlink.client;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.downlink.client.Platform.App;
import io.downlink.client.Platform.Device;
import io.downlink.client.dto.CommandDTOV4;
import io.downlink.client.dto.PostDeviceCommandInDTO2;
import io.downlink.client.dto.PostDeviceCommandOutDTO2;
import io.downlink.client.dto.UpdateDeviceCommandInDTO;
import io.downlink.client.dto.UpdateDeviceCommandOutDTO;
import io.downlink.client.invokeapi.Authentication;
import io.downlink.client.invokeapi.SignalDelivery;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** The documented signature {@code updateDeviceCommand}, its success and every refusal. */
class UpdateDeviceCommandTest {
    private final Platform platform = Platform.shared();

    @Test
    void itsSignatureIsTheDocumentedOne() throws NoSuchMethodException {
        Method method = SignalDelivery.class.getMethod("updateDeviceCommand", UpdateDeviceCommandInDTO.class, String.class,
            String.class, String.class);
        assertEquals(UpdateDeviceCommandOutDTO.class, method.getReturnType());
        assertArrayEquals(new Class<?>[] {NorthApiException.class}, method.getExceptionTypes());
        assertNull(method.getAnnotation(Deprecated.class));
        assertTrue(Exception.class.isAssignableFrom(NorthApiException.class) && !RuntimeException.class.isAssignableFrom(NorthApiException.class));
        assertEquals(List.of("commandId:String", "appId:String", "deviceId:String", "command:CommandDTOV4", "callbackUrl:String",
            "expireTime:Integer", "status:String", "result:ObjectNode", "creationTime:String", "executeTime:String",
            "platformIssuedTime:String", "deliveredTime:String", "issuedTimes:Integer", "maxRetransmit:Integer"),
            members(UpdateDeviceCommandOutDTO.class));
        assertEquals(List.of("status:String"), members(UpdateDeviceCommandInDTO.class));
        assertEquals(List.of("serviceId:String", "method:String", "paras:Object"), members(CommandDTOV4.class));
    }

    @Test
    void aCommandThatWaitsIsCancelled() throws NorthApiException {
        App app = platform.app();
        Device device = app.device();
        NorthApiClient client = app.client();
        String token = new Authentication(client).getAuthToken().getAccessToken();
        SignalDelivery service = new SignalDelivery(client);
        PostDeviceCommandOutDTO2 posted = post(service, device.id, token);
        UpdateDeviceCommandOutDTO answer = service.updateDeviceCommand(canceled(), posted.getCommandId(), null, token);
        assertEquals(posted.getCommandId(), answer.getCommandId());
        assertEquals(app.id, answer.getAppId());
        assertEquals(device.id, answer.getDeviceId());
        assertEquals("WaterMeter", answer.getCommand().getServiceId());
        assertEquals("SET_PERIOD", answer.getCommand().getMethod());
        assertEquals(Map.of("value", 12), answer.getCommand().getParas());
        assertNull(answer.getCallbackUrl());
        assertEquals(3600, answer.getExpireTime());
        assertEquals("CANCELED", answer.getStatus());
        assertNull(answer.getResult());
        assertTrue(answer.getCreationTime().matches("[0-9]{8}T[0-9]{6}Z"), answer.getCreationTime());
        assertNull(answer.getExecuteTime());
        assertNull(answer.getPlatformIssuedTime());
        assertNull(answer.getDeliveredTime());
        assertEquals(0, answer.getIssuedTimes());
        assertEquals(3, answer.getMaxRetransmit());
    }

    @Test
    void everyCodeOfItsTableIsTold() throws NorthApiException {
        App app = platform.app();
        App other = platform.app();
        Device device = app.device();
        NorthApiClient client = app.client();
        new Authentication(client).getAuthToken();
        client.setTimerFlag(true);
        SignalDelivery service = new SignalDelivery(client);
        PostDeviceCommandInDTO2 order = order(device.id);
        order.setCallbackUrl("http://127.0.0.1:9/commands");
        String id = service.postDeviceCommand(order, null, null).getCommandId();
        Refusals refusals = new Refusals("updateDeviceCommand");
        String path = "/iocm/app/cmd/v1.4.0/deviceCommands/" + id;
        refusals.expect("100220",
            () -> client.invokeAPI(path, "PUT", null, canceled(), null, null, null, null, null, UpdateDeviceCommandOutDTO.class));
        refusals.expect("1010005", () -> service.updateDeviceCommand(canceled(), id, null, "wrong"));
        refusals.expect("100203", () -> service.updateDeviceCommand(canceled(), id, "nobody", null));
        refusals.expect("100217", () -> service.updateDeviceCommand(canceled(), id, other.id, null));
        NorthApiException invalid = refusals.expect("100022", () -> service.updateDeviceCommand(new UpdateDeviceCommandInDTO(), id, null, null));
        assertTrue(invalid.getDetail().contains("status"), invalid.getDetail());
        assertTrue(invalid.getMessage().contains("status"), invalid.getMessage());
        UpdateDeviceCommandInDTO large = new UpdateDeviceCommandInDTO();
        large.setStatus("C".repeat(2_000_000));
        refusals.expect("190413", () -> service.updateDeviceCommand(large, id, null, null));
        refusals.expect("100434", () -> service.updateDeviceCommand(canceled(), "00000000000000000000000000000000", null, null));
        for (String[] fault : new String[][] {{"handler", "100001"}, {"row", "100023"}, {"session-lookup", "101016"}, {"callback-address", "101017"},
            {"overload", "100501"}}) {
            platform.fault(fault[0]);
            refusals.expect(fault[1], () -> service.updateDeviceCommand(canceled(), id, null, null));
        }
        assertEquals("CANCELED", service.updateDeviceCommand(canceled(), id, null, null).getStatus(), "the refusals have changed nothing");
        refusals.expect("100435", () -> service.updateDeviceCommand(canceled(), id, null, null));
        exhaust(platform, app, service);
        refusals.expect("1010009", () -> service.updateDeviceCommand(canceled(), id, null, null));
        // A body that ends before it is whole, and one that never ends: this client sends neither.
        refusals.onlyLeft("100007", "190408");
    }

    static void exhaust(Platform platform, App app, SignalDelivery service) throws NorthApiException {
        platform.operator("app", "throttle", app.id, "on");
        for (int call = 0; call < 100; call++) {
            service.queryDeviceCommand(null, null);
        }
    }

    static UpdateDeviceCommandInDTO canceled() {
        UpdateDeviceCommandInDTO dto = new UpdateDeviceCommandInDTO();
        dto.setStatus("CANCELED");
        return dto;
    }

    static PostDeviceCommandOutDTO2 post(SignalDelivery service, String device, String token) throws NorthApiException {
        return service.postDeviceCommand(order(device), null, token);
    }

    static PostDeviceCommandInDTO2 order(String device) {
        CommandDTOV4 command = new CommandDTOV4();
        command.setServiceId("WaterMeter");
        command.setMethod("SET_PERIOD");
        command.setParas(Map.of("value", 12));
        PostDeviceCommandInDTO2 order = new PostDeviceCommandInDTO2();
        order.setDeviceId(device);
        order.setCommand(command);
        order.setExpireTime(3600);
        return order;
    }

    static List<String> members(Class<?> type) {
        return Arrays.stream(type.getDeclaredFields()).map(UpdateDeviceCommandTest::member).collect(Collectors.toList());
    }

    private static String member(Field field) {
        return field.getName() + ":" + field.getType().getSimpleName();
    }
}
