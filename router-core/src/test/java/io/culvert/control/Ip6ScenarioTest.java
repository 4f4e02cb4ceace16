// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import static io.culvert.testkit.PacketCheck.assertPacket;
import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.testkit.PacketBuilder;
import io.culvert.testkit.Packets;
import io.culvert.testkit.ScriptedRouter;
import io.culvert.wire.IpProtocol;
import io.culvert.wire.NeighborDiscoveryView;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A whole router carries IPv6 over interfaces without devices. */
class Ip6ScenarioTest {
    private static final String ROUTER = "02:00:00:00:00:01";
    private static final String HOST = "02:aa:00:00:00:10";

    private static final String TUNS = """
            name = scripted, lanes = 1, buffers = 512
            interfaces {
              a { type = tun, device = "a0", addresses = ["fd00:1::1/64"] }
              b { type = tun, device = "b0", addresses = ["fd00:2::1/64"], mtu = 1400 }
            }
            routes = [
              { prefix = "fd00:bad::/48", action = unreachable }
              { prefix = "fd00:f0b::/48", action = prohibit }
              { prefix = "fd00:b1ac::/48", action = blackhole }
            ]
            """;

    private static final String TUN_AND_TAP = """
            name = scripted, lanes = 1, buffers = 512
            neighbor { duplicate-probes = 0, retransmit-time = 50ms }
            interfaces {
              a { type = tun, device = "a0", addresses = ["fd00:1::1/64"] }
              lan { type = tap, device = "lan0", mac = "02:00:00:00:00:01", addresses = ["fd00:2::1/64"] }
            }
            """;

    /**
     * Addresses come into use one after the other, as they are found to be free, and their routes behind them: a packet
     * that finds its way says that all is there.
     */
    private static ScriptedRouter startWithTap() {
        ScriptedRouter router = ScriptedRouter.start(TUN_AND_TAP);
        router.await(
                () -> router.view().interfaces().all().stream()
                        .anyMatch(each -> each.name().equals("lan")
                                && each.linkLocal() != null
                                && !each.addresses().isEmpty()),
                "the addresses of lan");
        byte[] probe = aTo("fd00:2::fffe").udp(9, 9).bytes();
        router.arrive("a", probe);
        router.await(
                () -> {
                    if (!router.at("a").takeSent().isEmpty()) {
                        router.arrive("a", probe); // no route yet, it said
                    }
                    return router.at("lan").hasSent()
                            && isSolicitation(router.at("lan").takeFirstSent(), "fd00:2::fffe");
                },
                "the route to lan");
        router.arrive("lan", advertisement("fd00:2::fffe"));
        awaitPacketTo(router, HOST, "fd00:2::fffe");
        return router;
    }

    private static byte[] advertisement(String address) {
        return Packets.ethernet(HOST, ROUTER)
                .ip6()
                .from(address)
                .to("fd00:2::1")
                .neighborAdvertisement(address, "SO")
                .targetLinkLayer(HOST)
                .bytes();
    }

    private static PacketBuilder aTo(String destination) {
        return Packets.ip6().from("fd00:1::2").to(destination);
    }

    private static void assertError(byte[] error, int type, int code, int value, byte[] about) {
        assertPacket(error)
                .ip6()
                .from("fd00:1::1")
                .to("fd00:1::2")
                .icmp(type, code)
                .value(value)
                .quoting(about);
    }

    @Test
    void forwardsTouchingNothingButTheHopLimit() {
        try (ScriptedRouter router = ScriptedRouter.start(TUNS)) {
            PacketBuilder sent = aTo("fd00:2::2")
                    .trafficClass(0xbb)
                    .flowLabel(0xabcde)
                    .hopByHop(0x1e, 2, 7, 7)
                    .udp(1000, 2000)
                    .payload(18);
            router.arrive("a", sent.hopLimit(64).bytes());
            assertThat(router.awaitSent("b")).isEqualTo(sent.hopLimit(63).bytes());
        }
    }

    @Test
    void answersPingsOfItsAddressesWhicheverInterfaceHasThem() {
        try (ScriptedRouter router = ScriptedRouter.start(TUNS)) {
            router.arrive(
                    "a",
                    aTo("fd00:2::1").hopLimit(1).echoRequest(7, 1).payload(56).bytes());
            assertPacket(router.awaitSent("a"))
                    .ip6()
                    .from("fd00:2::1")
                    .to("fd00:1::2")
                    .hopLimit(64)
                    .echoReply(7, 1);
        }
    }

    /** A ping bigger than the link comes in fragments and is answered in fragments. */
    @Test
    void answersAPingInFragments() {
        byte[] whole = aTo("fd00:1::1").echoRequest(7, 1).payload(3000).bytes();
        try (ScriptedRouter router = ScriptedRouter.start(TUNS)) {
            for (int from = 0; from < 3008; from += 1232) {
                int to = Math.min(from + 1232, 3008);
                router.arrive(
                        "a",
                        aTo("fd00:1::1")
                                .fragmentHeader(from, to < 3008, 99)
                                .nextProtocol(IpProtocol.ICMP6)
                                .payload(Arrays.copyOfRange(whole, 40 + from, 40 + to))
                                .bytes());
            }
            byte[] expected = Packets.ip6()
                    .from("fd00:1::1")
                    .to("fd00:1::2")
                    .echoReply(7, 1)
                    .payload(3000)
                    .bytes();
            for (int from = 0; from < 3008; from += 1232) {
                int to = Math.min(from + 1232, 3008);
                byte[] fragment = router.awaitSent("a");
                assertThat(fragment).hasSize(48 + to - from);
                assertThat(Arrays.copyOfRange(fragment, 48, fragment.length))
                        .isEqualTo(Arrays.copyOfRange(expected, 40 + from, 40 + to));
            }
        }
    }

    @Test
    void tellsSendersWhatBecameOfTheirPackets() {
        try (ScriptedRouter router = ScriptedRouter.start(TUNS)) {
            byte[] expired = aTo("fd00:2::2").hopLimit(1).udp(1, 2).bytes();
            router.arrive("a", expired);
            assertError(router.awaitSent("a"), 3, 0, 0, expired);

            byte[] tooBig = aTo("fd00:2::2").hopLimit(2).udp(1, 2).payload(1353).bytes();
            byte[] tooBigQuoted = tooBig.clone();
            tooBigQuoted[7] = 1; // it had lost a hop before its size was seen
            router.arrive("a", tooBig);
            assertError(router.awaitSent("a"), 2, 0, 1400, tooBigQuoted);

            byte[] noRoute = aTo("2001:db8::1").udp(1, 2).bytes();
            router.arrive("a", noRoute);
            assertError(router.awaitSent("a"), 1, 0, 0, noRoute);

            byte[] prohibited = aTo("fd00:f0b::1").udp(1, 2).bytes();
            router.arrive("a", prohibited);
            assertError(router.awaitSent("a"), 1, 1, 0, prohibited);

            byte[] unreachable = aTo("fd00:bad::1").udp(1, 2).bytes();
            router.arrive("a", unreachable);
            assertError(router.awaitSent("a"), 1, 3, 0, unreachable);

            byte[] noPort = aTo("fd00:1::1").udp(1, 53).bytes();
            router.arrive("a", noPort);
            assertError(router.awaitSent("a"), 1, 4, 0, noPort);

            byte[] noProtocol = aTo("fd00:1::1").protocol(132, 1, 2, 3, 4).bytes();
            router.arrive("a", noProtocol);
            assertError(router.awaitSent("a"), 4, 1, 6, noProtocol);
        }
    }

    @Test
    void isSilentAboutBlackholesAndErrors() {
        try (ScriptedRouter router = ScriptedRouter.start(TUNS)) {
            router.arrive("a", aTo("fd00:b1ac::1").udp(1, 2).bytes());
            router.arrive("a", aTo("2001:db8::1").icmp(1, 0).payload(60).bytes());
            router.settle();
            assertThat(router.at("a").hasSent()).isFalse();
            assertThat(router.dropped("blackhole")).isEqualTo(1);
            assertThat(router.dropped("about-error")).isEqualTo(1);
        }
    }

    @Test
    void resetsConnectionsToItself() {
        try (ScriptedRouter router = ScriptedRouter.start(TUNS)) {
            router.arrive(
                    "a", aTo("fd00:1::1").tcp(1000, 80).flags("S").sequence(41).bytes());
            assertPacket(router.awaitSent("a"))
                    .ip6()
                    .from("fd00:1::1")
                    .to("fd00:1::2")
                    .tcp(80, 1000)
                    .flags("RA")
                    .sequence(0)
                    .acknowledgment(42);
        }
    }

    /** The next neighbor solicitation for a target; what else a router says of itself at its start is passed over. */
    private static byte[] awaitSolicitation(ScriptedRouter router, String target) {
        while (true) {
            byte[] frame = router.awaitSent("lan");
            if (isSolicitation(frame, target)) {
                return frame;
            }
        }
    }

    private static boolean isSolicitation(byte[] frame, String target) {
        byte[] wanted = Packets.ip6().neighborSolicitation(target).bytes();
        return frame.length >= 78
                && frame[54] == (byte) NeighborDiscoveryView.NEIGHBOR_SOLICITATION
                && Arrays.equals(frame, 62, 78, wanted, 48, 64);
    }

    private static byte[] awaitPacketTo(ScriptedRouter router, String mac, String destination) {
        while (true) {
            byte[] frame = router.awaitSent("lan");
            boolean wanted = Arrays.equals(
                            frame,
                            0,
                            6,
                            Packets.ethernet(HOST, mac).etherType(0).bytes(),
                            0,
                            6)
                    && Arrays.equals(
                            frame, 38, 54, Packets.ip6().to(destination).bytes(), 24, 40);
            if (wanted) {
                return frame;
            }
        }
    }

    @Test
    void answersSolicitationsForItsAddressesOnly() {
        try (ScriptedRouter router = startWithTap()) {
            router.arrive(
                    "lan",
                    Packets.ethernet(HOST, "33:33:ff:00:00:01")
                            .ip6()
                            .from("fd00:2::10")
                            .to("ff02::1:ff00:1")
                            .neighborSolicitation("fd00:2::1")
                            .sourceLinkLayer(HOST)
                            .bytes());
            assertThat(awaitPacketTo(router, HOST, "fd00:2::10"))
                    .isEqualTo(Packets.ethernet(ROUTER, HOST)
                            .ip6()
                            .from("fd00:2::1")
                            .to("fd00:2::10")
                            .neighborAdvertisement("fd00:2::1", "RSO")
                            .targetLinkLayer(ROUTER)
                            .bytes());
        }
    }

    @Test
    void resolvesANeighborAndSendsWhatWaitedInOrder() {
        try (ScriptedRouter router = startWithTap()) {
            for (int i = 0; i < 3; i++) {
                router.arrive("a", aTo("fd00:2::10").udp(1, 100 + i).bytes());
            }
            assertPacket(awaitSolicitation(router, "fd00:2::10"))
                    .ethernet(ROUTER, "33:33:ff:00:00:10")
                    .ip6()
                    .to("ff02::1:ff00:10")
                    .neighborSolicitation("fd00:2::10");
            router.arrive("lan", advertisement("fd00:2::10"));
            for (int i = 0; i < 3; i++) {
                assertPacket(awaitPacketTo(router, HOST, "fd00:2::10"))
                        .ethernet(ROUTER, HOST)
                        .ip6()
                        .from("fd00:1::2")
                        .hopLimit(63)
                        .udp(1, 100 + i);
            }
        }
    }

    /** RFC 4861 7.2.2: after its retries the router says so to who waits. */
    @Test
    void tellsSendersOfANeighborThatDoesNotAnswer() {
        try (ScriptedRouter router = startWithTap()) {
            PacketBuilder sent = aTo("fd00:2::77").udp(1, 2);
            router.arrive("a", sent.hopLimit(64).bytes());
            assertError(router.awaitSent("a"), 1, 3, 0, sent.hopLimit(63).bytes());
        }
    }

    @Test
    void neighborsPingItsLinkLocalAddress() {
        try (ScriptedRouter router = startWithTap()) {
            router.arrive(
                    "lan",
                    Packets.ethernet(HOST, "33:33:ff:00:00:01")
                            .ip6()
                            .from("fe80::10")
                            .to("ff02::1:ff00:1")
                            .neighborSolicitation("fe80::ff:fe00:1")
                            .sourceLinkLayer(HOST)
                            .bytes());
            assertPacket(awaitPacketTo(router, HOST, "fe80::10"))
                    .ethernet(ROUTER, HOST)
                    .ip6()
                    .from("fe80::ff:fe00:1")
                    .neighborAdvertisement("fe80::ff:fe00:1", "RSO");
            for (String address : List.of("fe80::ff:fe00:1", "fd00:2::1")) {
                router.arrive(
                        "lan",
                        Packets.ethernet(HOST, ROUTER)
                                .ip6()
                                .from("fe80::10")
                                .to(address)
                                .echoRequest(3, 4)
                                .payload(8)
                                .bytes());
                assertPacket(awaitPacketTo(router, HOST, "fe80::10"))
                        .ethernet(ROUTER, HOST)
                        .ip6()
                        .from(address)
                        .echoReply(3, 4);
            }
        }
    }

    @Test
    void linkLocalPacketsNeverLeaveTheirLink() {
        try (ScriptedRouter router = startWithTap()) {
            router.arrive(
                    "lan",
                    Packets.ethernet(HOST, ROUTER)
                            .ip6()
                            .from("fe80::10")
                            .to("fd00:1::2")
                            .udp(1, 2)
                            .bytes());
            awaitSolicitation(router, "fe80::10"); // for the error, of code 2, that is to be sent there
            router.arrive("a", aTo("fe80::10").udp(1, 2).bytes());
            router.await(() -> router.dropped("link-local-destination") == 1, "the drop");
            assertThat(router.at("a").hasSent()).isFalse();
        }
    }
}
