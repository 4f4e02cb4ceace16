// SPDX-License-Identifier: Apache-2.0
package io.culvert.config;

import java.time.Duration;

/**
 * Limits and timers of neighbor discovery, ARP and ND alike.
 *
 * @param reachableTime how long an answer holds, before randomisation (RFC 4861 section 6.3.2)
 * @param retransmitTime between two questions (RFC 4861 section 10, RetransTimer)
 * @param delayTime how long a stale neighbor in use may confirm itself before it is asked (DELAY_FIRST_PROBE_TIME)
 * @param probes unanswered questions that make a neighbor fail (MAX_UNICAST_SOLICIT, MAX_MULTICAST_SOLICIT)
 * @param failedTime how long packets to a failed neighbor are refused before it is asked again
 * @param staleTime how long a neighbor that nobody uses is remembered
 * @param newPerSecond unknown neighbors that packets may ask for, on each interface (RFC 6583 section 7.1)
 * @param maxEntries neighbors of each family
 * @param duplicateProbes questions for an own IPv6 address before it is used (RFC 4862 section 5.1,
 *     DupAddrDetectTransmits); 0 for none
 */
public record NeighborConfig(
        Duration reachableTime,
        Duration retransmitTime,
        Duration delayTime,
        int probes,
        Duration failedTime,
        Duration staleTime,
        int newPerSecond,
        int maxEntries,
        int duplicateProbes) {}
