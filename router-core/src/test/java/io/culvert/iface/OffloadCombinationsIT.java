// SPDX-License-Identifier: Apache-2.0
package io.culvert.iface;

import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.spi.RouterInterface.Offloads;
import io.culvert.testkit.RequiresNamespaces;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Whatever is offloaded on either side, hosts see the same: every byte and datagram arrives, every checksum is right, and
 * what is too big is answered.
 *
 * <p>Hosts leave checksums and segmentation to their devices. The veths on the router's side complete checksums before
 * frames cross, and a tun or tap without a virtio header takes none that are open, so that there the hosts verify them.
 */
@RequiresNamespaces
@Timeout(60)
final class OffloadCombinationsIT {
    private static final int MTU_OF_B = 1300;

    /** What may be dropped: what hosts say to whoever is on the link, unasked, some of it before the router is up. */
    private static final Set<String> EXPECTED_DROPS =
            Set.of("interface-down", "not-on-ethernet", "multicast-not-joined");

    /** Settings of an interface, with what its device then does by itself. */
    private enum Mode {
        PLAIN("vnet-header = off", Offloads.NONE),
        CHECKSUMS("gso = off", new Offloads(true, false, false, false)),
        CHECKSUMS_UNCOALESCED("gso = off, gro = off", new Offloads(true, false, false, false)),
        SEGMENTS("gro = off", new Offloads(true, true, true, true)),
        EVERYTHING("gso = on, gro = on", new Offloads(true, true, true, true));

        private final String settings;
        private final Offloads offloads;

        Mode(String settings, Offloads offloads) {
            this.settings = settings;
            this.offloads = offloads;
        }
    }

    private enum Kind {
        TUN,
        TAP,
        PACKET
    }

    private static TestHost home;
    private static TestHost[] behindPacket;
    private static TestHost[] behindVirtual;

    @BeforeAll
    static void makeHosts() throws IOException {
        home = new TestHost();
        behindPacket = new TestHost[] {new TestHost(), new TestHost()};
        behindVirtual = new TestHost[] {new TestHost(), new TestHost()};
        for (int side = 0; side < 2; side++) {
            TestHost host = behindPacket[side];
            int net = side + 1;
            String device = side == 0 ? "ra" : "rb";
            home.run("ip link add " + device + " type veth peer name eth0 netns " + host.namespace);
            home.run("sysctl -qw net.ipv6.conf." + device + ".disable_ipv6=1");
            home.run("ethtool -K " + device + " tx off");
            home.run("ip link set " + device + " up");
            host.run("ip link set eth0 up");
            host.run("ip addr add 10." + net + ".0.2/24 dev eth0");
            host.run("ip addr add fd00:" + net + "::2/64 dev eth0 nodad");
            host.run("ip route replace default via 10." + net + ".0.1");
            host.run("ip -6 route replace default via fd00:" + net + "::1");
            behindVirtual[side].run("sysctl -qw net.ipv6.conf.default.accept_dad=0");
        }
    }

    @AfterAll
    static void removeHosts() throws IOException {
        for (int side = 0; side < 2; side++) {
            behindPacket[side].close();
            behindVirtual[side].close();
        }
        home.close();
    }

    static List<Arguments> combinations() {
        List<Arguments> all = new ArrayList<>();
        for (Kind kind : Kind.values()) {
            for (Mode a : Mode.values()) {
                for (Mode b : Mode.values()) {
                    all.add(Arguments.of(kind, a, kind, b));
                }
            }
        }
        Kind[] kinds = Kind.values();
        for (int i = 0; i < kinds.length; i++) {
            Kind other = kinds[(i + 1) % kinds.length];
            all.add(Arguments.of(kinds[i], Mode.EVERYTHING, other, Mode.PLAIN));
            all.add(Arguments.of(kinds[i], Mode.PLAIN, other, Mode.EVERYTHING));
            all.add(Arguments.of(kinds[i], Mode.EVERYTHING, other, Mode.EVERYTHING));
        }
        return all;
    }

    @ParameterizedTest(name = "{0} {1} to {2} {3}")
    @MethodSource("combinations")
    void hostsSeeTheSame(Kind kindOfA, Mode a, Kind kindOfB, Mode b) throws Exception {
        String interfaces = interfaces(kindOfA, a.settings, kindOfB, b.settings);
        try (TestRouter router = TestRouter.startIn(home, interfaces)) {
            assertThat(router.at("a").offloads()).isEqualTo(a.offloads);
            assertThat(router.at("b").offloads()).isEqualTo(b.offloads);
            everything(router, kindOfA, kindOfB);
        }
    }

    /** A kernel that can't be trusted with anything but checksums, which it shows when it is tested. */
    @Test
    void whatTheKernelDoesWrongTheRouterDoes() throws Exception {
        KernelOffloads wrong = new KernelOffloads(
                "Linux 0.01",
                KernelOffloads.PATIENCE_MS,
                kind -> new OffloadTest.Findings(
                        new Offloads(true, kind == OffloadKind.TUN, false, false),
                        List.of(new OffloadTest.Fault("TCP over IPv6", "the kernel loses them"))));
        String interfaces = interfaces(Kind.TUN, "", Kind.PACKET, "");
        try (TestRouter router = TestRouter.startOn(wrong, home, interfaces)) {
            assertThat(router.at("a").offloads()).isEqualTo(new Offloads(true, true, false, false));
            assertThat(router.at("b").offloads()).isEqualTo(new Offloads(true, false, false, false));
            assertThat(router.show("interfaces")).contains("\"checksum tcp4\"", "\"checksum\"");
            everything(router, Kind.TUN, Kind.PACKET);
        }
    }

    private static String interfaces(Kind kindOfA, String ofA, Kind kindOfB, String ofB) {
        return "interfaces {\n" + one("a", 0, kindOfA, ofA) + one("b", 1, kindOfB, "mtu = " + MTU_OF_B + ", " + ofB)
                + "}\n";
    }

    private static String one(String name, int side, Kind kind, String settings) {
        int net = side + 1;
        String common = name + " { addresses = [\"10." + net + ".0.1/24\", \"fd00:" + net + "::1/64\"], " + settings;
        if (kind == Kind.PACKET) {
            return common + "\n type = packet, device = r" + name + " }\n";
        }
        return common + "\n type = " + (kind == Kind.TUN ? "tun" : "tap") + ", device = cv" + name + ", netns = "
                + behindVirtual[side].namespace + "\n kernel { addresses = [\"10." + net + ".0.2/24\", \"fd00:" + net
                + "::2/64\"], routes = [\"0.0.0.0/0\", \"::/0\"] } }\n";
    }

    private static TestHost host(int side, Kind kind) {
        return (kind == Kind.PACKET ? behindPacket : behindVirtual)[side];
    }

    private static void everything(TestRouter router, Kind kindOfA, Kind kindOfB) throws Exception {
        TestHost a = host(0, kindOfA);
        TestHost b = host(1, kindOfB);
        long wrongBefore = Traffic.wrongChecksums(a) + Traffic.wrongChecksums(b);
        Traffic.reach(a, "10.1.0.2", b, "10.2.0.2");
        Traffic.reach(a, "fd00:1::2", b, "fd00:2::2");
        // TCP finds out about b's MTU while it runs: its first superpackets are too big for it.
        Traffic.transfer(a, b, "10.2.0.2", 1 << 20);
        Traffic.transfer(a, b, "fd00:2::2", 1 << 20);
        Traffic.tooBig(a, "10.2.0.2", 1400, MTU_OF_B);
        Traffic.tooBig(a, "fd00:2::2", 1400, MTU_OF_B);
        Traffic.datagrams(a, "10.1.0.2", b, "10.2.0.2");
        Traffic.datagrams(a, "fd00:1::2", b, "fd00:2::2");
        for (int segment : new int[] {18, 512, 1200}) {
            Traffic.segmentedDatagrams(a, b, "10.2.0.2", segment);
            Traffic.segmentedDatagrams(a, b, "fd00:2::2", segment);
            Traffic.segmentedDatagrams(b, a, "10.1.0.2", segment);
            Traffic.segmentedDatagrams(b, a, "fd00:1::2", segment);
        }
        assertThat(Traffic.wrongChecksums(a) + Traffic.wrongChecksums(b))
                .as("packets that hosts found wrong")
                .isEqualTo(wrongBefore);
        assertThat(router.view().counters().drops())
                .extracting(drop -> drop.reason().id())
                .isSubsetOf(EXPECTED_DROPS);
        if (kindOfA == Kind.PACKET) {
            a.run("ip route flush cache");
            a.run("ip -6 route flush cache");
        }
    }
}
