// SPDX-License-Identifier: Apache-2.0
package io.culvert.ffi;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.Set;

/**
 * The privileges that a router may need, and whether this process has them.
 *
 * <p>What is effective holds in the user namespace of the process: inside one made for the purpose a process has all of
 * them over namespaces made there, and none outside. Source: capabilities(7), {@code linux/capability.h}.
 */
public enum Capability {
    /** Configures devices, addresses, routes; makes tun devices. */
    CAP_NET_ADMIN(12),
    /** Opens packet sockets and raw sockets. */
    CAP_NET_RAW(13),
    /** Enters and makes network namespaces. */
    CAP_SYS_ADMIN(21);

    private static final Path STATUS = Path.of("/proc/self/status");
    private static final String EFFECTIVE = "CapEff:";

    private final int bit;

    Capability(int bit) {
        this.bit = bit;
    }

    /** The bit's number in a capability set. */
    int bit() {
        return bit;
    }

    /** Which of them are effective in this process. */
    public static Set<Capability> effective() throws IOException {
        return effectiveIn(Files.readString(STATUS, StandardCharsets.ISO_8859_1));
    }

    /** Which of them a text in the form of {@code /proc/PID/status} says to be effective. */
    static Set<Capability> effectiveIn(String status) throws IOException {
        long mask = status.lines()
                .filter(line -> line.startsWith(EFFECTIVE))
                .findFirst()
                .map(line -> Long.parseUnsignedLong(
                        line.substring(EFFECTIVE.length()).strip(), 16))
                .orElseThrow(() -> new IOException(STATUS + " does not tell the effective capabilities"));
        Set<Capability> effective = EnumSet.noneOf(Capability.class);
        for (Capability capability : values()) {
            if ((mask & 1L << capability.bit) != 0) {
                effective.add(capability);
            }
        }
        return effective;
    }
}
