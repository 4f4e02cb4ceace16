// SPDX-License-Identifier: Apache-2.0
package io.culvert.config;

import java.time.Duration;

/**
 * Limits and timers of neighbor discovery, ARP and ND alike.
 *
 * @param reachableTime how long a confirmation of reachability lasts, before randomisation (RFC 4861 section 6.3.2)
 * @param retransmitTime between two probes (RFC 4861 section 10, RetransTimer)
 * @param delayTime how long upper layers may confirm a stale neighbor before it is probed (DELAY_FIRST_PROBE_TIME)
 * @param probes how many unanswered probes make a neighbor unreachable (MAX_UNICAST_SOLICIT, MAX_MULTICAST_SOLICIT)
 * @param staleTime how long an unused neighbor is kept
 * @param maxEntries neighbors per interface
 * @param maxWaiting packets per neighbor that wait for its resolution
 * @param duplicateProbes probes for an own address before it is used (RFC 4862 section 5.1, DupAddrDetectTransmits); 0 for none
 */
public record NeighborConfig(
        Duration reachableTime,
        Duration retransmitTime,
        Duration delayTime,
        int probes,
        Duration staleTime,
        int maxEntries,
        int maxWaiting,
        int duplicateProbes) {}
