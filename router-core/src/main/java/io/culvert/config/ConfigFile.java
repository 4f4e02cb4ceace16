// SPDX-License-Identifier: Apache-2.0
package io.culvert.config;

import com.typesafe.config.ConfigObject;
import java.nio.file.Path;

/**
 * Reads a router's configuration. Only the file and what it includes count: neither system properties nor the
 * environment are mixed in, so that the file is the truth.
 */
public final class ConfigFile {
    private static final String ROUTER = "router";
    private static final String AKKA = "akka";
    private static final String LAB = "lab";

    private ConfigFile() {}

    /**
     * Reads and checks a file, in the calling thread.
     *
     * @param catalog what the router can be made of
     * @throws BadConfigException with every mistake in the file; also when it can't be read
     */
    public static RouterConfig read(Path file, Catalog catalog) throws BadConfigException {
        Problems problems = new Problems(file.toString());
        ConfigObject root = HoconFile.parse(file, problems);
        if (!problems.isEmpty()) {
            throw new BadConfigException(problems.sorted());
        }
        if (root.containsKey(LAB) && !root.containsKey(ROUTER)) {
            problems.add(1, "this is a lab, not the configuration of a router: culvert lab runs it");
            throw new BadConfigException(problems.sorted());
        }
        HoconFile.checkRepeatedKeys(file, ROUTER, problems);
        HoconFile.checkRoots(root, problems, ROUTER, AKKA);
        ConfigObject router = HoconFile.sectionAt(root, ROUTER, problems);
        ConfigObject akka = HoconFile.sectionAt(root, AKKA, problems);
        if (!root.containsKey(ROUTER)) {
            problems.add(1, "there is no router, expected router { ... }");
        }
        RouterConfig config = new RouterSection(catalog).read(router, akka.toConfig(), problems);
        if (!problems.isEmpty()) {
            throw new BadConfigException(problems.sorted());
        }
        return config;
    }
}
