// SPDX-License-Identifier: Apache-2.0
package io.culvert.wire;

/**
 * EtherType values (IANA "IEEE 802 Numbers", RFC 9542).
 *
 * @since 0.1
 */
public final class EtherType {
    /** RFC 894. */
    public static final int IP4 = 0x0800;
    /** RFC 826. */
    public static final int ARP = 0x0806;
    /** Customer tag, IEEE 802.1Q. */
    public static final int VLAN = 0x8100;
    /** RFC 2464. */
    public static final int IP6 = 0x86dd;
    /** Service tag, IEEE 802.1ad. */
    public static final int SERVICE_VLAN = 0x88a8;

    /** The lowest value that is a type: below it the field is an IEEE 802.3 length (1501 to 1535 are neither). */
    public static final int LOWEST = 0x0600;

    private EtherType() {}

    /** Whether a VLAN tag of either kind follows. */
    public static boolean isVlan(int etherType) {
        return etherType == VLAN || etherType == SERVICE_VLAN;
    }
}
