package io.downlink.client;

import io.downlink.client.dto.AuthOutDTO;
import io.downlink.client.dto.AuthRefreshInDTO;
import io.downlink.client.dto.AuthRefreshOutDTO;
import io.downlink.client.dto.ClientInfo;
import io.downlink.constant.ExceptionEnum;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * The token of one client, and the timer that keeps it fresh.
 *
 * <pre>
 *   started: log in ──► refresh shortly before the end ──► refresh …
 *                           │ refused                        failed: say so, wait, try again
 *                           ▼
 *                         log in anew
 * </pre>
 *
 * <p>A login ends every earlier token of the application at once; a refresh leaves the old one for 30 s. So calls that are under way
 * survive a refresh, and the timer prefers it.
 */
final class Tokens {
    private static final System.Logger LOG = System.getLogger("io.downlink.client");
    /** Assumed when an answer gives none. */
    private static final int LIFE_DEFAULT_S = 3600;
    /** A token is renewed a tenth of its life before its end, but no more than this. */
    private static final long MARGIN_MAX_MS = 60_000;
    private static final long RETRY_FIRST_MS = 1_000;
    private static final long RETRY_MAX_MS = 60_000;

    private final NorthApiClient client;
    /** Held while a token is fetched, so that concurrent callers share one fetch. */
    private final Object fetching = new Object();
    private volatile String access;
    private volatile String refresh;
    private volatile boolean timerFlag;
    private volatile long fetches;
    private volatile Duration renewal;
    private NorthApiException lastFailure;
    private ScheduledExecutorService timer;

    Tokens(NorthApiClient client) {
        this.client = client;
    }

    /** The token for a call: the given one, or the kept one. */
    String resolve(String given) throws NorthApiException {
        String token = given;
        if (given == null && timerFlag) {
            token = access;
        }
        if (token == null || token.isBlank()) {
            throw new NorthApiException(ExceptionEnum.CLIENT_INPUT_ACCESSTOKEN_INVALID);
        }
        return token;
    }

    /** Another token than this one, which the platform refused. Callers that come together share one login, and its failure. */
    String replace(String refused) throws NorthApiException {
        long seen = fetches;
        synchronized (fetching) {
            String now = access;
            if (now != null && !now.equals(refused)) {
                return now;
            }
            if (fetches != seen && lastFailure != null) {
                throw lastFailure;
            }
            return logIn().getAccessToken();
        }
    }

    AuthOutDTO logIn() throws NorthApiException {
        synchronized (fetching) {
            try {
                ClientInfo info = client.checkedClientInfo();
                Map<String, String> form = new LinkedHashMap<>();
                form.put("appId", info.getAppId());
                form.put("secret", info.getSecret());
                AuthOutDTO answer = new Request(client, Operation.GET_AUTH_TOKEN).form(form).send(AuthOutDTO.class);
                keep(answer == null ? null : answer.getAccessToken(), answer == null ? null : answer.getRefreshToken());
                return answer;
            } catch (NorthApiException e) {
                fetched(e);
                throw e;
            }
        }
    }

    AuthRefreshOutDTO refresh(AuthRefreshInDTO wanted) throws NorthApiException {
        synchronized (fetching) {
            AuthRefreshOutDTO answer = new Request(client, Operation.REFRESH_AUTH_TOKEN).body(wanted).send(AuthRefreshOutDTO.class);
            keep(answer == null ? null : answer.getAccessToken(), answer == null ? null : answer.getRefreshToken());
            return answer;
        }
    }

    void logOut(String token) throws NorthApiException {
        if (token == null || token.isBlank()) {
            throw new NorthApiException(ExceptionEnum.CLIENT_INPUT_ACCESSTOKEN_INVALID);
        }
        new Request(client, Operation.LOGOUT_AUTH_TOKEN).body(Map.of("accessToken", token)).send();
    }

    synchronized void start() throws NorthApiException {
        if (timerFlag) {
            return;
        }
        AuthOutDTO answer = logIn();
        ScheduledThreadPoolExecutor made = new ScheduledThreadPoolExecutor(1, work -> {
            Thread thread = new Thread(work, "downlink-token");
            thread.setDaemon(true);
            return thread;
        });
        made.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
        timer = made;
        timerFlag = true;
        schedule(made, untilRenewal(answer.getExpiresIn()), RETRY_FIRST_MS);
    }

    synchronized void stop() {
        timerFlag = false;
        if (timer != null) {
            timer.shutdownNow();
            timer = null;
        }
    }

    /** Renews in these steps, whatever the platform says of a token's life: for tests. */
    void renewEvery(Duration step) {
        renewal = step;
    }

    boolean isTimerFlag() {
        return timerFlag;
    }

    void setTimerFlag(boolean flag) {
        timerFlag = flag;
    }

    void setAccessToken(String token) {
        access = token;
    }

    private void schedule(ScheduledExecutorService on, long inMs, long retryMs) {
        if (!on.isShutdown()) {
            on.schedule(() -> renew(on, retryMs), inMs, TimeUnit.MILLISECONDS);
        }
    }

    private void renew(ScheduledExecutorService on, long retryMs) {
        try {
            long next = untilRenewal(renewed());
            if (retryMs > RETRY_FIRST_MS) {
                LOG.log(Level.INFO, "the access token is renewed again");
            }
            schedule(on, next, RETRY_FIRST_MS);
        } catch (NorthApiException | RuntimeException e) {
            if (!on.isShutdown()) {
                LOG.log(Level.WARNING, "the access token could not be renewed, next try in {0} ms: {1}", Long.toString(retryMs), e.getMessage());
            }
            schedule(on, retryMs, Math.min(retryMs * 2, RETRY_MAX_MS));
        }
    }

    /** Renews the token, and returns the seconds that the new one lives. */
    private Integer renewed() throws NorthApiException {
        synchronized (fetching) {
            String with = refresh;
            if (with != null) {
                try {
                    ClientInfo info = client.checkedClientInfo();
                    AuthRefreshInDTO wanted = new AuthRefreshInDTO();
                    wanted.setAppId(info.getAppId());
                    wanted.setSecret(info.getSecret());
                    wanted.setRefreshToken(with);
                    return refresh(wanted).getExpiresIn();
                } catch (NorthApiException e) {
                    if (e.getHttpStatusCode() < 0) {
                        throw e;
                    }
                    LOG.log(Level.DEBUG, "the access token could not be refreshed, logging in: {0}", e.getMessage());
                }
            }
            return logIn().getExpiresIn();
        }
    }

    private void keep(String token, String refreshToken) throws NorthApiException {
        if (token == null) {
            throw new NorthApiException(ExceptionEnum.CLIENT_AFTER_INVOK_ERROR, "the answer holds no access token");
        }
        access = token;
        refresh = refreshToken;
        fetched(null);
    }

    private void fetched(NorthApiException failure) {
        lastFailure = failure;
        fetches++;
    }

    private long untilRenewal(Integer expiresIn) {
        Duration fixed = renewal;
        if (fixed != null) {
            return fixed.toMillis();
        }
        long life = TimeUnit.SECONDS.toMillis(expiresIn == null || expiresIn <= 0 ? LIFE_DEFAULT_S : expiresIn);
        return life - Math.min(life / 10, MARGIN_MAX_MS);
    }
}
