// SPDX-License-Identifier: Apache-2.0
package io.culvert.spi;

/**
 * What a forwarding entry says to do with a packet.
 *
 * @since 0.1
 */
public enum FibAction {
    /** Send it to one of the entry's next hops. */
    FORWARD,
    /** It is for the router itself. */
    LOCAL,
    /** It is for the broadcast address of a connected IPv4 network (RFC 1812 section 5.3.5.2). */
    BROADCAST,
    /** No route holds the address. */
    NO_ROUTE,
    /** The operator's {@code action = unreachable}: drop and tell the sender. */
    UNREACHABLE,
    /** The operator's {@code action = blackhole}: drop in silence. */
    BLACKHOLE,
    /** The operator's {@code action = prohibit}: drop and tell the sender it is forbidden. */
    PROHIBIT
}
