package io.downlink.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import io.downlink.client.Platform.App;
import io.downlink.client.Platform.Awake;
import io.downlink.client.Platform.Device;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The page docs/sdk-java.md and the examples, run as they are printed. */
class ExamplesTest {
    private static final Pattern BLOCK = Pattern.compile("^```(\\w+)\n(.*?)^```$", Pattern.MULTILINE | Pattern.DOTALL);
    private static final String CLASSES = System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));

    @Test
    void thePageSaysWhatIsRun(@TempDir Path folder) throws Exception {
        String page = Files.readString(Platform.repository().resolve("docs/sdk-java.md"));
        String start = Files.readString(Path.of("examples/io/downlink/examples/Start.java"));
        assertEquals(List.of(start), blocks(page, "java"));
        List<String> shell = blocks(page, "bash");
        assertEquals(2, shell.size());
        Files.createSymbolicLink(folder.resolve("downlink"), Path.of(Platform.binary()));
        String run = "\"$JAVA\" -cp \"$CLASSES\" io.downlink.examples.Start\n";
        Path script = folder.resolve("page.sh");
        Files.writeString(script, "set -euo pipefail\ntrap 'kill $!; wait' EXIT\n" + shell.get(0) + run + shell.get(1) + run);
        ProcessBuilder builder = new ProcessBuilder("bash", script.toString()).directory(folder.toFile()).redirectErrorStream(true);
        Map<String, String> environment = builder.environment();
        environment.put("PATH", folder + ":" + environment.get("PATH"));
        environment.put("REPOSITORY", Platform.repository().toString());
        environment.put("JAVA", java());
        environment.put("CLASSES", CLASSES);
        Process process = builder.start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), said);
        assertEquals(2, count(said, "ordered "), said);
        assertEquals(2, count(said, " is PENDING"), said);
        assertEquals(1, count(said, " is SUCCESSFUL"), said);
    }

    @Test
    void theApplicationQueuesCancelsCallsAndIsTold() throws Exception {
        // Its time stands still at the moment of its start: callbacks are believed for five minutes from then on.
        try (Platform own = Platform.start("--set", "north.private_callbacks=true")) {
            App app = own.app();
            Device device = app.meter();
            ProcessBuilder builder = new ProcessBuilder(java(), "-cp", CLASSES, "io.downlink.examples.WaterMeter").redirectErrorStream(true);
            builder.environment().putAll(Map.of("DOWNLINK_URL", "http://127.0.0.1:" + own.north().getPort(), "DOWNLINK_APP", app.id,
                "DOWNLINK_SECRET", app.secret, "DOWNLINK_DEVICE", device.id, "DOWNLINK_WEBHOOK_SECRET",
                own.operator("app", "callback", app.id, "--rotate-webhook-secret").get("webhookSecret").asText()));
            Process process = builder.start();
            List<String> said = new ArrayList<>();
            try (BufferedReader lines = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
                for (int line = 0; line < 3; line++) {
                    said.add(lines.readLine());
                }
                assertEquals(List.of("queued, PENDING", "taken back, CANCELED", "called, refused: The device is not online."), said);
                try (Awake awake = own.awake(device, "--body", "{\"result\":0}")) {
                    assertNotNull(awake);
                    List<String> rest = new ArrayList<>();
                    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                        rest.add(line);
                    }
                    assertEquals(0, process.waitFor(), rest::toString);
                    assertEquals(List.of("told, SENT", "told, DELIVERED", "told, SUCCESSFUL"), rest.subList(0, 3));
                    // The answer to the call and what the meter says to it come by different ways.
                    assertEquals(new TreeSet<>(List.of("answered, {\"result\":0}", "called, sent")), new TreeSet<>(rest.subList(3, rest.size())));
                }
            } finally {
                process.destroyForcibly();
            }
        }
    }

    private static String java() {
        return Path.of(System.getProperty("java.home"), "bin", "java").toString();
    }

    private static List<String> blocks(String page, String language) {
        List<String> found = new ArrayList<>();
        Matcher blocks = BLOCK.matcher(page);
        while (blocks.find()) {
            if (blocks.group(1).equals(language)) {
                found.add(blocks.group(2));
            }
        }
        return found;
    }

    private static long count(String text, String part) {
        return text.lines().filter(line -> line.contains(part)).count();
    }
}
