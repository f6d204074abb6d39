package io.downlink.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.NullNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import io.downlink.client.Platform.Awake;
import io.downlink.client.dto.ClientInfo;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The scenario that every client library goes through: {@code sdks/scenarios/README.md}. */
class ScenarioTest {
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final Pattern VARIABLE = Pattern.compile("\\$\\{(\\w+)}");
    private static final Pattern WHOLE = Pattern.compile("\\$\\{(\\w+)}");
    private static final Map<String, Set<String>> MEMBERS = Map.of(
        "cli", Set.of("note", "cli", "save"),
        "awake", Set.of("note", "awake", "as"),
        "asleep", Set.of("note", "asleep", "exit"),
        "callbacks", Set.of("note", "callbacks", "expect"),
        "call", Set.of("note", "call", "args", "credentials", "repeat", "expect", "save"));

    private final Map<String, JsonNode> variables = new HashMap<>();
    private final Map<String, Awake> devices = new HashMap<>();
    private Platform platform;
    private ScenarioCalls calls;
    private ScenarioReceiver receiver;

    @Test
    void theScenarioEndsAsItSays() throws Exception {
        Path file = Platform.repository().resolve("sdks/scenarios/scenario.json");
        JsonNode scenario = MAPPER.readTree(file.toFile());
        assertEquals(Set.of("server", "setup", "steps"), names(scenario));
        variables.put("profiles", TextNode.valueOf(Platform.repository().resolve("crates/profile/samples").toString()));
        int ran = 0;
        try (Platform started = Platform.start(texts(scenario.get("server"))); ScenarioReceiver listening = new ScenarioReceiver()) {
            platform = started;
            receiver = listening;
            for (JsonNode step : scenario.get("setup")) {
                assertTrue(step.has("cli"), "a step of setup is a `cli`: " + step);
                step(step);
            }
            listening.setWebhookVerifier(new WebhookVerifier(variables.get("webhookSecret").asText()).atAnyTime());
            listening.start(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
            variables.put("receiver", TextNode.valueOf("http://127.0.0.1:" + listening.getAddress().getPort()));
            try (NorthApiClient client = client()) {
                calls = new ScenarioCalls(client);
                for (JsonNode step : scenario.get("steps")) {
                    ran++;
                    try {
                        step(step);
                    } catch (AssertionError | Exception e) {
                        devices.values().forEach(Awake::kill);
                        String which = "step " + ran + ", " + step.path("note").asText("without a note");
                        throw new AssertionError(which + ": " + e.getMessage() + "\n" + step, e);
                    }
                }
            }
            listening.nothingMore();
        }
        assertEquals(Set.of(), devices.keySet(), "devices that still wake");
        assertEquals(scenario.get("steps").size(), ran);
        assertTrue(ran > 100, "the scenario is shorter than it was: " + ran);
        Set<String> all = new TreeSet<>();
        for (Operation operation : Operation.values()) {
            all.add(operation.id());
        }
        assertEquals(all, calls.throughTheirMethods(), "operations that went through their own method");
        System.out.println("java: all " + ran + " steps of the scenario ran");
    }

    private NorthApiClient client() throws NorthApiException {
        ClientInfo info = new ClientInfo();
        info.setPlatformIp(platform.north().getHostString());
        info.setPlatformPort(Integer.toString(platform.north().getPort()));
        info.setAppId("app");
        info.setSecret(variables.get("secret").asText());
        NorthApiClient client = new NorthApiClient();
        client.setPlainHttp(true);
        client.setClientInfo(info);
        client.setTimerFlag(true);
        return client;
    }

    private void step(JsonNode step) throws Exception {
        String kind = null;
        for (String one : MEMBERS.keySet()) {
            if (step.has(one)) {
                kind = one;
            }
        }
        assertTrue(kind != null && MEMBERS.get(kind).containsAll(names(step)), "a step of no known kind, or with unknown members");
        switch (kind) {
            case "cli":
                save(step, platform.operator(texts(filled(step.get("cli")))));
                break;
            case "awake":
                devices.put(step.get("as").asText(), platform.awake(texts(filled(step.get("awake")))));
                break;
            case "asleep":
                devices.remove(step.get("asleep").asText()).end(step.path("exit").asInt(0));
                break;
            case "callbacks":
                JsonNode expected = filled(step.get("expect"));
                JsonNode told = receiver.take(filled(step.get("callbacks")).asText(), expected.size());
                matches(expected, told, "callbacks");
                break;
            default:
                call(step);
        }
    }

    private void call(JsonNode step) throws Exception {
        JsonNode expected = filled(step.get("expect"));
        for (int time = 0; time < step.path("repeat").asInt(1); time++) {
            JsonNode answer;
            try {
                answer = calls.call(step.get("call").asText(), arguments(step), step.path("credentials").asText("kept"));
            } catch (NorthApiException e) {
                assertTrue(expected.has("code"), "refused: " + e.getMessage());
                assertEquals(Set.of(), rest(names(expected), "code", "desc", "status"));
                assertEquals(expected.get("code").asText(), e.getError_code(), e::toString);
                if (expected.has("desc")) {
                    assertEquals(expected.get("desc").asText(), e.getError_desc());
                }
                if (expected.has("status")) {
                    assertEquals(expected.get("status").asInt(), e.getHttpStatusCode());
                }
                continue;
            }
            assertTrue(!expected.has("code"), "no refusal, but " + answer);
            assertEquals(Set.of(), rest(names(expected), "status", "body"));
            if (expected.has("body")) {
                matches(expected.get("body"), answer, "$");
            } else if (expected.path("status").asInt() == 204) {
                assertEquals(NullNode.getInstance(), answer);
            }
            save(step, answer);
        }
    }

    private ObjectNode arguments(JsonNode step) {
        JsonNode args = filled(step.path("args"));
        return args.isObject() ? (ObjectNode) args : JsonNodeFactory.instance.objectNode();
    }

    /** The node with its variables, and its repeated texts, in place. */
    private JsonNode filled(JsonNode node) {
        if (node.isTextual()) {
            return filledText(node.asText());
        }
        if (node.isArray()) {
            ArrayNode list = JsonNodeFactory.instance.arrayNode();
            node.forEach(one -> list.add(filled(one)));
            return list;
        }
        if (!node.isObject()) {
            return node;
        }
        if (node.has("$times")) {
            assertEquals(Set.of("$times", "of"), names(node));
            return TextNode.valueOf(node.get("of").asText().repeat(node.get("$times").asInt()));
        }
        ObjectNode object = JsonNodeFactory.instance.objectNode();
        node.fields().forEachRemaining(member -> object.set(member.getKey(), filled(member.getValue())));
        return object;
    }

    private JsonNode filledText(String text) {
        Matcher whole = WHOLE.matcher(text);
        if (whole.matches()) {
            return variable(whole.group(1));
        }
        return TextNode.valueOf(VARIABLE.matcher(text).replaceAll(found -> Matcher.quoteReplacement(variable(found.group(1)).asText())));
    }

    private JsonNode variable(String name) {
        assertTrue(variables.containsKey(name), "nothing has saved " + name);
        return variables.get(name);
    }

    private void save(JsonNode step, JsonNode answer) {
        for (Iterator<Map.Entry<String, JsonNode>> saved = step.path("save").fields(); saved.hasNext();) {
            Map.Entry<String, JsonNode> one = saved.next();
            JsonNode at = answer;
            String path = one.getValue().asText();
            assertTrue(path.startsWith("$."), path);
            for (String part : path.substring(2).split("\\.")) {
                at = part.matches("[0-9]+") ? at.path(Integer.parseInt(part)) : at.path(part);
            }
            assertTrue(!at.isMissingNode() && !at.isNull(), "nothing is at " + path + " of " + answer);
            variables.put(one.getKey(), at);
        }
    }

    static void matches(JsonNode expected, JsonNode seen, String at) {
        JsonNode found = seen == null ? NullNode.getInstance() : seen;
        if (expected.isObject() && expected.has("$any")) {
            assertTrue(!found.isNull() && !found.isMissingNode(), at + " is not there");
        } else if (expected.isObject() && expected.has("$matches")) {
            assertTrue(found.isTextual() && found.asText().matches(expected.get("$matches").asText()), at + " is " + found);
        } else if (expected.isObject()) {
            assertTrue(found.isObject(), at + " is " + found);
            expected.fields().forEachRemaining(member -> matches(member.getValue(), found.get(member.getKey()), at + "." + member.getKey()));
        } else if (expected.isArray()) {
            assertTrue(found.isArray() && found.size() == expected.size(), at + " is " + found);
            for (int index = 0; index < expected.size(); index++) {
                matches(expected.get(index), found.get(index), at + "." + index);
            }
        } else if (expected.isNull()) {
            assertTrue(found.isNull() || found.isMissingNode(), at + " is " + found);
        } else if (expected.isNumber()) {
            assertTrue(found.isNumber() && found.decimalValue().compareTo(expected.decimalValue()) == 0, at + " is " + found);
        } else {
            assertEquals(expected, found, at);
        }
    }

    private static String[] texts(JsonNode list) {
        List<String> texts = new ArrayList<>();
        list.forEach(one -> texts.add(one.asText()));
        return texts.toArray(String[]::new);
    }

    private static Set<String> names(JsonNode object) {
        Set<String> names = new TreeSet<>();
        object.fieldNames().forEachRemaining(names::add);
        return names;
    }

    private static Set<String> rest(Set<String> names, String... known) {
        Set<String> rest = new TreeSet<>(names);
        rest.removeAll(Set.of(known));
        return rest;
    }

    /** Text that is no JSON cannot be in the scenario. */
    static JsonNode json(String text) {
        try {
            return MAPPER.readTree(text);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }
}
