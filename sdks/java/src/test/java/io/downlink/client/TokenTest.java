package io.downlink.client;

import static io.downlink.client.ClientTest.refused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.downlink.client.Platform.App;
import io.downlink.client.invokeapi.Authentication;
import io.downlink.client.invokeapi.SignalDelivery;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.jupiter.api.Test;

/** The token that a client keeps: whose it is, when it is renewed, and what happens when that fails. */
class TokenTest {
    private final Platform platform = Platform.shared();

    @Test
    void nullIsTheKeptTokenWhileTheTimerRuns() throws NorthApiException {
        NorthApiClient client = platform.app().client();
        SignalDelivery service = new SignalDelivery(client);
        Authentication authentication = new Authentication(client);
        authentication.getAuthToken();
        refused("1009", () -> service.queryDeviceCommand(null, null));
        authentication.startRefreshTokenTimer();
        authentication.startRefreshTokenTimer();
        assertTrue(client.isTimerFlag());
        assertEquals(0, service.queryDeviceCommand(null, null).getData().size());
        assertTrue(timers().stream().allMatch(Thread::isDaemon));
        assertFalse(timers().isEmpty());
        authentication.stopRefreshTokenTimer();
        refused("1009", () -> service.queryDeviceCommand(null, null));
        authentication.startRefreshTokenTimer();
        assertEquals(0, service.queryDeviceCommand(null, null).getData().size());
        client.close();
        assertFalse(client.isTimerFlag());
        client.setAccessToken("mine");
        client.setTimerFlag(true);
        assertNotNull(service.queryDeviceCommand(null, null), "a token that the platform does not know is replaced");
    }

    @Test
    void aTimerThatCannotLogInIsNotOn() throws NorthApiException {
        App app = platform.app();
        NorthApiClient client = app.client();
        platform.operator("app", "freeze", app.id);
        refused("100247", client::startRefreshTokenTimer);
        assertFalse(client.isTimerFlag());
        platform.operator("app", "unfreeze", app.id);
        client.startRefreshTokenTimer();
        assertTrue(client.isTimerFlag());
        client.close();
    }

    @Test
    void everyClientHasItsOwn() throws NorthApiException {
        App one = platform.app();
        App two = platform.app();
        try (NorthApiClient first = one.client(); NorthApiClient second = two.client()) {
            first.startRefreshTokenTimer();
            second.startRefreshTokenTimer();
            assertNotNull(new SignalDelivery(first).queryDeviceCommand(null, null));
            assertNotNull(new SignalDelivery(second).queryDeviceCommand(null, null));
        }
    }

    @Test
    void aKeptTokenThatHasEndedIsReplacedOnceForAll() throws Exception {
        App app = platform.app();
        try (NorthApiClient client = app.client()) {
            client.startRefreshTokenTimer();
            SignalDelivery service = new SignalDelivery(client);
            String elsewhere = new Authentication(app.client()).getAuthToken().getAccessToken();
            ExecutorService callers = Executors.newFixedThreadPool(8);
            try {
                List<Future<?>> calls = new ArrayList<>();
                for (int caller = 0; caller < 8; caller++) {
                    calls.add(callers.submit(() -> service.queryDeviceCommand(null, null)));
                }
                for (Future<?> call : calls) {
                    assertNotNull(call.get(30, TimeUnit.SECONDS));
                }
            } finally {
                callers.shutdown();
            }
            refused("1010005", () -> service.queryDeviceCommand(null, elsewhere));
            platform.operator("app", "freeze", app.id);
            refused("100247", () -> service.queryDeviceCommand(null, null));
            platform.operator("app", "unfreeze", app.id);
            assertNotNull(service.queryDeviceCommand(null, null));
        }
    }

    @Test
    void theTimerRenewsAndGoesOnAfterAFailure() {
        Log log = new Log();
        try {
            App app = platform.app();
            NorthApiClient client = app.client();
            // The platform's tokens live a minute at least; nobody waits for that here.
            client.tokens().renewEvery(Duration.ofMillis(300));
            try {
                client.startRefreshTokenTimer();
                String first = client.tokens().resolve(null);
                await(() -> !first.equals(kept(client)), "no renewal");
                assertNotNull(new SignalDelivery(client).queryDeviceCommand(null, null));
                platform.operator("app", "freeze", app.id);
                await(() -> log.has(Level.WARNING, "100247"), "no word about the failure");
                assertTrue(client.isTimerFlag());
                String stale = kept(client);
                platform.operator("app", "unfreeze", app.id);
                await(() -> !stale.equals(kept(client)), "no renewal after the failure");
                assertNotEquals(first, kept(client));
                assertNotNull(new SignalDelivery(client).queryDeviceCommand(null, null));
                assertFalse(log.says(app.secret) || log.says(stale) || log.says(kept(client)), "the log holds a secret");
            } catch (NorthApiException e) {
                throw new AssertionError(e);
            } finally {
                client.close();
            }
        } finally {
            log.close();
        }
    }

    private static String kept(NorthApiClient client) {
        try {
            return client.tokens().resolve(null);
        } catch (NorthApiException e) {
            throw new AssertionError(e);
        }
    }

    private static List<Thread> timers() {
        List<Thread> found = new ArrayList<>();
        for (Thread thread : Thread.getAllStackTraces().keySet()) {
            if (thread.getName().equals("downlink-token")) {
                found.add(thread);
            }
        }
        return found;
    }

    private static void await(BooleanSupplier what, String otherwise) {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
        while (!what.getAsBoolean()) {
            assertTrue(System.nanoTime() < end, otherwise);
            try {
                Thread.sleep(20);
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }
    }

    /** What the client logs. */
    private static final class Log extends Handler {
        private final Logger logger = Logger.getLogger("io.downlink.client");
        private final List<LogRecord> records = new CopyOnWriteArrayList<>();

        Log() {
            logger.addHandler(this);
            logger.setUseParentHandlers(false);
        }

        boolean has(Level level, String word) {
            return records.stream().anyMatch(record -> record.getLevel().equals(level) && text(record).contains(word));
        }

        boolean says(String word) {
            return records.stream().anyMatch(record -> text(record).contains(word));
        }

        private static String text(LogRecord record) {
            StringBuilder text = new StringBuilder(record.getMessage());
            for (Object parameter : record.getParameters() == null ? new Object[0] : record.getParameters()) {
                text.append(' ').append(parameter);
            }
            return text.toString();
        }

        @Override
        public void publish(LogRecord record) {
            records.add(record);
        }

        @Override
        public void flush() {
        }

        @Override
        public void close() {
            logger.removeHandler(this);
            logger.setUseParentHandlers(true);
        }
    }
}
