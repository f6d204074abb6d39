package io.downlink.client;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.NullNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.downlink.client.dto.*;
import io.downlink.client.invokeapi.Authentication;
import io.downlink.client.invokeapi.DataCollection;
import io.downlink.client.invokeapi.DeviceGroupManagement;
import io.downlink.client.invokeapi.DeviceManagement;
import io.downlink.client.invokeapi.DeviceServiceInvocation;
import io.downlink.client.invokeapi.SignalDelivery;
import io.downlink.utils.JsonUtil;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * The scenario's calls. Each goes through the documented method of its operation, if its arguments can be said with the method's classes;
 * else through {@code invokeAPI}.
 */
@SuppressWarnings("deprecation")
final class ScenarioCalls {
    private static final ObjectMapper MAPPER = JsonUtil.mapper();
    private static final String KEY = "Idempotency-Key";

    private final NorthApiClient client;
    private final Authentication authentication;
    private final Map<String, Method> methods = new HashMap<>();
    private final Set<String> used = new TreeSet<>();
    private AuthRefreshInDTO kept;

    ScenarioCalls(NorthApiClient client) {
        this.client = client;
        this.authentication = new Authentication(client);
        DeviceManagement management = new DeviceManagement(client);
        DataCollection data = new DataCollection(client);
        SignalDelivery delivery = new SignalDelivery(client);
        DeviceServiceInvocation invocation = new DeviceServiceInvocation(client);
        body("regDirectDevice", RegDirectDeviceInDTO2.class, (dto, at) -> management.regDirectDevice(dto, at.app, at.token));
        body("regDirectDeviceWithSecret", RegDirectDeviceWithSecretInDTO.class,
            (dto, at) -> management.regDirectDeviceWithSecret(dto, at.app, at.token));
        body("refreshDeviceKey", RefreshDeviceKeyInDTO.class, (dto, at) -> management.refreshDeviceKey(dto, at.text("deviceId"), at.app, at.token));
        body("refreshDeviceKeyWithSecret", RefreshDeviceKeyWithSecretInDTO.class,
            (dto, at) -> management.refreshDeviceKeyWithSecret(dto, at.text("deviceId"), at.app, at.token));
        body("modifyDeviceInfo", ModifyDeviceInforInDTO.class, (dto, at) -> {
            management.modifyDeviceInfo(dto, at.text("deviceId"), at.app, at.token);
            return null;
        });
        query("deleteDirectDevice", Cascade.class, (dto, at) -> {
            management.deleteDirectDevice(dto.deviceId, dto.cascade, at.app, at.token);
            return null;
        });
        query("queryDeviceStatus", Device.class, (dto, at) -> management.queryDeviceStatus(dto.deviceId, at.app, at.token));
        query("querySingleDeviceInfo", Device.class, (dto, at) -> data.querySingleDeviceInfo(dto.deviceId, dto.select, at.app, at.token));
        query("queryBatchDevicesInfo", QueryBatchDevicesInfoInDTO.class, (dto, at) -> data.queryBatchDevicesInfo(dto, at.token));
        body("postDeviceCommand", PostDeviceCommandInDTO2.class, (dto, at) -> delivery.postDeviceCommand(dto, at.app, at.token));
        query("queryDeviceCommand", QueryDeviceCommandInDTO2.class, (dto, at) -> delivery.queryDeviceCommand(dto, at.token));
        body("updateDeviceCommand", UpdateDeviceCommandInDTO.class,
            (dto, at) -> delivery.updateDeviceCommand(dto, at.text("deviceCommandId"), at.app, at.token));
        body("createDeviceCmdCancelTask", CreateDeviceCmdCancelTaskInDTO.class,
            (dto, at) -> delivery.createDeviceCmdCancelTask(dto, at.app, at.token));
        query("queryDeviceCmdCancelTask", QueryDeviceCmdCancelTaskInDTO2.class, (dto, at) -> delivery.queryDeviceCmdCancelTask(dto, at.token));
        body("invokeDeviceService", CommandDTO2.class,
            (dto, at) -> invocation.invokeDeviceService(at.text("deviceId"), at.text("serviceId"), dto, at.app, at.token));
        body("postDeviceCommandV12", PostDeviceCommandV12InDTO.class,
            (dto, at) -> delivery.postDeviceCommandV12(dto, at.text("deviceId"), at.app, at.token));
        query("queryDeviceCommandV12", QueryDeviceCommandV12InDTO.class, (dto, at) -> delivery.queryDeviceCommandV12(dto, at.token));
        body("createDeviceCmdCancelTaskV12", CreateDeviceCmdCancelTaskV12InDTO.class,
            (dto, at) -> delivery.createDeviceCmdCancelTaskV12(dto, at.app, at.token));
        groups(new DeviceGroupManagement(client));
    }

    private void groups(DeviceGroupManagement groups) {
        body("createDeviceGroup", CreateDeviceGroupInDTO.class, (dto, at) -> groups.createDeviceGroup(dto, at.token));
        query("deleteDeviceGroup", Group.class, (dto, at) -> {
            groups.deleteDeviceGroup(dto.devGroupId, dto.accessAppId, at.token);
            return null;
        });
        body("modifyDeviceGroup", ModifyDeviceGroupInDTO.class,
            (dto, at) -> groups.modifyDeviceGroup(dto, at.text("devGroupId"), at.text("accessAppId"), at.token));
        query("queryDeviceGroups", QueryDeviceGroupsInDTO.class, (dto, at) -> groups.queryDeviceGroups(dto, at.token));
        query("querySingleDeviceGroup", Group.class,
            (dto, at) -> groups.querySingleDeviceGroup(dto.devGroupId, dto.accessAppId, at.token));
        query("queryDeviceGroupMembers", QueryDeviceGroupMembersInDTO.class, (dto, at) -> groups.queryDeviceGroupMembers(dto, at.token));
        body("addDevicesToGroup", DeviceGroupWithDeviceListDTO.class,
            (dto, at) -> groups.addDevicesToGroup(dto, at.text("accessAppId"), at.token));
        body("deleteDevicesFromGroup", DeviceGroupWithDeviceListDTO.class, (dto, at) -> {
            groups.deleteDevicesFromGroup(dto, at.text("accessAppId"), at.token);
            return null;
        });
    }

    /** The operations that went through their own methods. */
    Set<String> throughTheirMethods() {
        return used;
    }

    /** Makes a call; the answer as the client's types hold it. */
    JsonNode call(String id, ObjectNode args, String credentials) throws NorthApiException {
        Operation operation = operation(id);
        Object answer = !operation.authenticated() ? token(operation, args) : other(operation, new At(args), credentials);
        return answer == null ? NullNode.getInstance() : MAPPER.valueToTree(answer);
    }

    private Object other(Operation operation, At at, String credentials) throws NorthApiException {
        Method method = methods.get(operation.id());
        Object dto = credentials.equals("none") ? null : method.dto(operation, at);
        if (dto == null) {
            return low(operation, at, credentials);
        }
        used.add(operation.id());
        if (!at.args.hasNonNull(KEY)) {
            return method.call(dto, at);
        }
        client.setIdempotencyKeys(() -> at.text(KEY));
        try {
            return method.call(dto, at);
        } finally {
            client.setIdempotencyKeys(() -> java.util.UUID.randomUUID().toString());
        }
    }

    /** The three operations about tokens. Without a body they are about the token that the client keeps. */
    private Object token(Operation operation, ObjectNode args) throws NorthApiException {
        JsonNode body = args.get("body");
        if (operation == Operation.LOGOUT_AUTH_TOKEN) {
            used.add(operation.id());
            authentication.logoutAuthToken(body == null ? client.tokens().resolve(null) : body.get("accessToken").asText());
            return null;
        }
        if (body != null) {
            Map<String, String> form = new LinkedHashMap<>();
            body.fields().forEachRemaining(member -> form.put(member.getKey(), member.getValue().asText()));
            boolean login = operation == Operation.GET_AUTH_TOKEN;
            return client.invokeAPI(operation.path(), "POST", null, body, null, login ? form : null, null, null, null, AuthOutDTO.class);
        }
        used.add(operation.id());
        if (operation == Operation.GET_AUTH_TOKEN) {
            AuthOutDTO answer = authentication.getAuthToken();
            kept = new AuthRefreshInDTO();
            kept.setAppId(client.getClientInfo().getAppId());
            kept.setSecret(client.getClientInfo().getSecret());
            kept.setRefreshToken(answer.getRefreshToken());
            return answer;
        }
        AuthRefreshOutDTO answer = authentication.refreshAuthToken(kept);
        kept.setRefreshToken(answer.getRefreshToken());
        return answer;
    }

    private Object low(Operation operation, At at, String credentials) throws NorthApiException {
        String path = operation.path();
        Map<String, String> query = new LinkedHashMap<>();
        Map<String, String> headers = new HashMap<>();
        for (Iterator<Map.Entry<String, JsonNode>> members = at.args.fields(); members.hasNext();) {
            Map.Entry<String, JsonNode> member = members.next();
            String name = member.getKey();
            if (path.contains("{" + name + "}")) {
                path = path.replace("{" + name + "}", member.getValue().asText());
            } else if (name.equals(KEY)) {
                headers.put(KEY, member.getValue().asText());
            } else if (!Set.of("body", "accessToken").contains(name) && !member.getValue().isNull()) {
                query.put(name, member.getValue().asText());
            }
        }
        if (!credentials.equals("none")) {
            headers.put("app_key", client.getClientInfo().getAppId());
            headers.put("Authorization", "Bearer " + (at.token != null ? at.token : client.tokens().resolve(null)));
        }
        return client.invokeAPI(path, operation.method(), query, at.args.get("body"), headers, null, null, null, null, ObjectNode.class);
    }

    private static Operation operation(String id) {
        for (Operation operation : Operation.values()) {
            if (operation.id().equals(id)) {
                return operation;
            }
        }
        throw new AssertionError("there is no operation " + id);
    }

    private <D> void body(String id, Class<D> type, Call<D> call) {
        methods.put(id, new Method(type, true, (dto, at) -> call.on(type.cast(dto), at)));
    }

    private <D> void query(String id, Class<D> type, Call<D> call) {
        methods.put(id, new Method(type, false, (dto, at) -> call.on(type.cast(dto), at)));
    }

    private interface Call<D> {
        Object on(D dto, At at) throws NorthApiException;
    }

    /** The documented method of an operation, and the class of its request or its query. */
    private static final class Method {
        private final Class<?> type;
        private final boolean isBody;
        private final Call<Object> call;

        Method(Class<?> type, boolean isBody, Call<Object> call) {
            this.type = type;
            this.isBody = isBody;
            this.call = call;
        }

        Object call(Object dto, At at) throws NorthApiException {
            return call.on(dto, at);
        }

        /** The request, or null if the class cannot say it. */
        Object dto(Operation operation, At at) {
            JsonNode wanted = isBody ? at.args.get("body") : at.query(operation);
            if (wanted == null) {
                return null;
            }
            try {
                Object dto = MAPPER.treeToValue(wanted, type);
                return MAPPER.valueToTree(dto).equals(wanted) ? dto : null;
            } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
                return null;
            }
        }
    }

    /** The arguments of one call. */
    private static final class At {
        final ObjectNode args;
        final String app;
        final String token;

        At(ObjectNode args) {
            this.args = args;
            this.app = text("appId");
            this.token = text("accessToken");
        }

        String text(String name) {
            return args.hasNonNull(name) ? args.get(name).asText() : null;
        }

        /** What is asked for; the application too, where no parameter of its own names it. */
        ObjectNode query(Operation operation) {
            ObjectNode query = JsonNodeFactory.instance.objectNode();
            args.fields().forEachRemaining(member -> {
                boolean apart = Set.of("accessToken", KEY).contains(member.getKey()) || member.getValue().isNull();
                if (!apart) {
                    query.set(member.getKey(), member.getValue());
                }
            });
            return query;
        }
    }

    /** The parameters of methods about one device. */
    @com.fasterxml.jackson.annotation.JsonAutoDetect(fieldVisibility = com.fasterxml.jackson.annotation.JsonAutoDetect.Visibility.ANY)
    private static class Device {
        String deviceId;
        String select;
        String appId;
    }

    /** The parameters of methods about one group. */
    @com.fasterxml.jackson.annotation.JsonAutoDetect(fieldVisibility = com.fasterxml.jackson.annotation.JsonAutoDetect.Visibility.ANY)
    private static final class Group {
        String devGroupId;
        String accessAppId;
    }

    /** Those of a deletion. */
    private static final class Cascade extends Device {
        Boolean cascade;
    }
}
