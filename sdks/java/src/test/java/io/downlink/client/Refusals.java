package io.downlink.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.function.Executable;

/** The codes of one operation: each is held against what openapi.json says of it, and in the end none is left. */
final class Refusals {
    private final String operation;
    private final JsonNode codes;
    private final Set<String> left = new TreeSet<>();

    Refusals(String operation) {
        this.operation = operation;
        try {
            byte[] document = Files.readAllBytes(Platform.repository().resolve("openapi.json"));
            codes = new ObjectMapper().readTree(document).get("components").get("x-codes");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        for (JsonNode code : codes) {
            if (code.get("operations").path(operation).path("sent").asBoolean()) {
                left.add(code.get("number").asText());
            }
        }
        assertTrue(left.size() > 10, operation + " has no codes");
    }

    /** The call is refused with this code, with the status and the text that the document has for it. */
    NorthApiException expect(String number, Executable call) {
        NorthApiException refused = assertThrows(NorthApiException.class, call, number);
        assertEquals(number, refused.getError_code(), refused::toString);
        assertTrue(left.remove(number), number + " is caused twice, or not documented for " + operation);
        for (JsonNode code : codes) {
            if (code.get("number").asText().equals(number)) {
                JsonNode here = code.get("operations").get(operation);
                assertEquals(here.get("documented").asInt(), refused.getHttpStatusCode(), number);
                String text = here.path("text").asText(code.get("text").asText());
                assertEquals(text, refused.getError_desc(), number);
                assertEquals(code.get("surelyHarmless").asBoolean(), refused.isSurelyHarmless(), number);
                assertEquals(code.get("retryable").asBoolean(), refused.isRetryable(), number);
            }
        }
        assertEquals("", refused.getHttpMessage(), number);
        assertNotNull(refused.getHttpReasonPhase(), number);
        assertNotNull(refused.getRequestId(), number);
        return refused;
    }

    /** Nothing is left but these, which a sound client cannot cause. */
    void onlyLeft(String... numbers) {
        assertEquals(new TreeSet<>(Set.of(numbers)), left, operation);
    }
}
