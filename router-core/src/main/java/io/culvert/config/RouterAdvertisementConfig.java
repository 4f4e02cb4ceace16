// SPDX-License-Identifier: Apache-2.0
package io.culvert.config;

import java.time.Duration;

/**
 * What router advertisements on an interface say (RFC 4861 section 6.2.1). Their prefixes are those of the interface's
 * own addresses.
 *
 * @param interval the most time between two unsolicited ones (MaxRtrAdvInterval)
 * @param lifetime how long hosts may use this router by default (AdvDefaultLifetime); zero for never
 * @param validLifetime of the prefixes (AdvValidLifetime)
 * @param preferredLifetime of the prefixes (AdvPreferredLifetime)
 */
public record RouterAdvertisementConfig(
        Duration interval, Duration lifetime, Duration validLifetime, Duration preferredLifetime) {
    /** The least time between two unsolicited ones (MinRtrAdvInterval): a third of the most, from 3 s to 3/4 of it. */
    public Duration minInterval() {
        Duration third = interval.dividedBy(3);
        Duration least = Duration.ofSeconds(3);
        return third.compareTo(least) > 0 ? third : least;
    }
}
