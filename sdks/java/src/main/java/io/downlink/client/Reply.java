package io.downlink.client;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JavaType;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.downlink.constant.ExceptionEnum;
import io.downlink.utils.JsonUtil;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** An answer of the platform: a success, or the exception that it amounts to. */
final class Reply {
    private static final ObjectMapper MAPPER = JsonUtil.mapper();
    private static final int FORBIDDEN = 403;
    private static final int REDIRECTS = 300;
    private static final Map<Integer, String> PHRASES = Map.ofEntries(
        Map.entry(200, "OK"), Map.entry(201, "Created"), Map.entry(202, "Accepted"), Map.entry(204, "No Content"),
        Map.entry(301, "Moved Permanently"), Map.entry(302, "Found"), Map.entry(400, "Bad Request"), Map.entry(401, "Unauthorized"),
        Map.entry(403, "Forbidden"), Map.entry(404, "Not Found"), Map.entry(405, "Method Not Allowed"),
        Map.entry(408, "Request Timeout"), Map.entry(409, "Conflict"), Map.entry(413, "Content Too Large"),
        Map.entry(429, "Too Many Requests"), Map.entry(500, "Internal Server Error"), Map.entry(502, "Bad Gateway"),
        Map.entry(503, "Service Unavailable"), Map.entry(504, "Gateway Timeout"));

    private final HttpResponse<byte[]> response;
    private final String text;
    private final Optional<JsonNode> json;

    Reply(HttpResponse<byte[]> response) {
        this.response = response;
        this.text = new String(response.body(), StandardCharsets.UTF_8);
        this.json = parsed();
    }

    /** What the answer amounts to, if it is no success. A refusal with status 200 is none. */
    Optional<NorthApiException> failure() {
        String code = json.map(tree -> text(tree, "error_code")).orElse(null);
        NorthApiException failure;
        if (code != null) {
            failure = new NorthApiException();
            failure.setError_code(code);
            failure.setError_desc(text(json.get(), "error_desc"));
            failure.detail(text(json.get(), "detail"));
        } else if (response.statusCode() < REDIRECTS) {
            return Optional.empty();
        } else if (json.isEmpty()) {
            failure = new NorthApiException(ExceptionEnum.PORT_ERROR, text);
        } else if (response.statusCode() == FORBIDDEN) {
            failure = new NorthApiException(ExceptionEnum.ADMINISTRATOR_ERROR, text);
        } else {
            failure = new NorthApiException(ExceptionEnum.CLIENT_ERROR_BUT_NO_ERRORCODE, text);
        }
        failure.answered(response.statusCode(), PHRASES.getOrDefault(response.statusCode(), ""), header("x-request-id"));
        return Optional.of(failure);
    }

    /** The code by which the platform, or the gateway before it, refused. */
    String refusal() {
        return json.map(tree -> tree.hasNonNull("error_code") ? text(tree, "error_code") : text(tree, "resultcode")).orElse(null);
    }

    int status() {
        return response.statusCode();
    }

    /** Seconds after which the platform wants to be asked again, or -1. */
    long retryAfter() {
        String seconds = header("Retry-After");
        return seconds != null && seconds.matches("[0-9]{1,9}") ? Long.parseLong(seconds) : -1;
    }

    /** The body of a success, or null if it has none. */
    <T> T read(JavaType type, ObjectMapper mapper) throws NorthApiException {
        if (text.isBlank()) {
            return null;
        }
        try {
            return json.isPresent() ? mapper.treeToValue(json.get(), type) : mapper.readValue(text, type);
        } catch (JsonProcessingException e) {
            NorthApiException failure = new NorthApiException(ExceptionEnum.CLIENT_AFTER_INVOK_ERROR, e);
            failure.setHttpMessage(e.getOriginalMessage());
            failure.answered(status(), PHRASES.getOrDefault(status(), ""), header("x-request-id"));
            throw failure;
        }
    }

    private Optional<JsonNode> parsed() {
        String type = header("Content-Type");
        boolean likely = type == null || type.toLowerCase(Locale.ROOT).contains("json");
        if (!likely || text.isBlank()) {
            return Optional.empty();
        }
        try {
            return Optional.ofNullable(MAPPER.readTree(text));
        } catch (JsonProcessingException e) {
            return Optional.empty();
        }
    }

    private String header(String name) {
        return response.headers().firstValue(name).orElse(null);
    }

    private static String text(JsonNode tree, String member) {
        JsonNode value = tree.get(member);
        return value == null || value.isNull() || value.isContainerNode() ? null : value.asText();
    }
}
