package io.downlink.client;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.NullNode;
import io.downlink.client.dto.ClientInfo;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

/** A real server whose time stands still, in a folder of its own. */
public final class Platform implements AutoCloseable {
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final AtomicInteger NAMES = new AtomicInteger();
    private static final long START_S = 60;
    private static Platform shared;

    private final Path folder;
    private final Process server;
    private final boolean plain;
    private boolean modelled;

    private Platform(boolean plain, String... flags) {
        this.plain = plain;
        try {
            folder = Files.createTempDirectory("downlink");
            List<String> command = new ArrayList<>(List.of(binary(), "serve", "--test-clock", "--free-ports", "--log-level", "error"));
            command.addAll(List.of("--set", "mqtt.tls=false", "--data", folder.toString()));
            // It ends with its standard input, a pipe of this process, even when that is killed.
            command.add("--until-stdin-closes");
            if (plain) {
                command.add("--plain-http");
            }
            command.addAll(List.of(flags));
            server = new ProcessBuilder(command).redirectError(folder.resolve("log").toFile()).redirectOutput(folder.resolve("out").toFile()).start();
            awaitPorts();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The one that most tests share; each makes an application of its own there. */
    public static synchronized Platform shared() {
        if (shared == null) {
            Platform made = start("--set", "north.private_callbacks=true");
            Runtime.getRuntime().addShutdownHook(new Thread(made::close));
            shared = made;
        }
        return shared;
    }

    public static Platform start(String... flags) {
        return new Platform(true, flags);
    }

    public static Platform startWithTls(String... flags) {
        return new Platform(false, flags);
    }

    /** A name that nothing else has. */
    public static String name(String prefix) {
        return prefix + "-" + NAMES.incrementAndGet();
    }

    public Path folder() {
        return folder;
    }

    public InetSocketAddress north() {
        String[] parts = json(readAll(folder.resolve("ports.json"))).get("north").asText().split(":");
        return new InetSocketAddress(parts[0], Integer.parseInt(parts[1]));
    }

    public InetSocketAddress admin() {
        String[] parts = json(readAll(folder.resolve("ports.json"))).get("admin").asText().split(":");
        return new InetSocketAddress(parts[0], Integer.parseInt(parts[1]));
    }

    /** Runs a command of the operator; what it printed, or null for nothing. */
    public JsonNode operator(String... args) {
        List<String> command = new ArrayList<>(List.of(binary()));
        command.addAll(List.of(args));
        // What stands behind `--` is another program's.
        int end = command.contains("--") ? command.indexOf("--") : command.size();
        command.addAll(end, List.of("--json", "--data", folder.toString()));
        try {
            Process process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
            process.getOutputStream().close();
            String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            if (process.waitFor() != 0) {
                throw new AssertionError(List.of(args) + " ended with " + process.exitValue() + ": " + printed);
            }
            return printed.isBlank() || !printed.trim().startsWith("{") ? NullNode.getInstance() : json(printed.getBytes(StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    public App app() {
        return new App(name("app"));
    }

    /** Keeps the device awake until it is closed. */
    public Awake awake(Device device, String... flags) {
        List<String> args = new ArrayList<>(List.of(device.id, "--secret", device.secret));
        args.addAll(List.of(flags));
        return awake(args.toArray(String[]::new));
    }

    /** The same, with the arguments of {@code device play}. */
    public Awake awake(String... args) {
        return new Awake(args);
    }

    public void fault(String name) {
        operator("fault", "set", name);
    }

    @Override
    public void close() {
        server.destroy();
        try {
            if (!server.waitFor(START_S, TimeUnit.SECONDS)) {
                server.destroyForcibly();
            }
            try (Stream<Path> files = Files.walk(folder)) {
                files.sorted(Comparator.reverseOrder()).map(Path::toFile).forEach(File::delete);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** The debug binary; a missing one is a failure that says how to build it. */
    static String binary() {
        String given = System.getenv("DOWNLINK_BIN");
        Path found;
        if (given != null && !given.isEmpty()) {
            found = Path.of(given);
        } else {
            String target = System.getenv("CARGO_TARGET_DIR");
            found = target != null && !target.isEmpty() ? Path.of(target) : repository().resolve("target");
            found = found.resolve("debug").resolve("downlink");
        }
        if (!Files.isExecutable(found)) {
            throw new AssertionError(found + " is missing: build it with `cargo build -p downlink`");
        }
        return found.toString();
    }

    public static Path repository() {
        Path at = Path.of("").toAbsolutePath();
        while (!Files.exists(at.resolve("openapi.json"))) {
            at = at.getParent();
            if (at == null) {
                throw new AssertionError("openapi.json is in no folder above");
            }
        }
        return at;
    }

    private void awaitPorts() throws IOException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(START_S);
        while (!Files.exists(folder.resolve("ports.json"))) {
            if (!server.isAlive() || System.nanoTime() > end) {
                throw new AssertionError("the server did not start: " + Files.readString(folder.resolve("log")));
            }
            try {
                Thread.sleep(20);
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }
    }

    private static byte[] readAll(Path file) {
        try {
            return Files.readAllBytes(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static JsonNode json(byte[] text) {
        try {
            return MAPPER.readTree(text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** An application without a limit of calls. */
    public final class App {
        public final String id;
        public final String secret;

        App(String id) {
            this.id = id;
            this.secret = operator("app", "create", "--id", id, "--unthrottled").get("secret").asText();
        }

        public ClientInfo info() {
            ClientInfo info = new ClientInfo();
            info.setPlatformIp(north().getHostString());
            info.setPlatformPort(Integer.toString(north().getPort()));
            info.setAppId(id);
            info.setSecret(secret);
            return info;
        }

        public NorthApiClient client() {
            NorthApiClient client = new NorthApiClient();
            client.setPlainHttp(plain);
            try {
                client.setClientInfo(info());
            } catch (NorthApiException e) {
                throw new AssertionError(e);
            }
            return client;
        }

        public Device device(String... flags) {
            List<String> args = new ArrayList<>(List.of("device", "register", "--app", id, "--node-id", name("node")));
            args.addAll(List.of(flags));
            return new Device(operator(args.toArray(String[]::new)));
        }

        /** A device with the product model of the samples. */
        public Device meter() {
            return device("--profile", waterMeter());
        }

        private String waterMeter() {
            synchronized (Platform.this) {
                if (!modelled) {
                    operator("profile", "add", repository().resolve("crates/profile/samples/water-meter.json").toString());
                    modelled = true;
                }
            }
            return "Downlink/WM1";
        }
    }

    /** A registered device. */
    public static final class Device {
        public final String id;
        public final String secret;

        Device(JsonNode registered) {
            this.id = registered.get("deviceId").asText();
            this.secret = registered.path("secret").asText();
        }
    }

    /** A device that is awake. */
    public final class Awake implements AutoCloseable {
        private final Process process;
        private final Path said;

        Awake(String... args) {
            List<String> command = new ArrayList<>(List.of(binary(), "device", "play"));
            command.addAll(List.of(args));
            command.addAll(List.of("--data", folder.toString(), "--", "sh", "-c", "echo awake; exec cat"));
            try {
                said = Files.createTempFile(folder, "device", ".log");
                process = new ProcessBuilder(command).redirectError(said.toFile()).start();
                BufferedReader lines = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
                for (String line = lines.readLine(); !"awake".equals(line); line = lines.readLine()) {
                    if (line == null) {
                        throw new AssertionError("the device did not wake: " + Files.readString(said));
                    }
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        /** Ends it, however it stands. */
        public void kill() {
            process.destroyForcibly();
        }

        @Override
        public void close() {
            end(0);
        }

        /** Lets it sleep again, with status 0; or sees it end by itself with another one, because the platform has ended its connection. */
        public void end(int status) {
            try (OutputStream sleep = status == 0 ? process.getOutputStream() : OutputStream.nullOutputStream()) {
                sleep.flush();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            try {
                process.getInputStream().readAllBytes();
                if (process.waitFor() != status) {
                    throw new AssertionError("the device ended with " + process.exitValue() + ": " + Files.readString(said));
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }
    }
}
