// SPDX-License-Identifier: Apache-2.0
package io.culvert.bench.endtoend;

/** Who forwards. */
enum Subject {
    CFWD("cfwd", Kind.LIMIT, "a bare C loop, one read and one write for each packet"),
    CUSO("cuso", Kind.LIMIT, "a C loop that merges UDP packets of one flow into superpackets"),
    PFWD("pfwd", Kind.LIMIT, "a bare C loop over packet sockets, one recv and one send for each packet"),
    PMM("pmm", Kind.LIMIT, "a C loop over packet sockets with recvmmsg and sendmmsg"),
    KERNEL("kernel", Kind.KERNEL, "the kernel's own forwarding, over veth in every case"),
    CULVERT("culvert", Kind.CULVERT, "a router with two connected networks, and one route over the second"),
    CULVERT_MILLION("culvert-1m", Kind.CULVERT, "the same with 1,000,000 IPv4 and 250,000 IPv6 routes besides");

    /** What reads and writes the packets. */
    enum Kind {
        LIMIT,
        KERNEL,
        CULVERT
    }

    private final String id;
    private final Kind kind;
    private final String text;

    Subject(String id, Kind kind, String text) {
        this.id = id;
        this.kind = kind;
        this.text = text;
    }

    /** For a limit, also the name of the C program. */
    String id() {
        return id;
    }

    Kind kind() {
        return kind;
    }

    String text() {
        return text;
    }
}
