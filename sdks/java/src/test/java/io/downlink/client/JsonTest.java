package io.downlink.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import io.downlink.client.dto.CommandDTOV4;
import io.downlink.client.dto.InvokeDeviceServiceOutDTO;
import io.downlink.client.dto.PostDeviceCommandInDTO2;
import io.downlink.client.dto.RegDirectDeviceInDTO2;
import io.downlink.client.dto.SSLConfig;
import io.downlink.constant.ErrorCode;
import io.downlink.utils.JsonUtil;
import io.downlink.utils.PropertyUtil;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How classes of data are written and read. */
class JsonTest {
    @Test
    void unsetMembersAreAbsentAndParametersAreLeftAsTheyAre() throws IOException {
        Map<String, Object> paras = new LinkedHashMap<>();
        paras.put("none", null);
        paras.put("word", "null");
        paras.put("empty", List.of());
        paras.put("inner", new LinkedHashMap<>(Map.of("list", List.of(1, 2))));
        CommandDTOV4 command = new CommandDTOV4();
        command.setServiceId("s");
        command.setMethod("m");
        command.setParas(paras);
        PostDeviceCommandInDTO2 order = new PostDeviceCommandInDTO2();
        order.setDeviceId("d");
        order.setCommand(command);
        String written = JsonUtil.jsonObj2Sting(order);
        assertEquals("{\"deviceId\":\"d\",\"command\":{\"serviceId\":\"s\",\"method\":\"m\",\"paras\":"
            + "{\"none\":null,\"word\":\"null\",\"empty\":[],\"inner\":{\"list\":[1,2]}}}}", written);
        command.setParas(JsonNodeFactory.instance.objectNode().putNull("none").put("value", 1));
        JsonNode tree = new ObjectMapper().readTree(JsonUtil.jsonObj2Sting(order));
        assertTrue(tree.get("command").get("paras").has("none"));
        assertFalse(tree.has("callbackUrl"));
        PostDeviceCommandInDTO2 read = JsonUtil.jsonString2SimpleObj(written, PostDeviceCommandInDTO2.class);
        assertEquals(paras, read.getCommand().getParas());
        assertEquals("{}", JsonUtil.jsonObj2Sting(new CommandDTOV4()));
    }

    @Test
    void theMomentIsReadUnderEitherName() {
        InvokeDeviceServiceOutDTO first = JsonUtil.jsonString2SimpleObj("{\"timestamp\":\"20260102T030405Z\"}", InvokeDeviceServiceOutDTO.class);
        InvokeDeviceServiceOutDTO second = JsonUtil.jsonString2SimpleObj("{\"timeStamp\":\"20260102T030405Z\"}", InvokeDeviceServiceOutDTO.class);
        assertEquals("20260102T030405Z", first.getTimeStamp());
        assertEquals("20260102T030405Z", first.getTimestamp());
        assertEquals("20260102T030405Z", second.getTimeStamp());
        assertEquals("20260102T030405Z", second.getTimestamp());
    }

    @Test
    void whatIsShownHoldsNoSecret() {
        RegDirectDeviceInDTO2 dto = new RegDirectDeviceInDTO2();
        dto.setNodeId("n");
        dto.setVerifyCode("hidden");
        dto.setPsk("0badc0de");
        String text = dto.toString();
        assertTrue(text.startsWith("RegDirectDeviceInDTO2 [") && text.contains("nodeId=n") && text.contains("verifyCode=***"), text);
        assertFalse(text.contains("hidden") || text.contains("0badc0de"), text);
        SSLConfig config = new SSLConfig();
        config.setSelfCertPwd("hidden");
        config.setTrustCAPwd("hidden");
        assertFalse(config.toString().contains("hidden"), config.toString());
    }

    @Test
    void theHelpersAnswerNullForWhatTheyCannotDo() {
        assertNull(JsonUtil.jsonObj2Sting(null));
        assertNull(JsonUtil.jsonString2SimpleObj(null, CommandDTOV4.class));
        assertNull(JsonUtil.jsonString2SimpleObj("{", CommandDTOV4.class));
        assertNull(JsonUtil.convertObject2ObjectNode(null));
        assertNull(JsonUtil.convertObject2ObjectNode("text"));
        CommandDTOV4 command = new CommandDTOV4();
        command.setMethod("m");
        assertEquals("m", JsonUtil.convertObject2ObjectNode(command).get("method").asText());
    }

    @Test
    void settingsAreReadFromAFile(@TempDir Path folder) throws IOException {
        Path file = folder.resolve("application.properties");
        Files.writeString(file, "platformIp=127.0.0.1\n");
        PropertyUtil.init(file.toString());
        assertEquals("127.0.0.1", PropertyUtil.getProperty("platformIp"));
        assertNull(PropertyUtil.getProperty("platformPort"));
        assertThrows(UncheckedIOException.class, () -> PropertyUtil.init(folder.resolve("none").toString()));
    }

    @Test
    void codesSayWhetherTryingAgainDoesHarm() {
        ErrorCode offline = ErrorCode.of("100428").orElseThrow();
        assertEquals("The device is not online.", offline.text());
        assertTrue(offline.isRetryable() && offline.isSurelyHarmless());
        assertFalse(ErrorCode.of("100001").orElseThrow().isSurelyHarmless());
        assertTrue(ErrorCode.of("1003").isEmpty());
    }
}
