package io.downlink.client;

import io.downlink.client.dto.ClientInfo;
import io.downlink.constant.ExceptionEnum;
import java.io.IOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpTimeoutException;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLHandshakeException;

/** Carries requests: one HTTP client, its limits, and what is tried again. Made anew when one of the settings changes. */
final class Transport {
    /** A wrong or ended token. */
    private static final String INVALID_TOKEN = "1010005";
    /** Refusals that prove that nothing was done, and pass by themselves: throttled, overloaded, too slow. */
    private static final Set<String> PASSING = Set.of("1010009", "100501", "190408");
    private static final int SERVER_ERRORS = 500;
    private static final Duration WAIT_FIRST = Duration.ofMillis(200);
    private static final Duration WAIT_MAX = Duration.ofSeconds(5);
    /** All waits of one call together; a throttled minute is waited out. */
    private static final Duration PATIENCE = Duration.ofSeconds(75);

    private final NorthApiClient client;
    private final Settings settings;
    private final HttpClient http;
    private final Semaphore places;

    Transport(NorthApiClient client, Settings settings, SSLContext tls) {
        this.client = client;
        this.settings = settings;
        this.places = new Semaphore(settings.connections);
        HttpClient.Builder builder = HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .followRedirects(HttpClient.Redirect.NEVER)
            .connectTimeout(settings.connect);
        if (tls != null) {
            builder.sslContext(tls);
        }
        this.http = builder.build();
    }

    /** Sends the request, and returns a success. */
    Reply send(Request request) throws NorthApiException {
        String target = request.target();
        String given = request.token();
        String token = request.authenticated ? client.tokens().resolve(given) : null;
        ClientInfo info = client.checkedClientInfo();
        byte[] content = request.content();
        String key = request.keyed ? client.newIdempotencyKey() : null;
        URI address = address(info, target);
        Tries tries = new Tries();
        boolean renewed = false;
        while (true) {
            Reply reply = null;
            NorthApiException failure;
            try {
                reply = exchange(build(request, address, content, info, token, key));
                Optional<NorthApiException> refused = reply.failure();
                if (refused.isEmpty()) {
                    return reply;
                }
                failure = refused.get();
            } catch (NorthApiException e) {
                failure = e;
            }
            boolean stale = reply != null && token != null && given == null && INVALID_TOKEN.equals(reply.refusal());
            if (stale && !renewed) {
                renewed = true;
                token = client.tokens().replace(token);
            } else if (!tries.again(failure, reply, request.repeatable || key != null)) {
                throw failure;
            }
        }
    }

    private HttpRequest build(Request request, URI address, byte[] content, ClientInfo info, String token, String key)
            throws NorthApiException {
        try {
            return headed(request, address, content, info, token, key);
        } catch (IllegalArgumentException e) {
            // Its text would tell the header, which may be a token.
            throw new NorthApiException(ExceptionEnum.CLIENT_INPUT_PARAMETER_INVALID, "appId, token or key has a character that no header may have");
        }
    }

    private HttpRequest headed(Request request, URI address, byte[] content, ClientInfo info, String token, String key) {
        HttpRequest.Builder builder = HttpRequest.newBuilder(address).timeout(settings.socket).header("Accept", "application/json");
        request.headers.forEach(builder::setHeader);
        if (token != null) {
            builder.header("app_key", info.getAppId()).header("Authorization", "Bearer " + token);
        }
        if (key != null) {
            builder.header("Idempotency-Key", key);
        }
        if (content != null) {
            builder.header("Content-Type", request.contentType());
        }
        return builder.method(request.method, content == null ? BodyPublishers.noBody() : BodyPublishers.ofByteArray(content)).build();
    }

    private Reply exchange(HttpRequest request) throws NorthApiException {
        boolean placed = false;
        CompletableFuture<HttpResponse<byte[]>> answer = null;
        try {
            placed = places.tryAcquire(settings.connect.toMillis(), TimeUnit.MILLISECONDS);
            if (!placed) {
                throw new HttpConnectTimeoutException("all connections of this client are in use");
            }
            answer = http.sendAsync(request, BodyHandlers.ofByteArray());
            // The request's own time-out ends with the headers; this one covers the body too.
            return new Reply(answer.get(settings.socket.plus(settings.connect).toMillis(), TimeUnit.MILLISECONDS));
        } catch (ExecutionException e) {
            throw failed(e.getCause());
        } catch (TimeoutException e) {
            answer.cancel(true);
            throw failed(new HttpTimeoutException("the answer did not end in time"));
        } catch (IOException e) {
            throw failed(e);
        } catch (InterruptedException e) {
            if (answer != null) {
                answer.cancel(true);
            }
            Thread.currentThread().interrupt();
            throw failed(e);
        } finally {
            if (placed) {
                places.release();
            }
        }
    }

    /** Before the request was carried: 1003. Afterwards, or perhaps: 1004. */
    private static NorthApiException failed(Throwable cause) {
        boolean before = cause instanceof ConnectException || cause instanceof HttpConnectTimeoutException || cause instanceof SSLHandshakeException
            || cause instanceof java.nio.channels.UnresolvedAddressException || cause.getCause() instanceof ConnectException;
        boolean fault = cause instanceof IOException || cause instanceof InterruptedException;
        ExceptionEnum kind = before || !fault ? ExceptionEnum.CLIENT_BEFORE_INVOK_ERROR : ExceptionEnum.CLIENT_AFTER_INVOK_ERROR;
        return new NorthApiException(kind, cause);
    }

    private URI address(ClientInfo info, String target) throws NorthApiException {
        String host = info.getPlatformIp().contains(":") ? "[" + info.getPlatformIp() + "]" : info.getPlatformIp();
        try {
            URI address = URI.create((settings.plainHttp ? "http" : "https") + "://" + host + ":" + info.getPlatformPort() + target);
            HttpRequest.newBuilder(address);
            return address;
        } catch (IllegalArgumentException e) {
            throw new NorthApiException(ExceptionEnum.CLIENT_BEFORE_INVOK_ERROR, e);
        }
    }

    /** The tries of one call. */
    private final class Tries {
        private int done;
        private Duration waited = Duration.ZERO;

        /** Whether to try again after this failure; the wait for it is over then. */
        boolean again(NorthApiException failure, Reply reply, boolean repeatable) throws NorthApiException {
            if (done >= settings.retries || !passes(failure, reply, repeatable)) {
                return false;
            }
            Duration wait = waitFor(reply);
            waited = waited.plus(wait);
            if (waited.compareTo(PATIENCE) > 0) {
                return false;
            }
            done++;
            try {
                Thread.sleep(wait.toMillis());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw failure;
            }
            return true;
        }

        private Duration waitFor(Reply reply) {
            if (reply != null && reply.retryAfter() >= 0) {
                return Duration.ofSeconds(reply.retryAfter());
            }
            long doubled = Math.min(WAIT_FIRST.toMillis() << Math.min(done, 10), WAIT_MAX.toMillis());
            return Duration.ofMillis(ThreadLocalRandom.current().nextLong(doubled / 2, doubled + 1));
        }

        private boolean passes(NorthApiException failure, Reply reply, boolean repeatable) {
            if (reply == null) {
                return failure.isSurelyHarmless() || repeatable;
            }
            String refusal = reply.refusal();
            return refusal == null ? repeatable && reply.status() >= SERVER_ERRORS : PASSING.contains(refusal);
        }
    }

    /** What a client's user has set. Immutable. */
    static final class Settings {
        final boolean plainHttp;
        final Duration socket;
        final Duration connect;
        final int connections;
        final int retries;

        Settings(boolean plainHttp, Duration socket, Duration connect, int connections, int retries) {
            this.plainHttp = plainHttp;
            this.socket = socket;
            this.connect = connect;
            this.connections = connections;
            this.retries = retries;
        }
    }
}
