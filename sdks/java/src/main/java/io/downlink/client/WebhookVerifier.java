package io.downlink.client;

import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.function.Function;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Whether a callback comes from the platform: the signature by the scheme of Standard Webhooks (R5.4).
 *
 * <p>{@code downlink app callback APPID --rotate-webhook-secret} gives an application its secret.
 */
public final class WebhookVerifier {
    /** The header with the message's id, the same for every attempt at it. */
    public static final String ID = "webhook-id";
    /** The header with the moment of the attempt, in seconds since 1970. */
    public static final String TIMESTAMP = "webhook-timestamp";
    /** The header with the signatures. */
    public static final String SIGNATURE = "webhook-signature";

    private static final String PREFIX = "whsec_";
    private static final String VERSION = "v1,";
    private static final String ALGORITHM = "HmacSHA256";
    private static final Duration TOLERANCE = Duration.ofMinutes(5);
    private static final long MILLIS = 1000;

    private final List<byte[]> keys;
    private final Duration tolerance;

    /**
     * Believes what is signed with one of these secrets and is at most five minutes old.
     *
     * @param secrets {@code whsec_} and Base64 each; two while a secret is being changed
     * @throws IllegalArgumentException if there is none, or one is malformed
     */
    public WebhookVerifier(String... secrets) {
        this(keys(List.of(secrets)), TOLERANCE);
    }

    private WebhookVerifier(List<byte[]> keys, Duration tolerance) {
        this.keys = keys;
        this.tolerance = tolerance;
    }

    /**
     * The same with another tolerance.
     *
     * @param tolerance how far the time of a callback may lie from the machine's, in either direction
     * @return a new verifier
     */
    public WebhookVerifier within(Duration tolerance) {
        return new WebhookVerifier(keys, tolerance);
    }

    /**
     * The same for callbacks of any time: for tests against a platform whose clock stands still.
     *
     * @return a new verifier
     */
    public WebhookVerifier atAnyTime() {
        return new WebhookVerifier(keys, null);
    }

    /**
     * Judges a callback.
     *
     * @param header gives the value of a header by its name, or null
     * @param body the body as it came, byte for byte
     * @return true if it may be believed
     */
    public boolean isGenuine(Function<String, String> header, byte[] body) {
        String id = header.apply(ID);
        String timestamp = header.apply(TIMESTAMP);
        String signatures = header.apply(SIGNATURE);
        if (id == null || timestamp == null || signatures == null || !timestamp.matches("[0-9]{1,18}") || !inTime(timestamp)) {
            return false;
        }
        for (String signature : signatures.split(" ")) {
            if (signature.startsWith(VERSION) && matches(signature.substring(VERSION.length()), id + "." + timestamp + ".", body)) {
                return true;
            }
        }
        return false;
    }

    private boolean inTime(String timestamp) {
        long distance = Math.abs(System.currentTimeMillis() / MILLIS - Long.parseLong(timestamp));
        return tolerance == null || distance <= tolerance.getSeconds();
    }

    private boolean matches(String signature, String head, byte[] body) {
        byte[] told;
        try {
            told = Base64.getDecoder().decode(signature);
        } catch (IllegalArgumentException e) {
            return false;
        }
        boolean any = false;
        for (byte[] key : keys) {
            any |= MessageDigest.isEqual(told, signed(key, head, body));
        }
        return any;
    }

    private static byte[] signed(byte[] key, String head, byte[] body) {
        try {
            Mac mac = Mac.getInstance(ALGORITHM);
            mac.init(new SecretKeySpec(key, ALGORITHM));
            mac.update(head.getBytes(StandardCharsets.UTF_8));
            return mac.doFinal(body);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("the runtime lacks " + ALGORITHM, e);
        }
    }

    private static List<byte[]> keys(List<String> secrets) {
        if (secrets.isEmpty()) {
            throw new IllegalArgumentException("a webhook secret is needed");
        }
        return secrets.stream().map(WebhookVerifier::key).collect(java.util.stream.Collectors.toUnmodifiableList());
    }

    private static byte[] key(String secret) {
        try {
            byte[] key = Base64.getDecoder().decode(secret.startsWith(PREFIX) ? secret.substring(PREFIX.length()) : secret);
            if (key.length > 0) {
                return key;
            }
        } catch (IllegalArgumentException e) {
            // Told below, without the secret.
        }
        throw new IllegalArgumentException("a webhook secret is `whsec_` and Base64");
    }
}
