// SPDX-License-Identifier: Apache-2.0
package io.culvert.ffi;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * Kernel parameters below {@code /proc/sys/net}, which belong to the network namespace of the calling thread: run this in
 * {@link NetworkNamespace#call} for another one.
 *
 * <p>Names are paths as in {@code /proc/sys}, such as {@code net/ipv4/conf/eth0.5/rp_filter}; dots are not separators,
 * since device names contain them. Source: sysctl(8), {@code Documentation/networking/ip-sysctl.rst} of the kernel.
 */
public final class Sysctl {
    private static final Path ROOT = Path.of("/proc/sys");
    private static final OpenOption[] WRITE = {StandardOpenOption.WRITE};

    private Sysctl() {}

    /** Whether the kernel has the parameter: IPv6's are missing where IPv6 is, a device's where the device is. */
    public static boolean exists(String name) {
        return Files.exists(path(name));
    }

    /** Whether the parameter may be written; containers often have /proc/sys read-only. */
    public static boolean isWritable(String name) {
        return Files.isWritable(path(name));
    }

    /**
     * Reads a parameter.
     *
     * @return its value without the line's end
     * @throws IOException if there is no such parameter or it may not be read
     */
    public static String read(String name) throws IOException {
        try {
            return Files.readString(path(name), StandardCharsets.US_ASCII).stripTrailing();
        } catch (NoSuchFileException | FileNotFoundException e) {
            throw noSuchParameter(name, e);
        }
    }

    /**
     * Writes a parameter.
     *
     * @throws IOException if there is no such parameter, it may not be written, or the kernel refuses the value
     */
    public static void write(String name, String value) throws IOException {
        try {
            Files.writeString(path(name), value, StandardCharsets.US_ASCII, WRITE);
        } catch (NoSuchFileException e) {
            throw noSuchParameter(name, e);
        } catch (AccessDeniedException e) {
            throw new IOException(
                    "sysctl " + name + " may not be written: it needs root, and /proc/sys mounted writable", e);
        } catch (IOException e) {
            throw new IOException("sysctl " + name + " = " + value + ": " + e.getMessage(), e);
        }
    }

    private static IOException noSuchParameter(String name, IOException cause) {
        return new IOException("sysctl " + name + " does not exist in this network namespace", cause);
    }

    private static Path path(String name) {
        Path path = ROOT.resolve(name).normalize();
        if (!path.startsWith(ROOT.resolve("net"))) {
            throw new IllegalArgumentException("not a network parameter: " + name);
        }
        return path;
    }
}
