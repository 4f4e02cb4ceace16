// SPDX-License-Identifier: Apache-2.0
package io.culvert.fib;

import io.culvert.spi.NextHop;
import java.util.List;

/**
 * A candidate route and what has become of it, for people to look at.
 *
 * @param route as its source gave it
 * @param usable whether it could forward now: its interfaces are up and its gateways reached
 * @param installed whether it is the one that packets follow
 * @param nextHops where it leads now, one for each reached member
 */
public record RouteStatus(Route route, boolean usable, boolean installed, List<NextHop> nextHops) {
    public RouteStatus {
        nextHops = List.copyOf(nextHops);
    }
}
