// SPDX-License-Identifier: Apache-2.0
package io.culvert.net;

/**
 * An address on an interface together with the length of its on-link prefix: {@code 192.168.1.1/24}.
 *
 * @since 0.1
 */
public record InterfaceAddress(IpAddress address, int prefixLength) {
    public InterfaceAddress {
        if (prefixLength < 0 || prefixLength > address.bits()) {
            throw new IllegalArgumentException("prefix length " + prefixLength + " is not 0 to " + address.bits());
        }
    }

    /**
     * Parses {@code 192.168.1.1/24} or {@code fd00::1/64}; without a length it is a host address.
     *
     * @throws IllegalArgumentException with a message for people
     */
    public static InterfaceAddress parse(String text) {
        int slash = text.indexOf('/');
        IpAddress address = IpAddress.parse(slash < 0 ? text : text.substring(0, slash));
        return new InterfaceAddress(
                address, slash < 0 ? address.bits() : IpPrefix.parseLength(text, slash, address.bits()));
    }

    /** The on-link prefix. */
    public IpPrefix prefix() {
        return address.prefix(prefixLength);
    }

    @Override
    public String toString() {
        return address + "/" + prefixLength;
    }
}
