// SPDX-License-Identifier: Apache-2.0
package io.culvert.config;

import com.typesafe.config.ConfigObject;
import io.culvert.spi.StageDescriptor;
import java.nio.file.Path;
import java.util.Collection;

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
     * Checks that the settings of these stages can stand in one file.
     *
     * @throws IllegalArgumentException telling what can't: a default that is not of its key's type, a key that two stages
     *     declare differently, a section that is the router's own
     */
    public static void checkSections(Collection<StageDescriptor> stages) {
        new RouterSection(stages);
    }

    /**
     * Reads and checks a file, in the calling thread.
     *
     * @param stages those that the router is made of, whose settings the file may have
     * @throws BadConfigException with every mistake in the file; also when it can't be read
     */
    public static RouterConfig read(Path file, Collection<StageDescriptor> stages) throws BadConfigException {
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
        RouterConfig config = new RouterSection(stages).read(router, akka.toConfig(), problems);
        if (!problems.isEmpty()) {
            throw new BadConfigException(problems.sorted());
        }
        return config;
    }
}
