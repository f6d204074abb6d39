package io.downlink.client;

import static io.downlink.client.UpdateDeviceCommandTest.canceled;
import static io.downlink.client.UpdateDeviceCommandTest.order;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.downlink.client.Platform.App;
import io.downlink.client.Platform.Awake;
import io.downlink.client.Platform.Device;
import io.downlink.client.dto.*;
import io.downlink.client.invokeapi.Authentication;
import io.downlink.client.invokeapi.DataCollection;
import io.downlink.client.invokeapi.DeviceGroupManagement;
import io.downlink.client.invokeapi.DeviceManagement;
import io.downlink.client.invokeapi.DeviceServiceInvocation;
import io.downlink.client.invokeapi.SignalDelivery;
import io.downlink.constant.CommandStatus;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Every operation with success, and the older overloads that worked. */
@SuppressWarnings("deprecation")
class OperationsTest {
    private final Platform platform = Platform.shared();
    private final App app = platform.app();
    private final NorthApiClient client = app.client();
    private final DeviceManagement management = new DeviceManagement(client);
    private final DataCollection data = new DataCollection(client);
    private final SignalDelivery delivery = new SignalDelivery(client);

    @BeforeEach
    void logIn() throws NorthApiException {
        new Authentication(client).getAuthToken();
        client.setTimerFlag(true);
    }

    @Test
    void tokensAreMadeRefreshedAndEnded() throws NorthApiException {
        Authentication authentication = new Authentication(client);
        AuthOutDTO first = authentication.getAuthToken();
        assertEquals("bearer", first.getTokenType());
        assertEquals("default", first.getScope());
        assertEquals(3600, first.getExpiresIn());
        assertTrue(first.getAccessToken().matches("[0-9a-f]{32}"));
        assertFalse(first.toString().contains(first.getAccessToken()) || first.toString().contains(first.getRefreshToken()), first.toString());
        AuthRefreshInDTO with = new AuthRefreshInDTO();
        with.setAppId(app.id);
        with.setSecret(app.secret);
        with.setRefreshToken(first.getRefreshToken());
        assertFalse(with.toString().contains(app.secret), with.toString());
        AuthRefreshOutDTO second = authentication.refreshAuthToken(with);
        assertNotEquals(first.getAccessToken(), second.getAccessToken());
        assertNotNull(delivery.queryDeviceCommand(null, first.getAccessToken()), "a refresh leaves the old token for a while");
        authentication.logoutAuthToken(second.getAccessToken());
        NorthApiException refused = assertThrows(NorthApiException.class, () -> delivery.queryDeviceCommand(null, second.getAccessToken()));
        assertEquals("1010005", refused.getError_code());
        with.setRefreshToken("wrong");
        assertEquals("100208", assertThrows(NorthApiException.class, () -> authentication.refreshAuthToken(with)).getError_code());
    }

    @Test
    void aDeviceIsRegisteredChangedShownAndDeleted() throws NorthApiException {
        RegDirectDeviceInDTO2 wanted = new RegDirectDeviceInDTO2();
        wanted.setNodeId(Platform.name("node"));
        wanted.setVerifyCode(wanted.getNodeId());
        wanted.setTimeout(0);
        DeviceInfoDTO info = new DeviceInfoDTO();
        info.setManufacturerId("Downlink");
        info.setModel("WM1");
        wanted.setDeviceInfo(info);
        RegDirectDeviceOutDTO made = management.regDirectDevice(wanted, null, null);
        assertEquals(wanted.getVerifyCode(), made.getVerifyCode());
        assertEquals(0, made.getTimeout());
        assertNotNull(made.getPsk());
        QueryDeviceStatusOutDTO status = management.queryDeviceStatus(made.getDeviceId(), null, null);
        assertFalse(status.isActivated());
        assertEquals(made.getDeviceId(), status.getDeviceId());
        ModifyDeviceInforInDTO change = new ModifyDeviceInforInDTO();
        change.setName("cellar");
        change.setMute("TRUE");
        Tag2 tag = new Tag2();
        tag.setTagName("floor");
        tag.setTagValue("-1");
        tag.setTagType("1");
        change.setTags(List.of(tag));
        management.modifyDeviceInfo(change, made.getDeviceId(), null, null);
        QuerySingleDeviceInfoOutDTO shown = data.querySingleDeviceInfo(made.getDeviceId(), null, null, null);
        assertEquals("cellar", shown.getDeviceInfo().getName());
        assertEquals("TRUE", shown.getDeviceInfo().getMute());
        assertEquals("GATEWAY", shown.getNodeType());
        assertTrue(shown.getCreateTime().matches("[0-9]{8}T[0-9]{6}Z"), shown.getCreateTime());
        QueryBatchDevicesInfoInDTO page = new QueryBatchDevicesInfoInDTO();
        page.setPageNo(0);
        page.setPageSize(10);
        QueryBatchDevicesInfoOutDTO list = data.queryBatchDevicesInfo(page, null);
        assertEquals(1, list.getTotalCount());
        assertEquals(10, list.getPageSize());
        assertEquals(made.getDeviceId(), list.getDevices().get(0).getDeviceId());
        management.deleteDirectDevice(made.getDeviceId(), true, null, null);
        NorthApiException gone = assertThrows(NorthApiException.class, () -> data.querySingleDeviceInfo(made.getDeviceId(), null, null, null));
        assertEquals("100418", gone.getError_code());
    }

    @Test
    void keysAreRefreshed() throws NorthApiException {
        RegDirectDeviceWithSecretInDTO wanted = new RegDirectDeviceWithSecretInDTO();
        SecretModeInfo info = new SecretModeInfo();
        info.setNodeId(Platform.name("node"));
        wanted.setDeviceInfo(info);
        wanted.setMqttConnect(true);
        RegDirectDeviceWithSecretOutDTO made = management.regDirectDeviceWithSecret(wanted, null, null);
        assertTrue(made.getSecret().matches("[0-9a-f]{20}"));
        assertFalse(made.toString().contains(made.getSecret()), made.toString());
        platform.operator("device", "play", made.getDeviceId(), "--secret", made.getSecret());
        RefreshDeviceKeyInDTO code = new RefreshDeviceKeyInDTO();
        code.setVerifyCode("another");
        code.setTimeout(300);
        RefreshDeviceKeyOutDTO coded = management.refreshDeviceKey(code, made.getDeviceId(), null, null);
        assertEquals("another", coded.getVerifyCode());
        assertEquals(300, coded.getTimeout());
        platform.operator("device", "play", made.getDeviceId(), "--secret", made.getSecret());
        RefreshDeviceKeyWithSecretInDTO secret = new RefreshDeviceKeyWithSecretInDTO();
        secret.setSecret("00112233445566778899");
        assertEquals("00112233445566778899", management.refreshDeviceKeyWithSecret(secret, made.getDeviceId(), null, null).getSecret());
    }

    @Test
    void commandsAreQueuedListedAndCancelled() throws NorthApiException {
        Device device = app.device();
        PostDeviceCommandOutDTO2 posted = delivery.postDeviceCommand(order(device.id), null, null);
        assertEquals(CommandStatus.PENDING, posted.getStatus());
        QueryDeviceCommandInDTO2 page = new QueryDeviceCommandInDTO2();
        page.setDeviceId(device.id);
        page.setPageNo(0);
        page.setPageSize(1);
        page.setAppId(app.id);
        QueryDeviceCommandOutDTO2 list = delivery.queryDeviceCommand(page, null);
        assertEquals(1, list.getPagination().getTotalSize());
        assertEquals(posted.getCommandId(), list.getData().get(0).getCommandId());
        CreateDeviceCmdCancelTaskInDTO all = new CreateDeviceCmdCancelTaskInDTO();
        all.setDeviceId(device.id);
        CreateDeviceCmdCancelTaskOutDTO task = delivery.createDeviceCmdCancelTask(all, null, null);
        assertEquals(1, task.getTotalCount());
        assertEquals(posted.getCommandId(), task.getDeviceCommands().get(0).getCommandId());
        QueryDeviceCmdCancelTaskInDTO2 which = new QueryDeviceCmdCancelTaskInDTO2();
        which.setTaskId(task.getTaskId());
        QueryDeviceCmdCancelTaskOutDTO2 tasks = delivery.queryDeviceCmdCancelTask(which, null);
        assertEquals("SUCCESS", tasks.getData().get(0).getStatus());
    }

    @Test
    void theResultOfACommandIsShown() throws NorthApiException {
        Device device = app.meter();
        PostDeviceCommandOutDTO2 posted = delivery.postDeviceCommand(order(device.id), null, null);
        platform.operator("device", "play", device.id, "--secret", device.secret, "--commands", "1", "--body", "{\"result\":0}");
        QueryDeviceCommandInDTO2 page = new QueryDeviceCommandInDTO2();
        page.setDeviceId(device.id);
        DeviceCommandRespV4 done = delivery.queryDeviceCommand(page, null).getData().get(0);
        assertEquals(posted.getCommandId(), done.getCommandId());
        assertEquals(CommandStatus.SUCCESSFUL, done.getStatus());
        assertEquals(0, done.getResult().get("resultDetail").get("result").asInt());
        assertEquals(1, done.getIssuedTimes());
        assertNotNull(done.getExecuteTime());
        assertNotNull(done.getDeliveredTime());
        assertNotNull(done.getPlatformIssuedTime());
    }

    @Test
    void aGroupIsMadeFilledShownAndDeleted() throws NorthApiException {
        Device device = app.device();
        DeviceGroupManagement groups = new DeviceGroupManagement(client);
        CreateDeviceGroupInDTO wanted = new CreateDeviceGroupInDTO();
        wanted.setName("MillLane");
        wanted.setMaxDevNum(1);
        CreateDeviceGroupOutDTO made = groups.createDeviceGroup(wanted, null);
        assertEquals(app.id, made.getAppId());
        assertEquals(0, made.getCurDevNum());
        NorthApiException taken = assertThrows(NorthApiException.class, () -> groups.createDeviceGroup(wanted, null));
        assertEquals("100602", taken.getError_code());
        DeviceGroupWithDeviceListDTO devices = new DeviceGroupWithDeviceListDTO();
        devices.setDevGroupId(made.getId());
        devices.setDeviceIds(List.of(device.id));
        assertEquals(List.of(device.id), groups.addDevicesToGroup(devices, null, null).getDeviceIds());
        QueryDeviceGroupMembersInDTO which = new QueryDeviceGroupMembersInDTO();
        which.setDevGroupId(made.getId());
        assertEquals(List.of(device.id), groups.queryDeviceGroupMembers(which, null).getDeviceIds());
        ModifyDeviceGroupInDTO change = new ModifyDeviceGroupInDTO();
        change.setDescription("The meters of Mill Lane");
        ModifyDeviceGroupOutDTO changed = groups.modifyDeviceGroup(change, made.getId(), app.id, null);
        assertEquals("The meters of Mill Lane", changed.getDescription());
        assertEquals(1, changed.getMaxDevNum(), "what is not set stays");
        QuerySingleDeviceGroupOutDTO shown = groups.queryDeviceGroups(null, null).getList().get(0);
        assertEquals(made.getId(), shown.getId());
        assertEquals(app.id, shown.getCreator());
        groups.deleteDevicesFromGroup(devices, null, null);
        assertEquals(0, groups.querySingleDeviceGroup(made.getId(), null, null).getCurDevNum());
        groups.deleteDeviceGroup(made.getId(), null, null);
        NorthApiException gone = assertThrows(NorthApiException.class, () -> groups.querySingleDeviceGroup(made.getId(), null, null));
        assertEquals("100603", gone.getError_code());
    }

    @Test
    void theCommandsOf2017Work() throws NorthApiException {
        Device device = app.device();
        PostDeviceCommandV12InDTO order = new PostDeviceCommandV12InDTO();
        order.setCommand(order(device.id).getCommand());
        PostDeviceCommandV12OutDTO posted = delivery.postDeviceCommandV12(order, device.id, null, null);
        assertEquals("PENDING", posted.getResult().get("resultCode").asText());
        QueryDeviceCommandV12InDTO page = new QueryDeviceCommandV12InDTO();
        page.setDeviceId(device.id);
        assertEquals(posted.getCommandId(), delivery.queryDeviceCommandV12(page, null).getList().get(0).getCommandId());
        CreateDeviceCmdCancelTaskV12InDTO all = new CreateDeviceCmdCancelTaskV12InDTO();
        all.setDeviceId(device.id);
        assertEquals(1, delivery.createDeviceCmdCancelTaskV12(all, null, null).getTotalCount());
    }

    @Test
    void theOlderOverloadsOfCommandsWork() throws NorthApiException {
        Device device = app.meter();
        AsynCommandDTO command = new AsynCommandDTO();
        command.setServiceId("WaterMeter");
        command.setMethod("SET_PERIOD");
        command.setParas(paras());
        PostDeviceCommandInDTO order = new PostDeviceCommandInDTO();
        order.setDeviceId(device.id);
        order.setCommand(command);
        PostDeviceCommandOutDTO posted = delivery.postDeviceCommand(order, app.id, null);
        assertEquals(12, posted.getCommand().getParas().get("value").asInt());
        QueryDeviceCommandInDTO page = new QueryDeviceCommandInDTO();
        page.setDeviceId(device.id);
        assertEquals(posted.getCommandId(), delivery.queryDeviceCommand(page, app.id, null).getData().get(0).getCommandId());
        DeviceCmdCancelTaskInDTO all = new DeviceCmdCancelTaskInDTO();
        all.setDeviceId(device.id);
        DeviceCmdCancelTaskOutDTO task = delivery.createDeviceCmdCancelTaskV4(all, null, null);
        assertEquals(posted.getCommandId(), task.getDeviceCommands().get(0).getCommandId());
        QueryDeviceCmdCancelTaskInDTO which = new QueryDeviceCmdCancelTaskInDTO();
        which.setTaskId(task.getTaskId());
        assertEquals(task.getTaskId(), delivery.queryDeviceCmdCancelTask(which, null, null).getData().get(0).getTaskId());
        CommandDTO message = new CommandDTO();
        message.setHeader(InvokeDeviceServiceTest.call("SET_PERIOD").getHeader());
        message.setBody(paras());
        DeviceServiceInvocationInDTO call = new DeviceServiceInvocationInDTO();
        call.setDeviceId(device.id);
        call.setServiceId("WaterMeter");
        call.setMessage(message);
        try (Awake awake = platform.awake(device)) {
            assertNotNull(awake);
            assertEquals("sent", new DeviceServiceInvocation(client).invocateDeviceService(call, null, null).getStatus());
        }
    }

    @Test
    void theOlderOverloadsOfDevicesWork() throws NorthApiException {
        RegDirectDeviceInDTO wanted = new RegDirectDeviceInDTO();
        wanted.setNodeId(Platform.name("node"));
        wanted.setDeviceName("kitchen");
        wanted.setTimeout(0);
        RegDirectDeviceOutDTO made = management.regDirectDevice(wanted, null, null);
        ModifyDeviceInfoInDTO change = new ModifyDeviceInfoInDTO();
        change.setDeviceId(made.getDeviceId());
        change.setLocation("shelf");
        management.modifyDeviceInfo(change, null, null);
        QueryDeviceDataOutDTO shown = data.queryDeviceData(made.getDeviceId(), null, null);
        assertEquals("kitchen", shown.getDeviceInfo().getName());
        assertEquals("shelf", shown.getDeviceInfo().getLocation());
        QueryDevicesInDTO page = new QueryDevicesInDTO();
        page.setPageNo(0);
        page.setPageSize(5);
        assertEquals(made.getDeviceId(), data.queryDevices(page, null, null).getDevices().get(0).getDeviceId());
        RefreshVerifyCodeDTO code = new RefreshVerifyCodeDTO();
        code.setVerifyCode("another");
        RefreshVerifyCodeInDTO refresh = new RefreshVerifyCodeInDTO();
        refresh.setDeviceId(made.getDeviceId());
        refresh.setRequest(code);
        NorthApiException never = assertThrows(NorthApiException.class, () -> management.refreshDeviceSecret(refresh, null, null));
        assertEquals("100610", never.getError_code());
        management.deleteDirectDevice(made.getDeviceId(), null, null);
        assertThrows(NorthApiException.class, () -> data.queryDeviceData(made.getDeviceId(), null, null));
    }

    @Test
    void anotherApplicationsDevicesAreNamedByAppId() throws NorthApiException {
        App owner = platform.app();
        Device device = owner.device();
        platform.operator("app", "grant", owner.id, "--to", app.id);
        PostDeviceCommandOutDTO2 posted = delivery.postDeviceCommand(order(device.id), owner.id, null);
        assertEquals(owner.id, posted.getAppId());
        assertEquals(CommandStatus.CANCELED, delivery.updateDeviceCommand(canceled(), posted.getCommandId(), owner.id, null).getStatus());
    }

    @Test
    void anyAddressCanBeCalled() throws NorthApiException {
        Device device = app.device();
        String path = "/iocm/app/reg/v1.1.0/deviceCredentials/" + device.id;
        assertEquals(device.id, client.invokeAPI(null, null, "GET", path, null, null, QueryDeviceStatusOutDTO.class).getDeviceId());
        assertNull(client.invokeAPI(app.id, null, "GET", path, Map.of("x", "y z"), null, null));
        NorthApiException nowhere = assertThrows(NorthApiException.class,
            () -> client.invokeAPI(null, null, "GET", "/iocm/app/nowhere", null, null, ObjectNode.class));
        assertEquals("200001", nowhere.getError_code());
        assertEquals(404, nowhere.getHttpStatusCode());
        NorthApiException method = assertThrows(NorthApiException.class, () -> client.invokeAPI(null, null, "PATCH", path, null, null, null));
        assertEquals("1002", method.getError_code());
    }

    @Test
    void aKeyMakesARepeatedCreateOne() throws NorthApiException {
        Device device = app.device();
        client.setIdempotencyKeys(() -> "mine");
        String first = delivery.postDeviceCommand(order(device.id), null, null).getCommandId();
        assertEquals(first, delivery.postDeviceCommand(order(device.id), null, null).getCommandId());
        client.setIdempotencyKeys(null);
        assertNotEquals(first, delivery.postDeviceCommand(order(device.id), null, null).getCommandId());
    }

    private static ObjectNode paras() {
        return JsonNodeFactory.instance.objectNode().put("value", 12);
    }
}
