// SPDX-License-Identifier: Apache-2.0
package io.culvert.config;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigObject;
import com.typesafe.config.ConfigOrigin;
import com.typesafe.config.ConfigParseOptions;
import com.typesafe.config.ConfigResolveOptions;
import com.typesafe.config.ConfigSyntax;
import com.typesafe.config.ConfigValue;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** The text of a configuration file as objects. Neither system properties nor the environment are mixed in. */
final class HoconFile {
    private HoconFile() {}

    /** Reads a file and what it includes; answers an empty object after it has reported a problem. */
    static ConfigObject parse(Path file, Problems problems) {
        ConfigObject nothing = ConfigFactory.empty().root();
        if (!Files.isRegularFile(file) && !Files.exists(file)) {
            problems.add(1, "the file does not exist");
            return nothing;
        }
        if (Files.isDirectory(file) || !Files.isReadable(file)) {
            problems.add(1, Files.isDirectory(file) ? "is a directory, expected a file" : "the file can't be read");
            return nothing;
        }
        try {
            Config parsed = ConfigFactory.parseFile(
                    file.toFile(),
                    ConfigParseOptions.defaults().setAllowMissing(false).setSyntax(ConfigSyntax.CONF));
            return parsed.resolve(ConfigResolveOptions.noSystem()).root();
        } catch (ConfigException e) {
            ConfigOrigin origin = e.origin();
            String message = String.valueOf(e.getMessage());
            if (origin == null) {
                problems.add(1, message);
            } else {
                problems.add(origin, withoutPlace(message, origin.description() + ": "));
            }
            return nothing;
        }
    }

    /** Leaves out the place that the library puts before its message, and its advice to rename the file. */
    private static String withoutPlace(String message, String place) {
        String said = message.startsWith(place) ? message.substring(place.length()) : message;
        int advice = said.indexOf(" (if you intended ");
        return advice < 0 ? said : said.substring(0, advice) + "; a text with such characters needs double quotes";
    }

    /** Reports what stands at the top of the file beside the roots that it may have. */
    static void checkRoots(ConfigObject root, Problems problems, String... roots) {
        List<String> known = List.of(roots);
        for (Map.Entry<String, ConfigValue> entry : root.entrySet()) {
            String name = entry.getKey();
            if (!known.contains(name)) {
                problems.add(
                        entry.getValue().origin(), name + " is unknown at the top, " + Suggestion.ofKeys(name, known));
            }
        }
    }

    /**
     * Reports the keys that stand twice between the same braces.
     *
     * @param root the root whose name messages leave out
     */
    static void checkRepeatedKeys(Path file, String root, Problems problems) {
        try {
            RepeatedKeys.report(Files.readString(file), root, problems);
        } catch (IOException e) {
            // It has just been parsed: somebody is replacing it.
            problems.add(1, "the file can't be read: " + e.getMessage());
        }
    }

    /** A section at the top of the file, empty where there is none. */
    static ConfigObject sectionAt(ConfigObject root, String name, Problems problems) {
        ConfigValue value = root.get(name);
        if (value instanceof ConfigObject object) {
            return object;
        }
        if (value != null) {
            problems.add(value.origin(), name + " is " + ValueType.describe(value) + ", expected { ... }");
        }
        return ConfigFactory.empty().root();
    }
}
