// SPDX-License-Identifier: Apache-2.0
package io.culvert.neighbor;

/** What is known about a neighbor (RFC 4861 section 7.3.2); ARP neighbors are treated alike (RFC 1122 section 2.3.2.1). */
public enum NeighborState {
    /** It was asked for and has not answered yet. */
    INCOMPLETE,
    /** It has answered a question of the router not long ago. */
    REACHABLE,
    /** It has a link address that nothing has confirmed for a while, which no packet needed either. */
    STALE,
    /** A packet went to its unconfirmed link address; it is given a moment before it is asked. */
    DELAY,
    /** It is asked at the link address that it had. */
    PROBE,
    /** It did not answer: packets to it are refused for a moment, then it is forgotten. */
    FAILED
}
