// SPDX-License-Identifier: Apache-2.0
package io.culvert.config;

import io.culvert.net.Ip6Prefix;
import java.time.Duration;
import java.util.List;

/**
 * What router advertisements on an interface say (RFC 4861 section 6.2.1).
 *
 * @param interval the most time between two unsolicited ones (MaxRtrAdvInterval)
 * @param lifetime how long hosts may use this router by default (AdvDefaultLifetime); zero for never
 * @param hopLimit what hosts put into the hop limit (AdvCurHopLimit)
 * @param managed whether addresses come from DHCPv6 (AdvManagedFlag)
 * @param otherConfig whether other settings come from DHCPv6 (AdvOtherConfigFlag)
 * @param prefixes on-link prefixes from which hosts make addresses
 * @param validLifetime of the prefixes (AdvValidLifetime)
 * @param preferredLifetime of the prefixes (AdvPreferredLifetime)
 */
public record RouterAdvertisementConfig(
        Duration interval,
        Duration lifetime,
        int hopLimit,
        boolean managed,
        boolean otherConfig,
        List<Ip6Prefix> prefixes,
        Duration validLifetime,
        Duration preferredLifetime) {
    public RouterAdvertisementConfig {
        prefixes = List.copyOf(prefixes);
    }
}
