// SPDX-License-Identifier: Apache-2.0
package io.culvert.spi;

/**
 * Longest-prefix match over the installed routes. Safe on every lane while routes change; allocates nothing.
 *
 * @since 0.1
 */
@Provided
public interface FibView {
    /** The entry for an IPv4 destination; {@link FibEntry#NO_ROUTE} when there is none or no such VRF. */
    FibEntry lookup4(int vrf, int destination);

    /** The entry for an IPv6 destination; {@link FibEntry#NO_ROUTE} when there is none or no such VRF. */
    FibEntry lookup6(int vrf, long high, long low);

    /** The entries for IPv6 destinations of a VRF, each as {@link #lookup6(int, long, long)} finds it; faster for several. */
    default void lookup6(int vrf, Ip6Batch batch) {
        long[] addresses = batch.addresses();
        Object[] answers = batch.places();
        for (int i = 0; i < batch.size(); i++) {
            answers[i] = lookup6(vrf, addresses[2 * i], addresses[2 * i + 1]);
        }
    }
}
