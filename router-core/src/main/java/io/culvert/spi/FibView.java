// SPDX-License-Identifier: Apache-2.0
package io.culvert.spi;

/** Longest-prefix match over the installed routes. Safe on every lane while routes change; allocates nothing. */
public interface FibView {
    /** The entry for an IPv4 destination; {@link FibEntry#NO_ROUTE} when there is none or no such VRF. */
    FibEntry lookup4(int vrf, int destination);

    /** The entry for an IPv6 destination; {@link FibEntry#NO_ROUTE} when there is none or no such VRF. */
    FibEntry lookup6(int vrf, long high, long low);
}
