// SPDX-License-Identifier: Apache-2.0
package io.culvert.neighbor;

import io.culvert.net.IpAddress;
import io.culvert.net.MacAddress;
import org.jspecify.annotations.Nullable;

/**
 * A neighbor as it was when somebody asked.
 *
 * @param mac null while it has none
 * @param router whether it called itself a router
 * @param ageMillis how long it has been in this state
 */
public record NeighborStatus(
        int interfaceId,
        IpAddress address,
        NeighborState state,
        @Nullable MacAddress mac,
        boolean router,
        long ageMillis) {}
