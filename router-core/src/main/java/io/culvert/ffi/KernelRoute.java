// SPDX-License-Identifier: Apache-2.0
package io.culvert.ffi;

import java.net.InetAddress;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * A route in one of the kernel's tables; start with {@link #to} and add to it.
 *
 * @param destination network address; its family is the route's
 * @param prefixLength bits, 0 for a default route
 * @param type what happens to packets
 * @param gateway next hop or null; may be IPv6 for an IPv4 route (RFC 8950)
 * @param interfaceIndex outgoing device or 0
 * @param table table number, {@link #MAIN_TABLE} by default
 * @param metric smaller is preferred; 0 for the kernel's default
 * @param preferredSource address that the host uses as source, or null
 * @param onlink whether the gateway is taken to be on the device's link though no prefix says so
 */
public record KernelRoute(
        InetAddress destination,
        int prefixLength,
        Type type,
        @Nullable InetAddress gateway,
        int interfaceIndex,
        int table,
        int metric,
        @Nullable InetAddress preferredSource,
        boolean onlink) {
    /** The table that is used unless a rule says otherwise. */
    public static final int MAIN_TABLE = 254;

    /** The table of the host's own addresses. */
    public static final int LOCAL_TABLE = 255;

    /** What happens to packets for the destination; numbers of rtnetlink(7). */
    public enum Type {
        UNICAST(1),
        LOCAL(2),
        BROADCAST(3),
        ANYCAST(4),
        MULTICAST(5),
        BLACKHOLE(6),
        UNREACHABLE(7),
        PROHIBIT(8),
        THROW(9);

        private final int number;

        Type(int number) {
            this.number = number;
        }

        int number() {
            return number;
        }

        static @Nullable Type of(int number) {
            for (Type type : values()) {
                if (type.number == number) {
                    return type;
                }
            }
            return null;
        }
    }

    /** A unicast route in the main table that leads nowhere yet. */
    public static KernelRoute to(InetAddress destination, int prefixLength) {
        return new KernelRoute(destination, prefixLength, Type.UNICAST, null, 0, MAIN_TABLE, 0, null, false);
    }

    /** The same route through a next hop. */
    public KernelRoute via(InetAddress newGateway) {
        return new KernelRoute(
                destination, prefixLength, type, newGateway, interfaceIndex, table, metric, preferredSource, onlink);
    }

    /** The same route out of a device. */
    public KernelRoute out(int newInterfaceIndex) {
        return new KernelRoute(
                destination, prefixLength, type, gateway, newInterfaceIndex, table, metric, preferredSource, onlink);
    }

    /** The same route in another table. */
    public KernelRoute inTable(int newTable) {
        return new KernelRoute(
                destination, prefixLength, type, gateway, interfaceIndex, newTable, metric, preferredSource, onlink);
    }

    /** The same route with another metric. */
    public KernelRoute withMetric(int newMetric) {
        return new KernelRoute(
                destination, prefixLength, type, gateway, interfaceIndex, table, newMetric, preferredSource, onlink);
    }

    /** The same route with a preferred source address. */
    public KernelRoute from(InetAddress newPreferredSource) {
        return new KernelRoute(
                destination, prefixLength, type, gateway, interfaceIndex, table, metric, newPreferredSource, onlink);
    }

    /** The same route, its gateway taken to be on the link. */
    public KernelRoute onLink() {
        return new KernelRoute(
                destination, prefixLength, type, gateway, interfaceIndex, table, metric, preferredSource, true);
    }

    /** The same route with another fate for packets. */
    public KernelRoute ofType(Type newType) {
        return new KernelRoute(
                destination, prefixLength, newType, gateway, interfaceIndex, table, metric, preferredSource, onlink);
    }

    /** As {@code ip route} writes it, with the device as a number. */
    @Override
    public String toString() {
        StringBuilder text = new StringBuilder();
        if (type != Type.UNICAST) {
            text.append(type.name().toLowerCase(Locale.ROOT)).append(' ');
        }
        text.append(destination.getHostAddress()).append('/').append(prefixLength);
        if (gateway != null) {
            text.append(" via ").append(gateway.getHostAddress());
        }
        if (interfaceIndex != 0) {
            text.append(" interface ").append(interfaceIndex);
        }
        if (table != MAIN_TABLE) {
            text.append(" table ").append(table);
        }
        if (metric != 0) {
            text.append(" metric ").append(Integer.toUnsignedString(metric));
        }
        if (preferredSource != null) {
            text.append(" src ").append(preferredSource.getHostAddress());
        }
        return onlink ? text.append(" onlink").toString() : text.toString();
    }
}
