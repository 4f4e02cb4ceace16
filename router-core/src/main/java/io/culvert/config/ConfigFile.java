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
import io.culvert.spi.StageDescriptor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Map;

/**
 * Reads a router's configuration. Only the file and what it includes count: neither system properties nor the
 * environment are mixed in, so that the file is the truth.
 */
public final class ConfigFile {
    private static final String ROUTER = "router";
    private static final String AKKA = "akka";

    private ConfigFile() {}

    /**
     * Reads and checks a file, in the calling thread.
     *
     * @param stages those that the router is made of, whose settings the file may have
     * @throws BadConfigException with every mistake in the file; also when it can't be read
     */
    public static RouterConfig read(Path file, Collection<StageDescriptor> stages) throws BadConfigException {
        Problems problems = new Problems(file.toString());
        ConfigObject root = parse(file, problems);
        if (!problems.isEmpty()) {
            throw new BadConfigException(problems.sorted());
        }
        checkRoots(root, problems);
        ConfigObject router = objectAt(root, ROUTER, problems);
        ConfigObject akka = objectAt(root, AKKA, problems);
        if (!root.containsKey(ROUTER)) {
            problems.add(1, "there is no router, expected router { ... }");
        }
        RouterConfig config = new RouterSection(stages).read(router, akka.toConfig(), problems);
        if (!problems.isEmpty()) {
            throw new BadConfigException(problems.sorted());
        }
        return config;
    }

    private static ConfigObject parse(Path file, Problems problems) {
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

    private static void checkRoots(ConfigObject root, Problems problems) {
        for (Map.Entry<String, ConfigValue> entry : root.entrySet()) {
            String name = entry.getKey();
            if (!name.equals(ROUTER) && !name.equals(AKKA)) {
                problems.add(
                        entry.getValue().origin(),
                        name + " is unknown at the top, " + Suggestion.ofKeys(name, List.of(ROUTER, AKKA)));
            }
        }
    }

    private static ConfigObject objectAt(ConfigObject root, String name, Problems problems) {
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
