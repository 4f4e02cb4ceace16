// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import java.time.Duration;

/**
 * What the router tells the hosts on an interface about itself (RFC 4861 section 6.2.1). The prefixes are those of the
 * interface's own addresses; hosts may make addresses from those of 64 bits (RFC 4862).
 *
 * @param lifetime how long it may serve as a default router, 0 to 9000 s; 0 if it shall not
 * @param minInterval between two unsolicited advertisements (MinRtrAdvInterval)
 * @param maxInterval between two unsolicited advertisements (MaxRtrAdvInterval)
 * @param valid how long a prefix is on link and its addresses valid
 * @param preferred how long addresses made from a prefix are preferred
 */
public record RouterAdvertisement(
        Duration lifetime, Duration minInterval, Duration maxInterval, Duration valid, Duration preferred) {
    public static final RouterAdvertisement DEFAULTS = new RouterAdvertisement(
            Duration.ofSeconds(1800),
            Duration.ofSeconds(200),
            Duration.ofSeconds(600),
            Duration.ofDays(30),
            Duration.ofDays(7));

    public RouterAdvertisement {
        if (lifetime.isNegative() || lifetime.toSeconds() > 9000) {
            throw new IllegalArgumentException("a router's lifetime is 0 to 9000 s, got " + lifetime);
        }
        if (minInterval.toSeconds() < 3 || minInterval.compareTo(maxInterval) > 0) {
            throw new IllegalArgumentException(
                    "the intervals of router advertisements are at least 3 s and in order, got " + minInterval + " to "
                            + maxInterval);
        }
        if (preferred.isNegative() || preferred.compareTo(valid) > 0) {
            throw new IllegalArgumentException(
                    "a prefix is preferred no longer than it is valid, got " + preferred + " of " + valid);
        }
    }
}
