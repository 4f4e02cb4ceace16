// SPDX-License-Identifier: Apache-2.0
package io.culvert.bench.endtoend;

import java.net.InetAddress;
import java.net.UnknownHostException;

/** One of the two sides of a forwarder: the host there, the link to it, and their addresses, the same in every bed. */
enum Side {
    /** Where the client is. */
    A("a", "10.1.0", "fd01::", 0x02_00_00_00_00_a0L),
    /** Where the server is. */
    B("b", "10.2.0", "fd02::", 0x02_00_00_00_00_b0L);

    static final int IP4_LENGTH = 24;
    static final int IP6_LENGTH = 64;

    private final String letter;
    private final String ip4Network;
    private final String ip6Network;
    private final long hostMac;

    Side(String letter, String ip4Network, String ip6Network, long hostMac) {
        this.letter = letter;
        this.ip4Network = ip4Network;
        this.ip6Network = ip6Network;
        this.hostMac = hostMac;
    }

    /** In names of interfaces and namespaces. */
    String letter() {
        return letter;
    }

    /** The host's device. */
    String hostDevice() {
        return letter + 0;
    }

    /** The forwarder's device, where the link is a pair of veth. */
    String routerDevice() {
        return letter + 1;
    }

    long hostMac() {
        return hostMac;
    }

    long routerMac() {
        return hostMac + 1;
    }

    String hostIp4() {
        return ip4(2);
    }

    String routerIp4() {
        return ip4(1);
    }

    String hostIp6() {
        return ip6(2);
    }

    String routerIp6() {
        return ip6(1);
    }

    /** The address of a station on the link. */
    String ip4(int station) {
        return ip4Network + "." + station;
    }

    String ip6(int station) {
        return ip6Network + station;
    }

    /** A literal as an address; no name is looked up. */
    static InetAddress address(String literal) {
        try {
            return InetAddress.getByName(literal);
        } catch (UnknownHostException e) {
            throw new IllegalArgumentException(literal, e);
        }
    }
}
