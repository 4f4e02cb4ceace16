// SPDX-License-Identifier: Apache-2.0
package io.culvert.ffi;

import java.net.Inet6Address;
import java.net.InetAddress;
import org.jspecify.annotations.Nullable;

/**
 * A policy rule: packets that match look up their route in a table.
 *
 * @param priority rules are tried in ascending order; the kernel's own are 0, 32766 and 32767
 * @param source network address that the packet's source must be in; null for any
 * @param sourceLength bits of it
 * @param destination network address that the packet's destination must be in; null for any
 * @param destinationLength bits of it
 * @param table the table to look up
 * @param ip6 whether this is a rule for IPv6
 */
public record KernelRule(
        int priority,
        @Nullable InetAddress source,
        int sourceLength,
        @Nullable InetAddress destination,
        int destinationLength,
        int table,
        boolean ip6) {
    /** A rule for packets from a prefix. */
    public static KernelRule from(InetAddress source, int prefixLength, int table, int priority) {
        return new KernelRule(priority, source, prefixLength, null, 0, table, source instanceof Inet6Address);
    }

    /** A rule for packets to a prefix. */
    public static KernelRule to(InetAddress destination, int prefixLength, int table, int priority) {
        boolean ip6 = destination instanceof Inet6Address;
        return new KernelRule(priority, null, 0, destination, prefixLength, table, ip6);
    }

    /** As {@code ip rule} writes it. */
    @Override
    public String toString() {
        return priority + ": from " + prefix(source, sourceLength) + " to " + prefix(destination, destinationLength)
                + " lookup " + table;
    }

    private static String prefix(@Nullable InetAddress address, int length) {
        return address == null ? "all" : address.getHostAddress() + "/" + length;
    }
}
