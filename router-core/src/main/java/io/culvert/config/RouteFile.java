// SPDX-License-Identifier: Apache-2.0
package io.culvert.config;

import com.typesafe.config.ConfigOrigin;
import com.typesafe.config.ConfigOriginFactory;
import com.typesafe.config.ConfigValue;
import com.typesafe.config.ConfigValueFactory;
import io.culvert.spi.FibAction;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.StringTokenizer;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A file of routes, one to a line, in the words of ip-route(8): for tables too long for {@code routes}, such as a full view
 * of the Internet, which would take HOCON minutes and gigabytes.
 *
 * <pre>
 *   # comment
 *   198.51.100.0/24 via 192.0.2.1
 *   2001:db8::/32 dev p2p metric 10
 *   blackhole 203.0.113.0/24
 * </pre>
 */
final class RouteFile {
    private static final String SYNTAX =
            "[unreachable|blackhole|prohibit] PREFIX [via ADDRESS] [dev INTERFACE] [src ADDRESS] [metric NUMBER]";

    /** By the words of ip-route(8), the keys that say the same in an element of {@code routes}. */
    private static final Map<String, Key<?>> KEYS = Map.of(
            "via", RouteSection.VIA,
            "dev", RouteSection.INTERFACE,
            "src", RouteSection.SRC,
            "metric", RouteSection.METRIC);

    private static final int MOST_PROBLEMS = 20;

    private final Path file;
    private final Problems problems;

    private RouteFile(Path file, Problems problems) {
        this.file = file;
        this.problems = problems;
    }

    /**
     * Reads a file from its first line to its last; after a number of mistakes it gives up.
     *
     * @param routes gets each line as if it stood in {@code routes}
     * @throws IOException if the file can't be read
     */
    static void read(Path file, Problems problems, Consumer<Located<Values>> routes) throws IOException {
        new RouteFile(file, problems).read(routes);
    }

    private void read(Consumer<Located<Values>> routes) throws IOException {
        int problemsBefore = problems.count();
        ConfigOrigin start = ConfigOriginFactory.newFile(file.toString());
        try (BufferedReader lines = Files.newBufferedReader(file)) {
            int number = 0;
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                number++;
                int comment = line.indexOf('#');
                StringTokenizer words = new StringTokenizer(comment < 0 ? line : line.substring(0, comment));
                if (words.hasMoreTokens()) {
                    ConfigOrigin origin = start.withLineNumber(number);
                    Values values = parse(words, origin);
                    if (values != null) {
                        routes.accept(new Located<>(values, origin));
                    }
                    if (problems.count() - problemsBefore >= MOST_PROBLEMS) {
                        problems.add(origin, "the lines behind this one were not read: too many mistakes");
                        return;
                    }
                }
            }
        }
    }

    private @Nullable Values parse(StringTokenizer words, ConfigOrigin origin) {
        Map<String, ConfigValue> keys = new LinkedHashMap<>();
        String first = words.nextToken();
        if (isAction(first)) {
            put(keys, RouteSection.ACTION, first, origin);
            if (!words.hasMoreTokens()) {
                problems.add(origin, "there is no prefix behind " + first + ", expected " + SYNTAX);
                return null;
            }
            first = words.nextToken();
        }
        put(keys, RouteSection.PREFIX, first, origin);
        while (words.hasMoreTokens()) {
            String word = words.nextToken();
            Key<?> key = KEYS.get(word);
            if (key == null || !words.hasMoreTokens()) {
                problems.add(
                        origin,
                        (key == null ? "\"" + word + "\" is unknown" : "there is nothing behind " + word)
                                + ", expected " + SYNTAX);
                return null;
            }
            if (put(keys, key, words.nextToken(), origin) != null) {
                problems.add(origin, word + " is there twice; several next hops take an element of routes");
                return null;
            }
        }
        return RouteSection.SECTION.read("", ConfigValueFactory.fromMap(keys).withOrigin(origin), problems);
    }

    private static boolean isAction(String word) {
        for (FibAction action : RouteSection.ACTIONS) {
            if (ValueType.written(action).equals(word)) {
                return true;
            }
        }
        return false;
    }

    private static @Nullable ConfigValue put(
            Map<String, ConfigValue> keys, Key<?> key, String text, ConfigOrigin origin) {
        return keys.put(key.name(), ConfigValueFactory.fromAnyRef(text).withOrigin(origin));
    }
}
