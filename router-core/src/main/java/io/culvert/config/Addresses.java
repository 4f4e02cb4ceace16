// SPDX-License-Identifier: Apache-2.0
package io.culvert.config;

import io.culvert.net.InterfaceAddress;
import io.culvert.net.Ip4Address;
import io.culvert.net.Ip4Prefix;
import io.culvert.net.Ip6Address;
import io.culvert.net.IpAddress;
import org.jspecify.annotations.Nullable;

/** Which addresses a station can have. */
final class Addresses {
    private Addresses() {}

    /** Why a station can't have this address, as the end of a sentence; or null when it can. */
    static @Nullable String whyNotOwn(InterfaceAddress own) {
        String reason = whyNoStation(own.address());
        if (reason != null) {
            return reason;
        }
        if (own.address() instanceof Ip4Address ip4
                && own.prefix() instanceof Ip4Prefix prefix
                && own.prefixLength() < 31) {
            // RFC 1122 section 3.2.1.3; on /31 both addresses are stations (RFC 3021).
            if (ip4.value() == prefix.address()) {
                return "is the network itself, expected the address of a station in it";
            }
            if (ip4.value() == prefix.last()) {
                return "is the broadcast address of its network, expected the address of a station in it";
            }
        }
        if (own.address() instanceof Ip6Address
                && own.prefixLength() < 127
                && own.prefix().first().equals(own.address())) {
            // RFC 4291 section 2.6.1; on /127 both addresses are stations (RFC 6164).
            return "is the subnet-router anycast address, expected the address of a station";
        }
        return null;
    }

    /** Why no station can have this address whatever the prefix, or null. */
    static @Nullable String whyNoStation(IpAddress address) {
        if (address instanceof Ip4Address ip4) {
            int value = ip4.value();
            if (value >>> 24 == 0) {
                return "is in 0.0.0.0/8, which means this network (RFC 1122), expected the address of a station";
            }
            if (Ip4Address.isLoopback(value)) {
                return "is a loopback address, which never leaves a host";
            }
            if (Ip4Address.isMulticast(value)) {
                return "is a multicast address, expected the address of a station";
            }
            if (value >>> 28 == 0xf) {
                return "is in the reserved 240.0.0.0/4, expected the address of a station";
            }
        }
        if (address instanceof Ip6Address ip6) {
            if (Ip6Address.isUnspecified(ip6.high(), ip6.low())) {
                return "is the unspecified address, expected the address of a station";
            }
            if (Ip6Address.isLoopback(ip6.high(), ip6.low())) {
                return "is the loopback address, which never leaves a host";
            }
            if (Ip6Address.isMulticast(ip6.high())) {
                return "is a multicast address, expected the address of a station";
            }
        }
        return null;
    }
}
