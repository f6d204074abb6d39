package io.downlink.client.invokeapi;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import io.downlink.client.WebhookVerifier;
import io.downlink.utils.JsonUtil;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Function;
import javax.net.ssl.SSLContext;

/**
 * Takes what the platform pushes: override the handlers that you want, and {@link #start} it, or hand what a framework of your own
 * receives to {@link #receive} or {@link #dispatch}.
 *
 * <p>It takes messages at any path; {@link #PATH} and {@link #COMMAND_PATH} are the ones that applications of the vendor's SDK give.
 *
 * <p>It is meant for the platform alone: give it a verifier, and put a proxy before it where strangers can reach it.
 *
 * <p>A handler that throws has not done its work: the platform gets a 500 and repeats the message later. The same message may come twice;
 * signed ones are recognised by their {@code webhook-id}, and handled once.
 */
public class PushMessageReceiver extends PushHandlers implements AutoCloseable {
    /** Where messages are posted, by custom. */
    public static final String PATH = "/v1.0.0/messageReceiver";
    /** Where changes of a command's status are posted, by custom. */
    public static final String COMMAND_PATH = PATH + "/cmd";

    private static final System.Logger LOG = System.getLogger("io.downlink.client");
    private static final ObjectMapper MAPPER = JsonUtil.mapper();
    private static final int BODY_MAX = 1 << 20;
    private static final int THREADS = 8;
    private static final int SEEN_MAX = 10_000;
    private static final int OK = 200;
    private static final int BAD_REQUEST = 400;
    private static final int UNAUTHORIZED = 401;
    private static final int METHOD_NOT_ALLOWED = 405;
    private static final int TOO_LARGE = 413;
    private static final int FAILED = 500;

    private final Set<String> seen = Collections.newSetFromMap(new LinkedHashMap<>() {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Boolean> eldest) {
            return size() > SEEN_MAX;
        }
    });
    private volatile WebhookVerifier verifier;
    private HttpServer server;
    private ExecutorService workers;

    /**
     * Makes a receiver that is not started, and believes everybody.
     */
    public PushMessageReceiver() {
    }

    /**
     * Says whose messages are believed.
     *
     * @param verifier the application's; null = everybody's
     */
    public void setWebhookVerifier(WebhookVerifier verifier) {
        this.verifier = verifier;
    }

    /**
     * Is given every message first, as text. It does nothing; override it to see them.
     *
     * @param body the message
     */
    public void handleBody(String body) {
    }

    /**
     * Hands a message to its handler. The caller has judged already where it comes from.
     *
     * @param body the message, as text
     * @return false if nobody knows the message; it may be answered as one that was taken
     * @throws IllegalArgumentException if it cannot be read
     */
    public boolean dispatch(String body) {
        handleBody(body);
        JsonNode message;
        try {
            message = MAPPER.readTree(body);
        } catch (JsonProcessingException e) {
            throw new Unreadable("the message is no JSON", e);
        }
        if (message == null || !message.isObject()) {
            throw new Unreadable("the message is no JSON object", null);
        }
        JsonNode notifyType = message.get("notifyType");
        if (notifyType == null && !message.has("commandId")) {
            return false;
        }
        Handler<?> handler = handler(notifyType == null ? null : notifyType.asText());
        if (handler == null) {
            return false;
        }
        take(handler, message);
        return true;
    }

    /**
     * Verifies a message and hands it to its handler: for frameworks of all kinds.
     *
     * @param header gives the value of a header by its name, or null
     * @param body the body as it came, byte for byte
     * @return the status to answer: 200 taken, 400 unreadable, 401 not believed, 500 the handler failed
     */
    public int receive(Function<String, String> header, byte[] body) {
        WebhookVerifier judge = verifier;
        if (judge != null && !judge.isGenuine(header, body)) {
            return UNAUTHORIZED;
        }
        String id = judge == null ? null : header.apply(WebhookVerifier.ID);
        if (id != null && hasSeen(id)) {
            return OK;
        }
        try {
            dispatch(new String(body, StandardCharsets.UTF_8));
        } catch (Unreadable e) {
            LOG.log(Level.WARNING, "a pushed message was not taken: {0}", e.getMessage());
            return BAD_REQUEST;
        } catch (RuntimeException e) {
            LOG.log(Level.ERROR, "the handler of a pushed message failed", e);
            return FAILED;
        }
        if (id != null) {
            remember(id);
        }
        return OK;
    }

    /**
     * Listens for messages in plain HTTP.
     *
     * @param address where; port 0 takes a free one, which {@link #getAddress} tells
     * @throws IOException if it cannot
     */
    public void start(InetSocketAddress address) throws IOException {
        run(HttpServer.create(address, 0));
    }

    /**
     * Listens for messages in HTTPS.
     *
     * @param address where; port 0 takes a free one, which {@link #getAddress} tells
     * @param tls the certificate that is shown
     * @throws IOException if it cannot
     */
    public void start(InetSocketAddress address, SSLContext tls) throws IOException {
        HttpsServer made = HttpsServer.create(address, 0);
        made.setHttpsConfigurator(new HttpsConfigurator(tls));
        run(made);
    }

    /**
     * Where it listens.
     *
     * @return host and port
     * @throws IllegalStateException if it is not started
     */
    public synchronized InetSocketAddress getAddress() {
        if (server == null) {
            throw new IllegalStateException("the receiver is not started");
        }
        return server.getAddress();
    }

    /**
     * Listens no longer.
     */
    public synchronized void stop() {
        if (server != null) {
            server.stop(0);
            workers.shutdown();
            server = null;
        }
    }

    /**
     * Listens no longer.
     */
    @Override
    public void close() {
        stop();
    }

    private synchronized void run(HttpServer made) {
        if (server != null) {
            made.stop(0);
            throw new IllegalStateException("the receiver is started already");
        }
        workers = Executors.newFixedThreadPool(THREADS);
        made.setExecutor(workers);
        made.createContext("/", this::answer);
        made.start();
        server = made;
    }

    private void answer(HttpExchange exchange) throws IOException {
        try {
            int status = judged(exchange);
            byte[] text = (status == OK ? "ok" : "refused").getBytes(StandardCharsets.UTF_8);
            exchange.getResponseHeaders().set("Content-Type", "text/plain");
            exchange.sendResponseHeaders(status, text.length);
            exchange.getResponseBody().write(text);
        } finally {
            exchange.close();
        }
    }

    private int judged(HttpExchange exchange) throws IOException {
        if (!exchange.getRequestMethod().equals("POST")) {
            return METHOD_NOT_ALLOWED;
        }
        byte[] body = exchange.getRequestBody().readNBytes(BODY_MAX + 1);
        return body.length > BODY_MAX ? TOO_LARGE : receive(exchange.getRequestHeaders()::getFirst, body);
    }

    private static <T> void take(Handler<T> handler, JsonNode message) {
        T body;
        try {
            body = MAPPER.treeToValue(message, handler.type);
        } catch (JsonProcessingException e) {
            throw new Unreadable("the message does not fit " + handler.type.getSimpleName(), e);
        }
        handler.taker.accept(body);
    }

    private boolean hasSeen(String id) {
        synchronized (seen) {
            return seen.contains(id);
        }
    }

    private void remember(String id) {
        synchronized (seen) {
            seen.add(id);
        }
    }

    /** A message that is none, apart from what a handler may throw. */
    private static final class Unreadable extends IllegalArgumentException {
        private static final long serialVersionUID = 1L;

        Unreadable(String what, Throwable cause) {
            super(what, cause);
        }
    }
}
