// SPDX-License-Identifier: Apache-2.0
package io.culvert.wire;

/**
 * Values of IPv4's protocol and IPv6's next header field (IANA "Assigned Internet Protocol Numbers").
 *
 * @since 0.1
 */
public final class IpProtocol {
    /** IPv6 Hop-by-Hop Options, RFC 8200. */
    public static final int HOP_BY_HOP = 0;
    /** RFC 792. */
    public static final int ICMP = 1;
    /** RFC 1112, RFC 3376. */
    public static final int IGMP = 2;
    /** IPv4 encapsulation, RFC 2003. */
    public static final int IP4 = 4;
    /** RFC 9293. */
    public static final int TCP = 6;
    /** RFC 768. */
    public static final int UDP = 17;
    /** RFC 4340. */
    public static final int DCCP = 33;
    /** IPv6 encapsulation, RFC 2473, RFC 4213. */
    public static final int IP6 = 41;
    /** IPv6 Routing header, RFC 8200. */
    public static final int ROUTING = 43;
    /** IPv6 Fragment header, RFC 8200. */
    public static final int FRAGMENT = 44;
    /** RFC 2784. */
    public static final int GRE = 47;
    /** Encapsulating Security Payload, RFC 4303. */
    public static final int ESP = 50;
    /** Authentication Header, RFC 4302. */
    public static final int AUTHENTICATION = 51;
    /** RFC 4443. */
    public static final int ICMP6 = 58;
    /** Nothing follows, RFC 8200 section 4.7. */
    public static final int NO_NEXT_HEADER = 59;
    /** IPv6 Destination Options, RFC 8200. */
    public static final int DESTINATION_OPTIONS = 60;
    /** RFC 2328, RFC 5340. */
    public static final int OSPF = 89;
    /** RFC 7761. */
    public static final int PIM = 103;
    /** RFC 9568. */
    public static final int VRRP = 112;
    /** RFC 9260. */
    public static final int SCTP = 132;
    /** RFC 3828. */
    public static final int UDP_LITE = 136;

    private IpProtocol() {}

    /** Whether the protocol's header starts with a 16-bit source and a 16-bit destination port. */
    public static boolean hasPorts(int protocol) {
        return protocol == TCP || protocol == UDP || protocol == SCTP || protocol == DCCP || protocol == UDP_LITE;
    }
}
