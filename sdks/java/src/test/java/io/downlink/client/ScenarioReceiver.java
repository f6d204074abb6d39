package io.downlink.client;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import io.downlink.client.dto.NotifyCommandRspDTO;
import io.downlink.client.dto.NotifyMessageConfirmDTO;
import io.downlink.client.dto.NotifyNBCommandStatusChangedDTO;
import io.downlink.client.invokeapi.PushMessageReceiver;
import io.downlink.utils.JsonUtil;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** Keeps what the scenario's commands and calls are told, by whom it is about, as the client's types hold it. */
final class ScenarioReceiver extends PushMessageReceiver {
    private static final ObjectMapper MAPPER = JsonUtil.mapper();
    private static final long PATIENCE_S = 30;
    private final Map<String, List<JsonNode>> told = new HashMap<>();
    private final Map<String, Integer> expected = new HashMap<>();

    @Override
    public void handleNBCommandStateChanged(NotifyNBCommandStatusChangedDTO body) {
        note(body.getCommandId(), body);
    }

    @Override
    public void handleMessageConfirm(NotifyMessageConfirmDTO body) {
        note(body.getHeader().getRequestId(), body);
    }

    @Override
    public void handleCommandRsp(NotifyCommandRspDTO body) {
        note(body.getHeader().getRequestId(), body);
    }

    /** The next callbacks of a command or a call, as soon as so many have come. */
    synchronized JsonNode take(String about, int count) throws InterruptedException {
        int from = expected.getOrDefault(about, 0);
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_S);
        while (of(about).size() < from + count) {
            long left = TimeUnit.NANOSECONDS.toMillis(end - System.nanoTime());
            if (left <= 0) {
                throw new AssertionError("only " + of(about).size() + " callbacks of " + about + " have come: " + of(about));
            }
            wait(left);
        }
        expected.put(about, from + count);
        ArrayNode taken = JsonNodeFactory.instance.arrayNode();
        of(about).subList(from, from + count).forEach(taken::add);
        return taken;
    }

    /** Nobody was told more than was expected. */
    synchronized void nothingMore() {
        told.forEach((about, all) -> assertEquals(expected.getOrDefault(about, 0), all.size(), "callbacks of " + about + ": " + all));
    }

    private synchronized void note(String about, Object body) {
        of(about).add(MAPPER.valueToTree(body));
        notifyAll();
    }

    private List<JsonNode> of(String about) {
        return told.computeIfAbsent(about, key -> new ArrayList<>());
    }
}
