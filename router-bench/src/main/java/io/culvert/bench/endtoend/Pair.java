// SPDX-License-Identifier: Apache-2.0
package io.culvert.bench.endtoend;

import java.util.List;

/** The two kinds of interfaces that packets pass between, and what is measured there in turn. */
enum Pair {
    TUN_TUN(
            "tun-tun",
            End.TUN,
            End.TUN,
            List.of(Subject.CFWD, Subject.CUSO, Subject.KERNEL, Subject.CULVERT, Subject.CULVERT_MILLION)),
    PACKET_PACKET(
            "packet-packet",
            End.PACKET,
            End.PACKET,
            List.of(Subject.PFWD, Subject.PMM, Subject.KERNEL, Subject.CULVERT, Subject.CULVERT_MILLION)),
    TAP_TAP("tap-tap", End.TAP, End.TAP, List.of(Subject.CFWD, Subject.KERNEL, Subject.CULVERT)),
    TUN_PACKET("tun-packet", End.TUN, End.PACKET, List.of(Subject.CFWD, Subject.KERNEL, Subject.CULVERT));

    /** The kind of an interface, by the word that both Culvert and the yardsticks have for it. */
    enum End {
        TUN,
        TAP,
        PACKET;

        String word() {
            return switch (this) {
                case TUN -> "tun";
                case TAP -> "tap";
                case PACKET -> "packet";
            };
        }
    }

    private final String id;
    private final End first;
    private final End second;
    private final List<Subject> subjects;

    Pair(String id, End first, End second, List<Subject> subjects) {
        this.id = id;
        this.first = first;
        this.second = second;
        this.subjects = subjects;
    }

    String id() {
        return id;
    }

    /** The end where the client is. */
    End first() {
        return first;
    }

    /** The end where the server is. */
    End second() {
        return second;
    }

    /** The yardsticks first, Culvert last. */
    List<Subject> subjects() {
        return subjects;
    }
}
