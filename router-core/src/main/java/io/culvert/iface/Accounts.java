// SPDX-License-Identifier: Apache-2.0
package io.culvert.iface;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Numbers of users and groups, by number or by name as /etc/passwd and /etc/group have them (passwd(5), group(5)). */
final class Accounts {
    private static final int NUMBER_FIELD = 2;

    private Accounts() {}

    /**
     * A user's number.
     *
     * @throws IOException when there is no such user
     */
    static int userId(String nameOrNumber) throws IOException {
        return find(nameOrNumber, Path.of("/etc/passwd"), "user");
    }

    /**
     * A group's number.
     *
     * @throws IOException when there is no such group
     */
    static int groupId(String nameOrNumber) throws IOException {
        return find(nameOrNumber, Path.of("/etc/group"), "group");
    }

    private static int find(String nameOrNumber, Path file, String what) throws IOException {
        if (nameOrNumber.chars().allMatch(Character::isDigit)) {
            return Integer.parseInt(nameOrNumber);
        }
        for (String line : Files.readAllLines(file)) {
            String[] fields = line.split(":", -1);
            if (fields.length > NUMBER_FIELD && fields[0].equals(nameOrNumber)) {
                return Integer.parseInt(fields[NUMBER_FIELD]);
            }
        }
        throw new IOException("there is no " + what + " " + nameOrNumber + " in " + file);
    }
}
