// SPDX-License-Identifier: Apache-2.0
package io.culvert.spi;

import java.util.Locale;

/**
 * A named point of the packet path where stages hook in, ordered by what each declares to run before and after. A packet
 * that leaves the last stage of an arc by {@link Target#next()} continues as the arc says.
 *
 * @since 0.1
 */
public enum Arc {
    /** Every packet as it was received, on any interface. */
    DEVICE_INPUT,
    /** Ethernet frames, from the link header on. */
    L2_INPUT,
    /** IPv4 packets that came in, before the forwarding decision. */
    IP4_UNICAST,
    /** IPv4 packets in transit, after the decision. */
    IP4_FORWARD,
    /** IPv4 packets about to leave, in transit or made by the router. Continues at {@link #L2_OUTPUT}. */
    IP4_OUTPUT,
    /** IPv4 packets for the router itself. */
    IP4_LOCAL,
    /** IPv6 packets that came in, before the forwarding decision. */
    IP6_UNICAST,
    /** IPv6 packets in transit, after the decision. */
    IP6_FORWARD,
    /** IPv6 packets about to leave, in transit or made by the router. Continues at {@link #L2_OUTPUT}. */
    IP6_OUTPUT,
    /** IPv6 packets for the router itself. */
    IP6_LOCAL,
    /** IP packets with their interface and next hop decided, to be given a link header where the interface has one. */
    L2_OUTPUT,
    /** Packets complete for the wire of their transmit interface. Ends in transmission. */
    DEVICE_OUTPUT,
    /** Packets that a stage dropped, for stages that look at them; they end here whatever those do. */
    DROP;

    private final String id = name().toLowerCase(Locale.ROOT).replace('_', '-');

    /** The kebab-case name used in configuration and output. */
    public String id() {
        return id;
    }
}
