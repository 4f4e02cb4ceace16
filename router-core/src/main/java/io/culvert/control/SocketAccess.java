// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import org.jspecify.annotations.Nullable;

/** Decides whether the process at the other end of the management socket may ask. */
interface SocketAccess {
    /** The credentials that the kernel vouches for (SO_PEERCRED of socket(7)). */
    record Peer(int pid, int uid, int gid) {}

    boolean allows(Peer peer);

    /**
     * Root, the user who runs the router, members of the socket's group, and others if they may write to it. The permission bits of the socket say the
     * same to most processes; this holds also for those that may override them or were given an open descriptor.
     *
     * @param socket whose owner, group and mode count
     */
    static SocketAccess ofOwnerAndGroup(Path socket) throws IOException {
        int owner = (Integer) Files.getAttribute(socket, "unix:uid");
        int group = (Integer) Files.getAttribute(socket, "unix:gid");
        boolean others = Files.getPosixFilePermissions(socket).contains(PosixFilePermission.OTHERS_WRITE);
        return peer -> others
                || peer.uid() == 0
                || peer.uid() == owner
                || peer.gid() == group
                || hasGroup(Path.of("/proc/" + peer.pid() + "/status"), group);
    }

    /** Whether a process has a supplementary group, which its credentials don't tell. */
    private static boolean hasGroup(Path status, int group) {
        String groups = groupsLine(status);
        return groups != null && (" " + groups + " ").contains(" " + Integer.toUnsignedString(group) + " ");
    }

    private static @Nullable String groupsLine(Path status) {
        try {
            for (String line : Files.readAllLines(status, StandardCharsets.ISO_8859_1)) {
                if (line.startsWith("Groups:")) {
                    return line.substring("Groups:".length()).trim();
                }
            }
        } catch (IOException gone) {
            // The peer has ended, or hides: then it is no member.
        }
        return null;
    }
}
