package io.downlink.utils;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * JSON as this client reads and writes it: a member that is null is left out, what stands in a map or a tree is left as it is, and
 * unknown members of answers are ignored.
 */
public final class JsonUtil {
    private static final ObjectMapper MAPPER = mapper();

    private JsonUtil() {
    }

    /**
     * A mapper with these rules.
     *
     * @return a new one, which the caller may change
     */
    public static ObjectMapper mapper() {
        return JsonMapper.builder()
            .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .defaultPropertyInclusion(JsonInclude.Value.construct(JsonInclude.Include.NON_NULL, JsonInclude.Include.ALWAYS))
            .build();
    }

    /**
     * The object as JSON. The spelling of the name is the vendor's.
     *
     * @param object what to write
     * @return its text, or null for null and for what cannot be written
     */
    public static String jsonObj2Sting(Object object) {
        if (object == null) {
            return null;
        }
        try {
            return MAPPER.writeValueAsString(object);
        } catch (JsonProcessingException e) {
            return null;
        }
    }

    /**
     * Reads an object.
     *
     * @param <T> its type
     * @param jsonString the text
     * @param cls its class
     * @return the object, or null for null and for a text that does not fit
     */
    public static <T> T jsonString2SimpleObj(String jsonString, Class<T> cls) {
        if (jsonString == null) {
            return null;
        }
        try {
            return MAPPER.readValue(jsonString, cls);
        } catch (JsonProcessingException e) {
            return null;
        }
    }

    /**
     * The object as a tree.
     *
     * @param <T> its type
     * @param object what to convert
     * @return the tree, or null for null and for what is no JSON object
     */
    public static <T> ObjectNode convertObject2ObjectNode(T object) {
        if (object == null) {
            return null;
        }
        try {
            return MAPPER.convertValue(object, ObjectNode.class);
        } catch (IllegalArgumentException e) {
            return null;
        }
    }
}
