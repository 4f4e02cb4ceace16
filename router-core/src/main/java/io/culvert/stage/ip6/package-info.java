// SPDX-License-Identifier: Apache-2.0
/**
 * The IPv6 path (RFC 8200): what comes in is checked, a route decides, packets in transit lose one hop, what is too big
 * for the way out is refused or, when the router made it, fragmented, and what is for the router is put together again
 * and handed to whoever answers.
 *
 * <p>Extension headers are read no further than a router must: in transit only to find ports for the flow hash, and
 * nothing there stops a packet. Options are obeyed where the packet ends, by {@link io.culvert.stage.ip6.Ip6LocalStage}.
 */
@NullMarked
package io.culvert.stage.ip6;

import org.jspecify.annotations.NullMarked;
