package io.downlink.client;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.downlink.constant.ExceptionEnum;
import io.downlink.utils.JsonUtil;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.StringJoiner;

/**
 * A call that is being put together. What is wrong with it is told by {@code send}: first the ids in the address, then the token, then
 * the client information, then the body.
 */
public final class Request {
    private static final ObjectMapper MAPPER = JsonUtil.mapper();
    private static final String JSON = "application/json";
    private static final String FORM = "application/x-www-form-urlencoded";

    /** Further headers; the ones that every request has stand in {@link Transport}. */
    final Map<String, String> headers = new HashMap<>();
    final String method;
    final boolean authenticated;
    final boolean keyed;
    final boolean repeatable;
    private final NorthApiClient client;
    private final String path;
    private final Map<String, String> variables = new HashMap<>();
    private final StringJoiner query = new StringJoiner("&");
    private Object body;
    private boolean bodyWanted;
    private Map<String, String> form;
    private String token;
    private String contentType;

    Request(NorthApiClient client, Operation operation) {
        this(client, operation.method(), operation.path(), operation.authenticated(), operation.keyed(), operation.repeatable());
    }

    private Request(NorthApiClient client, String method, String path, boolean authenticated, boolean keyed, boolean repeatable) {
        this.client = client;
        this.method = method;
        this.path = path;
        this.authenticated = authenticated;
        this.keyed = keyed;
        this.repeatable = repeatable;
    }

    /** To any address, with a token. */
    static Request free(NorthApiClient client, String method, String path) {
        return new Request(client, method, path, true, false, "GET".equals(method));
    }

    /** To any address, with these headers and no others. */
    static Request bare(NorthApiClient client, String method, String path, Map<String, String> headers, String contentType) {
        Request request = new Request(client, method, path, false, false, "GET".equals(method));
        request.headers.putAll(headers);
        request.contentType = contentType;
        return request;
    }

    /**
     * Fills a variable of the address.
     *
     * @param name the variable
     * @param id its value, escaped here; null, an empty text, `.` and `..` are refused with 1007
     * @return this
     */
    public Request path(String name, String id) {
        variables.put(name, id);
        return this;
    }

    /**
     * Adds a parameter.
     *
     * @param name its name
     * @param value its value; null is not sent, an empty text is
     * @return this
     */
    public Request query(String name, Object value) {
        if (value != null) {
            query.add(name + "=" + escaped(value.toString()));
        }
        return this;
    }

    /**
     * Adds each member that is not null as a parameter, but for those that are variables of the address.
     *
     * @param dto the members, or null for none
     * @return this
     */
    public Request queryOf(Object dto) {
        if (dto != null) {
            JsonNode members = MAPPER.valueToTree(dto);
            members.fields().forEachRemaining(member -> {
                if (!path.contains("{" + member.getKey() + "}")) {
                    query(member.getKey(), member.getValue().asText());
                }
            });
        }
        return this;
    }

    /**
     * Gives it a body.
     *
     * @param dto what is sent as JSON; null is refused with 1007
     * @return this
     */
    public Request body(Object dto) {
        body = dto;
        bodyWanted = true;
        return this;
    }

    /**
     * Gives it a form for a body.
     *
     * @param fields names and values
     * @return this
     */
    public Request form(Map<String, String> fields) {
        form = fields;
        return this;
    }

    /**
     * Gives it a token.
     *
     * @param accessToken a token, or null for the one that the refresh timer keeps
     * @return this
     */
    public Request token(String accessToken) {
        token = accessToken;
        return this;
    }

    /**
     * Sends it, and does not look at the body of a success.
     *
     * @throws NorthApiException when it does not succeed
     */
    public void send() throws NorthApiException {
        client.transport().send(this);
    }

    /**
     * Sends it, and reads the answer.
     *
     * @param <T> the answer's type
     * @param type the answer's class
     * @return the answer, or null if the success has no body
     * @throws NorthApiException when it does not succeed, or the answer cannot be read
     */
    public <T> T send(Class<T> type) throws NorthApiException {
        return client.transport().send(this).read(MAPPER.constructType(type), MAPPER);
    }

    /**
     * Sends it, and reads an answer that is a list.
     *
     * @param <T> the type of an element
     * @param type the class of an element
     * @return the list, or null if the success has no body
     * @throws NorthApiException when it does not succeed, or the answer cannot be read
     */
    public <T> List<T> sendForList(Class<T> type) throws NorthApiException {
        return client.transport().send(this).read(MAPPER.getTypeFactory().constructCollectionType(ArrayList.class, type), MAPPER);
    }

    /** The token that the caller gave; null: the kept one is wanted. */
    String token() {
        return token;
    }

    /** Path and query, escaped. */
    String target() throws NorthApiException {
        StringBuilder filled = new StringBuilder();
        int done = 0;
        for (int open = path.indexOf('{'); open >= 0; open = path.indexOf('{', done)) {
            int close = path.indexOf('}', open);
            String name = path.substring(open + 1, close);
            String id = variables.get(name);
            if (id == null || id.isEmpty()) {
                throw new NorthApiException(ExceptionEnum.CLIENT_INPUT_PARAMETER_INVALID, name + " is missing");
            }
            if (id.equals(".") || id.equals("..")) {
                throw new NorthApiException(ExceptionEnum.CLIENT_INPUT_PARAMETER_INVALID, name + " would lead to another address");
            }
            filled.append(path, done, open).append(escaped(id));
            done = close + 1;
        }
        filled.append(path.substring(done));
        if (query.length() > 0) {
            filled.append(path.contains("?") ? '&' : '?').append(query);
        }
        return filled.toString();
    }

    /** The body as it is sent, or null for none. */
    byte[] content() throws NorthApiException {
        if (form != null) {
            StringJoiner fields = new StringJoiner("&");
            form.forEach((name, value) -> fields.add(name + "=" + escaped(value)));
            return fields.toString().getBytes(StandardCharsets.UTF_8);
        }
        if (!bodyWanted) {
            return null;
        }
        if (body == null) {
            throw new NorthApiException(ExceptionEnum.CLIENT_INPUT_PARAMETER_INVALID, "the request is missing");
        }
        try {
            return MAPPER.writeValueAsBytes(body);
        } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
            throw new NorthApiException(ExceptionEnum.CLIENT_INPUT_PARAMETER_INVALID, "the request cannot be written: " + e.getOriginalMessage());
        }
    }

    String contentType() {
        if (contentType != null) {
            return contentType;
        }
        return form != null ? FORM : JSON;
    }

    /** The text as it may stand in an address. */
    private static String escaped(String text) {
        StringBuilder escaped = new StringBuilder();
        for (byte one : text.getBytes(StandardCharsets.UTF_8)) {
            char sign = (char) (one & 0xFF);
            boolean plain = sign >= 'a' && sign <= 'z' || sign >= 'A' && sign <= 'Z' || sign >= '0' && sign <= '9' || "-._~".indexOf(sign) >= 0;
            if (plain) {
                escaped.append(sign);
            } else {
                escaped.append(String.format("%%%02X", one & 0xFF));
            }
        }
        return escaped.toString();
    }
}
