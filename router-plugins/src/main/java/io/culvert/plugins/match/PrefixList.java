// SPDX-License-Identifier: Apache-2.0
package io.culvert.plugins.match;

import io.culvert.net.Ip4Prefix;
import io.culvert.net.Ip6Prefix;
import io.culvert.net.IpPrefix;
import java.util.List;

/**
 * The prefixes of a rule, of both families, in their order: for the few that a rule names. Looking one up takes time in
 * proportion to their number. Immutable.
 */
public final class PrefixList {
    private static final int NONE = -1;

    /** Addresses as {@link IpFields} has them. */
    private final long[] high;

    private final long[] low;
    private final long[] highMask;
    private final long[] lowMask;
    private final boolean[] is6;

    public PrefixList(List<IpPrefix> prefixes) {
        int count = prefixes.size();
        high = new long[count];
        low = new long[count];
        highMask = new long[count];
        lowMask = new long[count];
        is6 = new boolean[count];
        for (int i = 0; i < count; i++) {
            IpPrefix prefix = prefixes.get(i);
            if (prefix instanceof Ip4Prefix ip4) {
                low[i] = ip4.address() & 0xffff_ffffL;
                lowMask[i] = Ip4Prefix.mask(ip4.length()) & 0xffff_ffffL;
            } else if (prefix instanceof Ip6Prefix ip6) {
                is6[i] = true;
                high[i] = ip6.high();
                low[i] = ip6.low();
                highMask[i] = Ip6Prefix.highMask(ip6.length());
                lowMask[i] = Ip6Prefix.lowMask(ip6.length());
            }
        }
    }

    public int size() {
        return high.length;
    }

    /** The place of the first prefix that contains the address, or -1. */
    public int find(boolean ofIp6, long addressHigh, long addressLow) {
        for (int i = 0; i < high.length; i++) {
            if (is6[i] == ofIp6 && (addressHigh & highMask[i]) == high[i] && (addressLow & lowMask[i]) == low[i]) {
                return i;
            }
        }
        return NONE;
    }

    /** Whether the packet's source is in one of them, or there are none. */
    public boolean allowsSource(IpFields packet) {
        return high.length == 0 || find(packet.is6(), packet.sourceHigh(), packet.sourceLow()) != NONE;
    }

    /** Whether the packet's destination is in one of them, or there are none. */
    public boolean allowsDestination(IpFields packet) {
        return high.length == 0 || find(packet.is6(), packet.destinationHigh(), packet.destinationLow()) != NONE;
    }
}
