// SPDX-License-Identifier: Apache-2.0
package io.culvert.bench.endtoend;

/** One thing that is done to a forwarder in each round; it gives one or several figures. */
enum Measure {
    TCP_1("tcp-1", Kind.BARRED),
    UDP_18("udp-18", Kind.BARRED),
    UDP_18_SPREAD("udp-18-spread", Kind.TABLES),
    RTT_IDLE("rtt-idle", Kind.BARRED),
    TCP_8("tcp-8", Kind.OTHER),
    RTT_RESTED("rtt-rested", Kind.OTHER),
    TCP_1_IP6("tcp-1-ip6", Kind.OTHER),
    UDP_512("udp-512", Kind.OTHER),
    UDP_1400("udp-1400", Kind.OTHER),
    UDP_18_IP6("udp-18-ip6", Kind.OTHER),
    RTT_LOADED("rtt-loaded", Kind.OTHER),
    TCP_8_IP6("tcp-8-ip6", Kind.FURTHER),
    UDP_512_IP6("udp-512-ip6", Kind.FURTHER),
    UDP_1400_IP6("udp-1400-ip6", Kind.FURTHER),
    RTT_IDLE_IP6("rtt-idle-ip6", Kind.FURTHER),
    RTT_LOADED_IP6("rtt-loaded-ip6", Kind.FURTHER);

    private enum Kind {
        /** With a bar in some pair. */
        BARRED,
        /** With a bar, and about nothing but the size of the forwarding tables. */
        TABLES,
        OTHER,
        /** Done where bars are alone. */
        FURTHER
    }

    private final String id;
    private final Kind kind;

    Measure(String id, Kind kind) {
        this.id = id;
        this.kind = kind;
    }

    String id() {
        return id;
    }

    /** Whether there is a bar that it must reach: then it has more rounds, and is done with a million routes too. */
    boolean barred() {
        return kind == Kind.BARRED || kind == Kind.TABLES;
    }

    /** Whether it is part of a run between the interfaces of a pair. */
    boolean appliesTo(Pair pair) {
        return kind == Kind.BARRED || kind == Kind.OTHER || pair.subjects().contains(Subject.CULVERT_MILLION);
    }

    /** Whether a forwarder is measured so: with a million routes only what has a bar. */
    boolean appliesTo(Subject subject) {
        return switch (kind) {
            case BARRED -> true;
            case TABLES -> subject.kind() == Subject.Kind.CULVERT;
            case OTHER, FURTHER -> subject != Subject.CULVERT_MILLION;
        };
    }
}
