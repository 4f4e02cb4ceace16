// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import java.time.Duration;

/**
 * Times and limits of neighbor discovery: ARP and ND alike.
 *
 * @param solicitations how often a neighbor is asked before it counts as failed, by multicast at first and by unicast when
 *     it is probed (RFC 4861 section 10: MAX_MULTICAST_SOLICIT, MAX_UNICAST_SOLICIT)
 * @param retransmit between two questions, and how long an own address is watched for duplicates (RetransTimer)
 * @param reachable how long an answer holds on average (REACHABLE_TIME); each time is between half and one and a half of it
 * @param delayFirstProbe how long a neighbor in use may confirm itself before it is asked (DELAY_FIRST_PROBE_TIME)
 * @param failedHold how long packets to a failed neighbor are refused before it may be asked again
 * @param staleHold how long a neighbor that nobody uses is remembered
 * @param newPerSecond how many unknown neighbors packets may ask for, on each interface: a scan gets no more
 *     (RFC 6583 section 7.1)
 * @param announcements how often an own address is announced when it comes up (RFC 5227 section 1.1: ANNOUNCE_NUM)
 * @param announceInterval between two announcements (ANNOUNCE_INTERVAL)
 * @param defendInterval the least time between two announcements that answer a conflict (DEFEND_INTERVAL)
 * @param duplicateProbes how often an own IPv6 address is probed before it is used (RFC 4862 section 5.1:
 *     DupAddrDetectTransmits); 0 for no detection
 */
public record NeighborSettings(
        int solicitations,
        Duration retransmit,
        Duration reachable,
        Duration delayFirstProbe,
        Duration failedHold,
        Duration staleHold,
        int newPerSecond,
        int announcements,
        Duration announceInterval,
        Duration defendInterval,
        int duplicateProbes) {
    public static final NeighborSettings DEFAULTS = new NeighborSettings(
            3,
            Duration.ofSeconds(1),
            Duration.ofSeconds(30),
            Duration.ofSeconds(5),
            Duration.ofSeconds(3),
            Duration.ofMinutes(10),
            1000,
            2,
            Duration.ofSeconds(2),
            Duration.ofSeconds(10),
            1);
}
