// SPDX-License-Identifier: Apache-2.0
package io.culvert.wire;

/**
 * A hash that is equal for all packets of a flow in one direction, spreads flows evenly over any number of choices, and
 * is the same in every process: for the choice among equal-cost routes.
 *
 * <p>It covers addresses, protocol and, where the protocol has them, ports. A fragment of a flow has no ports but in its
 * first part, so fragments are hashed by addresses and protocol alone, and all of a datagram go one way. It is no defence
 * against somebody who picks addresses to make flows collide. Never 0, which {@link
 * io.culvert.packet.PacketBuffer#flowHash()} keeps for "not computed".
 *
 * @since 0.1
 */
public final class FlowHash {
    private static final long SEED = 0x9e37_79b9_7f4a_7c15L;

    private FlowHash() {}

    /** The hash of a packet whose header has passed {@link Ip4View#check()} or {@link Ip4View#checkQuoted()}. */
    public static int ip4(Ip4View ip) {
        int protocol = ip.protocol();
        int ports = ip.isFragment() ? 0 : ports(ip, protocol, ip.payloadOffset());
        long addresses = (long) ip.source() << 32 | (ip.destination() & 0xffff_ffffL);
        return finish(mix(SEED ^ addresses), protocol, ports);
    }

    /**
     * The hash of a packet whose header has passed {@link Ip6View#check()} or {@link Ip6View#checkQuoted()}.
     *
     * @param chain after it has walked this packet, with any outcome
     */
    public static int ip6(Ip6View ip, Ip6ExtensionChain chain) {
        int protocol = chain.upperProtocol();
        int ports = 0;
        if (chain.fragmentHeaderOffset() >= 0 && chain.isFragment()) {
            // The parts of one packet need not agree on what follows their Fragment headers (RFC 8200 section 4.5).
            protocol = IpProtocol.FRAGMENT;
        } else if (chain.outcome() == Ip6ExtensionChain.Outcome.COMPLETE) {
            ports = ports(ip, protocol, chain.upperOffset());
        }
        long hash = mix(SEED ^ ip.sourceHigh());
        hash = mix(hash ^ ip.sourceLow());
        hash = mix(hash ^ ip.destinationHigh());
        hash = mix(hash ^ ip.destinationLow());
        return finish(hash, protocol, ports);
    }

    private static int ports(View ip, int protocol, int offset) {
        return IpProtocol.hasPorts(protocol) && offset <= ip.packet.end() - 4 ? ip.bytes.getInt(offset) : 0;
    }

    private static int finish(long addresses, int protocol, int ports) {
        long hash = mix(addresses ^ ((long) protocol << 32 | (ports & 0xffff_ffffL)));
        int folded = (int) (hash >>> 32);
        return folded == 0 ? 1 : folded;
    }

    /** The finalizer of SplitMix64: a bijection in which every input bit reaches every output bit. */
    private static long mix(long value) {
        long mixed = (value ^ (value >>> 30)) * 0xbf58_476d_1ce4_e5b9L;
        mixed = (mixed ^ (mixed >>> 27)) * 0x94d0_49bb_1331_11ebL;
        return mixed ^ (mixed >>> 31);
    }
}
