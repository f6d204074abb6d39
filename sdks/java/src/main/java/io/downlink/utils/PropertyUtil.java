package io.downlink.utils;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Properties;

/**
 * Settings from a properties file, for applications that keep the platform's address and their credentials there.
 */
public final class PropertyUtil {
    private static volatile Properties properties = new Properties();

    private PropertyUtil() {
    }

    /**
     * Reads the file. What an earlier one said is forgotten.
     *
     * @param path a file, or else a resource of the class path
     * @throws UncheckedIOException if there is neither, or it cannot be read
     */
    public static void init(String path) {
        Properties read = new Properties();
        try (InputStream from = open(path)) {
            read.load(from);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        properties = read;
    }

    /**
     * A setting.
     *
     * @param key its name
     * @return its value, or null
     */
    public static String getProperty(String key) {
        return properties.getProperty(key);
    }

    private static InputStream open(String path) throws IOException {
        Path file = Path.of(path);
        if (Files.isRegularFile(file)) {
            return Files.newInputStream(file);
        }
        String name = path.startsWith("./") ? path.substring(2) : path;
        InputStream resource = Thread.currentThread().getContextClassLoader().getResourceAsStream(name);
        if (resource == null) {
            throw new IOException("there is no file and no resource " + path);
        }
        return resource;
    }
}
