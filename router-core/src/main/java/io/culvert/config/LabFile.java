// SPDX-License-Identifier: Apache-2.0
package io.culvert.config;

import com.typesafe.config.ConfigObject;
import java.nio.file.Path;

/** Reads a lab file: one root, {@code lab}. The routers' own files that it names are read and checked with it. */
public final class LabFile {
    private static final String LAB = "lab";

    private LabFile() {}

    /**
     * Reads and checks a file, in the calling thread.
     *
     * @param catalog what the routers can be made of
     * @throws BadConfigException with every mistake in the file and in the routers' files
     */
    public static LabConfig read(Path file, Catalog catalog) throws BadConfigException {
        Problems problems = new Problems(file.toString());
        ConfigObject root = HoconFile.parse(file, problems);
        if (!problems.isEmpty()) {
            throw new BadConfigException(problems.sorted());
        }
        HoconFile.checkRepeatedKeys(file, LAB, problems);
        HoconFile.checkRoots(root, problems, LAB);
        ConfigObject object = HoconFile.sectionAt(root, LAB, problems);
        if (!root.containsKey(LAB)) {
            problems.add(1, "there is no lab, expected lab { ... }");
            throw new BadConfigException(problems.sorted());
        }
        LabConfig config = new LabSection(file, catalog, problems).read(object);
        if (config == null || !problems.isEmpty()) {
            throw new BadConfigException(problems.sorted());
        }
        return config;
    }
}
