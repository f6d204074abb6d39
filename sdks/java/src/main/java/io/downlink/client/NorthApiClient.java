package io.downlink.client;

import io.downlink.client.Transport.Settings;
import io.downlink.client.dto.AuthOutDTO;
import io.downlink.client.dto.AuthRefreshInDTO;
import io.downlink.client.dto.AuthRefreshOutDTO;
import io.downlink.client.dto.ClientInfo;
import io.downlink.client.dto.SSLConfig;
import io.downlink.constant.ExceptionEnum;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.function.Supplier;
import javax.net.ssl.HostnameVerifier;
import javax.net.ssl.SSLContext;

/**
 * Who calls the platform, and how: address and credentials, TLS, time-outs, and the token that the refresh timer keeps.
 *
 * <p>Everything belongs to the instance; two applications in one process are two clients. Settings are made before the first call. After
 * that an instance may be shared by threads.
 *
 * <p>Connections are TLS, trust the authorities of the Java runtime and judge host names strictly, until {@link #initSSLConfig(SSLConfig)}
 * or {@link #setHostnameVerifier} say otherwise.
 */
public class NorthApiClient implements AutoCloseable {
    private static final int TIME_OUT_MS = 30_000;
    private static final int CONNECTIONS = 200;
    private static final int PORT_MAX = 65_535;
    private static final Set<String> METHODS = Set.of("GET", "POST", "PUT", "DELETE");

    private final Tokens tokens = new Tokens(this);
    private volatile ClientInfo clientInfo;
    private volatile HostnameVerifier hostnameVerifier;
    private volatile Supplier<String> idempotencyKeys = () -> UUID.randomUUID().toString();
    private Settings settings = new Settings(false, Duration.ofMillis(TIME_OUT_MS), Duration.ofMillis(TIME_OUT_MS), CONNECTIONS, 0);
    private SSLContext tls;
    private volatile Transport transport;

    /**
     * Makes a client that knows no platform yet.
     */
    public NorthApiClient() {
    }

    /**
     * Where the platform is, and who calls it.
     *
     * @return what was set, or null
     */
    public ClientInfo getClientInfo() {
        return clientInfo;
    }

    /**
     * Says where the platform is, and who calls it.
     *
     * @param clientInfo host, port, application and secret; later changes to the object have no effect
     * @throws NorthApiException 1008 when a member is missing or the port is no number, 1010 when the application or its secret has a
     * blank in it
     */
    public void setClientInfo(ClientInfo clientInfo) throws NorthApiException {
        this.clientInfo = checked(clientInfo);
    }

    /**
     * Trusts the authorities of the Java runtime, and shows no certificate. A client for which neither this nor
     * {@link #initSSLConfig(SSLConfig)} was called does the same.
     *
     * @throws NorthApiException 1006 when the runtime's trust store cannot be read
     */
    public void initSSLConfig() throws NorthApiException {
        initSSLConfig(null);
    }

    /**
     * Trusts these authorities, and shows this certificate.
     *
     * @param sslc the key stores; null for those of the Java runtime
     * @throws NorthApiException 1007 when a member is empty, 1006 when a store is missing or cannot be read
     */
    public void initSSLConfig(SSLConfig sslc) throws NorthApiException {
        SSLContext made = Ssl.context(sslc, () -> hostnameVerifier);
        synchronized (this) {
            tls = made;
            transport = null;
        }
    }

    /**
     * Has the application itself judge whether a certificate belongs to the host; the certificate's chain is checked in any case.
     *
     * @param hostnameVerifier is asked once for each new connection; null = strictly, by the Java runtime
     */
    public void setHostnameVerifier(HostnameVerifier hostnameVerifier) {
        this.hostnameVerifier = hostnameVerifier;
    }

    /**
     * Sets time-outs and the number of connections.
     *
     * @param httpSocketTimeout milliseconds until the answer must be there, 30000 by default
     * @param httpConnectionTimeout milliseconds until a connection must stand, 30000 by default
     * @param maxConnectionAmount requests that are under way at the same time, 200 by default; further ones wait, as long as for a
     * connection
     * @param maxConnectionAmountPerRoute the same for one platform, and a client has but one: the smaller of the two counts
     */
    public void setHttpConnection(int httpSocketTimeout, int httpConnectionTimeout, int maxConnectionAmount,
            int maxConnectionAmountPerRoute) {
        setHttpConnection(httpSocketTimeout, httpConnectionTimeout, maxConnectionAmount, maxConnectionAmountPerRoute, 0, 0);
    }

    /**
     * Sets time-outs, the number of connections, and how often a call is tried again.
     *
     * <p>Tried again is what does no harm: a request that could not be sent; queries, and creates under a key, whose answer was lost; and
     * what the platform refuses with 1010009, 100501 and 190408, after the time that it asks for. Each wait is twice as long as the one
     * before, from 0.2 s to 5 s, and all waits of a call are no longer than 75 s.
     *
     * @param httpSocketTimeout milliseconds until the answer must be there, 30000 by default
     * @param httpConnectionTimeout milliseconds until a connection must stand, 30000 by default
     * @param maxConnectionAmount requests that are under way at the same time, 200 by default; further ones wait, as long as for a
     * connection
     * @param maxConnectionAmountPerRoute the same for one platform, and a client has but one: the smaller of the two counts
     * @param clearIdleTime no effect: the Java runtime decides how long an idle connection is kept ({@code
     * jdk.httpclient.keepalive.timeout}, in seconds)
     * @param httpRetryTimes how often a failed call is tried again, 0 (never) by default
     */
    public void setHttpConnection(int httpSocketTimeout, int httpConnectionTimeout, int maxConnectionAmount,
            int maxConnectionAmountPerRoute, int clearIdleTime, int httpRetryTimes) {
        int connections = Math.min(maxConnectionAmount, maxConnectionAmountPerRoute);
        if (httpSocketTimeout <= 0 || httpConnectionTimeout <= 0 || connections <= 0 || httpRetryTimes < 0) {
            throw new IllegalArgumentException("time-outs and connections must be positive, retries not negative");
        }
        Duration socket = Duration.ofMillis(httpSocketTimeout);
        Duration connect = Duration.ofMillis(httpConnectionTimeout);
        synchronized (this) {
            settings = new Settings(settings.plainHttp, socket, connect, connections, httpRetryTimes);
            transport = null;
        }
    }

    /**
     * Speaks plain HTTP instead of HTTPS: for tests on loopback ({@code downlink serve --plain-http}), and for a proxy on the same machine.
     * Credentials and tokens are readable on the way then.
     *
     * @param plainHttp false by default
     */
    public synchronized void setPlainHttp(boolean plainHttp) {
        settings = new Settings(plainHttp, settings.socket, settings.connect, settings.connections, settings.retries);
        transport = null;
    }

    /**
     * Says where the {@code Idempotency-Key} of each create comes from. A create that is repeated under its key within a day is done once.
     *
     * @param keys is asked once for each create: up to 255 visible ASCII characters, or null for none; a random one by default
     */
    public void setIdempotencyKeys(Supplier<String> keys) {
        this.idempotencyKeys = keys == null ? () -> null : keys;
    }

    /**
     * The version of the interface that this client was made for.
     *
     * @return the version of {@code openapi.json}
     */
    public String getVersion() {
        return Version.VERSION;
    }

    /**
     * Whether calls without a token use the kept one.
     *
     * @return true while the refresh timer runs
     */
    public boolean isTimerFlag() {
        return tokens.isTimerFlag();
    }

    /**
     * Says whether calls without a token use the kept one; {@link #startRefreshTokenTimer} and {@link #stopRefreshTokenTimer} do so.
     *
     * @param timerFlag true if they do
     */
    public void setTimerFlag(boolean timerFlag) {
        tokens.setTimerFlag(timerFlag);
    }

    /**
     * Keeps this token.
     *
     * @param accessToken for calls without a token, while the timer flag is set
     */
    public void setAccessToken(String accessToken) {
        tokens.setAccessToken(accessToken);
    }

    /**
     * Logs in, and keeps the token. {@code Authentication} has it under its name in the contract.
     *
     * @return the token
     * @throws NorthApiException when the login fails
     */
    public AuthOutDTO logIn() throws NorthApiException {
        return tokens.logIn();
    }

    /**
     * Gets another token for a refresh token, and keeps it. {@code Authentication} has it under its name in the contract.
     *
     * @param arInDTO application, secret and refresh token
     * @return the token
     * @throws NorthApiException when it is refused
     */
    public AuthRefreshOutDTO refresh(AuthRefreshInDTO arInDTO) throws NorthApiException {
        return tokens.refresh(arInDTO);
    }

    /**
     * Ends a token. {@code Authentication} has it under its name in the contract.
     *
     * @param accessToken the token
     * @throws NorthApiException 1009 when it is null or empty, or the platform's refusal
     */
    public void logOut(String accessToken) throws NorthApiException {
        tokens.logOut(accessToken);
    }

    /**
     * Logs in, and keeps the token fresh from now on, on a daemon thread; no effect when it does so already.
     *
     * <p>A token is renewed shortly before its end. When that fails, the log says so ({@code io.downlink.client}), and it is tried again
     * after a second, then after twice as long each time, up to a minute, without end. A kept token that the platform refuses is replaced
     * at once, by the call that noticed.
     *
     * @throws NorthApiException when the login fails; the timer is off then
     */
    public void startRefreshTokenTimer() throws NorthApiException {
        tokens.start();
    }

    /**
     * Ends the timer; calls need a token of their own from now on.
     */
    public void stopRefreshTokenTimer() {
        tokens.stop();
    }

    /**
     * Ends the timer. Connections end by themselves.
     */
    @Override
    public void close() {
        stopRefreshTokenTimer();
    }

    /**
     * Calls any address of the platform.
     *
     * @param <T> the answer's type
     * @param appId the application that is meant, or null for none
     * @param accessToken a token, or null for the kept one
     * @param httpMethod GET, POST, PUT or DELETE
     * @param url_postfix the path, escaped, from {@code /iocm} on
     * @param queryParams further parameters, or null for none
     * @param inputBodyDto what is sent as JSON, or null for nothing
     * @param returnType the answer's class, or null if it does not matter
     * @return the answer, or null if it has no body or does not matter
     * @throws NorthApiException when the call does not succeed; 1002 for another method
     */
    public <T> T invokeAPI(String appId, String accessToken, String httpMethod, String url_postfix, Map<String, String> queryParams,
            Object inputBodyDto, Class<T> returnType) throws NorthApiException {
        if (httpMethod == null || !METHODS.contains(httpMethod)) {
            throw new NorthApiException(ExceptionEnum.CLIENT_INVALID_METHOD);
        }
        Request request = Request.free(this, httpMethod, url_postfix).query("appId", appId).token(accessToken);
        if (queryParams != null) {
            queryParams.forEach(request::query);
        }
        if (inputBodyDto != null) {
            request.body(inputBodyDto);
        }
        return answered(request, returnType);
    }

    /**
     * Calls any address of the platform with exactly these headers: no token, no {@code app_key} and no {@code Idempotency-Key} but those
     * that are given.
     *
     * @param <T> the answer's type
     * @param url the path, escaped, from {@code /iocm} on
     * @param method GET, POST, PUT or DELETE
     * @param queryParams parameters, or null for none
     * @param body what is sent as JSON, or null for nothing
     * @param headerParams headers, or null for none
     * @param formParams fields of a form, which is sent instead of {@code body}, or null
     * @param accept the header {@code Accept}, or null for JSON
     * @param contentType the header {@code Content-Type}, or null for that of the body
     * @param authNames no effect
     * @param returnCls the answer's class, or null if it does not matter
     * @return the answer, or null if it has no body or does not matter
     * @throws NorthApiException when the call does not succeed; 1002 for another method
     */
    public <T> T invokeAPI(String url, String method, Map<String, String> queryParams, Object body, Map<String, String> headerParams,
            Map<String, String> formParams, String accept, String contentType, String[] authNames, Class<T> returnCls)
            throws NorthApiException {
        if (method == null || !METHODS.contains(method)) {
            throw new NorthApiException(ExceptionEnum.CLIENT_INVALID_METHOD);
        }
        Map<String, String> headers = new LinkedHashMap<>(headerParams == null ? Map.of() : headerParams);
        headers.put("Accept", accept == null ? "application/json" : accept);
        Request request = Request.bare(this, method, url, headers, contentType);
        if (queryParams != null) {
            queryParams.forEach(request::query);
        }
        if (formParams != null) {
            request.form(formParams);
        } else if (body != null) {
            request.body(body);
        }
        return answered(request, returnCls);
    }

    private static <T> T answered(Request request, Class<T> type) throws NorthApiException {
        if (type != null) {
            return request.send(type);
        }
        request.send();
        return null;
    }

    Tokens tokens() {
        return tokens;
    }

    String newIdempotencyKey() {
        return idempotencyKeys.get();
    }

    ClientInfo checkedClientInfo() throws NorthApiException {
        ClientInfo info = clientInfo;
        if (info == null) {
            throw new NorthApiException(ExceptionEnum.CLIENT_INFO_ERROR, "setClientInfo was not called");
        }
        return info;
    }

    Transport transport() throws NorthApiException {
        Transport current = transport;
        if (current != null) {
            return current;
        }
        synchronized (this) {
            if (transport == null) {
                if (tls == null && !settings.plainHttp) {
                    tls = Ssl.context(null, () -> hostnameVerifier);
                }
                transport = new Transport(this, settings, settings.plainHttp ? null : tls);
            }
            return transport;
        }
    }

    /** A copy, so that nobody changes it any more. */
    private static ClientInfo checked(ClientInfo info) throws NorthApiException {
        if (info == null) {
            throw new NorthApiException(ExceptionEnum.CLIENT_INFO_ERROR, "it is null");
        }
        ClientInfo copy = new ClientInfo();
        copy.setPlatformIp(present(info.getPlatformIp(), "platformIp"));
        copy.setPlatformPort(port(present(info.getPlatformPort(), "platformPort")));
        copy.setAppId(present(info.getAppId(), "appId"));
        copy.setSecret(present(info.getSecret(), "secret"));
        if ((copy.getAppId() + copy.getSecret()).chars().anyMatch(Character::isWhitespace)) {
            throw new NorthApiException(ExceptionEnum.APPID_SECRET_INCLUDE_SPACE);
        }
        return copy;
    }

    private static String present(String member, String name) throws NorthApiException {
        if (member == null || member.isEmpty()) {
            throw new NorthApiException(ExceptionEnum.CLIENT_INFO_ERROR, name + " is missing");
        }
        return member;
    }

    private static String port(String text) throws NorthApiException {
        if (!text.matches("[0-9]{1,5}") || Integer.parseInt(text) < 1 || Integer.parseInt(text) > PORT_MAX) {
            throw new NorthApiException(ExceptionEnum.CLIENT_INFO_ERROR, "platformPort is no port");
        }
        return text;
    }
}
