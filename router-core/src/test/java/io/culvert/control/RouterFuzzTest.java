// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.packet.PacketBuffer;
import io.culvert.spi.RouterInterface;
import io.culvert.telemetry.LaneLedger.Entry;
import io.culvert.testkit.PacketBuilder;
import io.culvert.testkit.Packets;
import io.culvert.testkit.ScriptedRouter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/**
 * No packet can hurt the router: whatever arrives, in whatever offload state, it goes on forwarding, no stage throws, no
 * buffer is lost, every packet is accounted for, and nothing leaves that is larger than its link or not an IP packet.
 */
class RouterFuzzTest {
    private static final int PACKETS = Integer.getInteger("fuzz.packets", 50_000);
    private static final int BATCH = 500;

    private static final String ROUTER_MAC = "02:00:00:00:0e:01";
    private static final String HOST_MAC = "02:00:00:00:0e:99";
    private static final List<String> NAMES = List.of("t1", "t2", "e1", "e2");

    private static final String ROUTER = """
            name = fuzzed, lanes = 1, buffers = 512
            icmp { rate-limit = off }
            local-delivery { rate-limit = off }
            neighbor { max-entries = 64, retransmit-time = 50ms, failed-time = 100ms, duplicate-probes = 0 }
            interfaces {
              t1 { type = tun, device = t1, addresses = ["10.1.0.1/24", "fd00:1::1/64"] }
              t2 { type = tun, device = t2, mtu = 1300, addresses = ["10.2.0.1/24", "fd00:2::1/64"] }
              e1 { type = tap, device = e1, mac = "02:00:00:00:0e:01", addresses = ["10.3.0.1/24", "fd00:3::1/64"],
                   redirects = true, router-advertisement {} }
              e2 { type = tap, device = e2, mac = "02:00:00:00:0e:01", mtu = 1400,
                   addresses = ["10.4.0.1/24", "fd00:4::1/64"] }
              %s
            }
            routes = [
              { prefix = "0.0.0.0/0", via = ["10.3.0.2", "10.4.0.2"] }
              { prefix = "::/0", via = ["fd00:3::2", "fd00:4::2"] }
              { prefix = "10.64.0.0/16", via = "fd00:4::2" }
              { prefix = "10.65.0.0/16", action = unreachable }
              { prefix = "10.66.0.0/16", action = blackhole }
              { prefix = "fd00:66::/32", action = prohibit }
            ]
            """;
    private static final String KERNEL = """
            host { type = tap, device = h, role = local-delivery, mac = "02:00:00:00:0e:02" }
            """;

    private final List<byte[]> templates = new ArrayList<>();
    private Random random = new Random();

    @Test
    void survivesWhateverArrives() {
        fuzz("", 0x5eed_0001L);
    }

    @Test
    void survivesWhateverArrivesInFrontOfAKernel() {
        fuzz(KERNEL, 0x5eed_0002L);
    }

    private void fuzz(String further, long defaultSeed) {
        long seed = Long.getLong("fuzz.seed", defaultSeed);
        System.out.println("fuzz.seed=" + seed);
        random = new Random(seed);
        fillTemplates();
        try (ScriptedRouter router = ScriptedRouter.start(ROUTER.formatted(further))) {
            fuzz(router);
        }
    }

    private void fuzz(ScriptedRouter router) {
        for (int sent = 0; sent < PACKETS; sent += BATCH) {
            for (int i = 0; i < BATCH; i++) {
                String name = NAMES.get(random.nextInt(NAMES.size()));
                byte[] packet = packet(name.startsWith("e"));
                router.at(name).arrive(packet, offloads());
            }
            router.await(
                    () -> NAMES.stream().allMatch(name -> router.at(name).unread() == 0), "all packets to be read");
            assertThat(router.dropped("stage-fault")).as("stage faults").isZero();
            stillForwards(router, sent);
            for (String name : NAMES) {
                for (byte[] left : router.at(name).takeSent()) {
                    judge(router, name, left);
                    answer(router, name, left);
                }
            }
        }
        assertThat(router.dropped("undecided")).isZero();
        router.await(
                () -> {
                    RouterActor.View view = router.view();
                    return view.buffersOutstanding() == inFlight(view.counters());
                },
                "as many buffers in use as packets on their way");
        RouterCounters end = router.stop();
        assertThat(end.drops().stream()
                        .filter(row -> row.stage().equals("lane-source")
                                && row.reason().id().equals("lane-stopped")))
                .as("buffers that nobody gave back")
                .isEmpty();
    }

    private static long inFlight(RouterCounters counters) {
        return counters.ledger(Entry.RECEIVED)
                + counters.ledger(Entry.GENERATED)
                - counters.ledger(Entry.TRANSMITTED)
                - counters.ledger(Entry.DROPPED)
                - counters.ledger(Entry.PUNTED)
                - counters.ledger(Entry.CONSUMED);
    }

    private void stillForwards(ScriptedRouter router, int number) {
        byte[] probe = Packets.ip4()
                .from("10.1.0.2")
                .to("10.2.0.77")
                .udp(7777, 7777)
                .payload("probe " + number)
                .bytes();
        byte[] expected = Packets.ip4()
                .from("10.1.0.2")
                .to("10.2.0.77")
                .ttl((probe[8] & 0xff) - 1)
                .udp(7777, 7777)
                .payload("probe " + number)
                .bytes();
        router.arrive("t1", probe);
        router.await(
                () -> router.at("t2").sent().stream().anyMatch(sent -> Arrays.equals(sent, expected)),
                "probe " + number);
    }

    /** What leaves is whole and fits its link. */
    private static void judge(ScriptedRouter router, String name, byte[] sent) {
        RouterInterface out = router.view().interfaces().all().stream()
                .filter(one -> one.name().equals(name))
                .findFirst()
                .orElseThrow();
        String hex = HexFormat.of().formatHex(sent);
        int link = 0;
        if (out.link() == RouterInterface.Link.ETHERNET) {
            link = 14;
            int type = u16(sent, 12);
            assertThat(type).as("EtherType of %s", hex).isIn(0x0800, 0x86dd, 0x0806);
            if (type == 0x0806) {
                return;
            }
        }
        assertThat(sent.length - link).as("length of %s", hex).isLessThanOrEqualTo(out.mtu());
        int version = (sent[link] & 0xff) >> 4;
        if (version == 4) {
            int header = (sent[link] & 15) * 4;
            assertThat(sum(sent, link, header)).as("header checksum of %s", hex).isEqualTo(0xffff);
            assertThat(u16(sent, link + 2)).as("total length of %s", hex).isEqualTo(sent.length - link);
            assertThat(sent[link + 8] & 0xff).as("TTL of %s", hex).isPositive();
        } else {
            assertThat(version).as("IP version of %s", hex).isEqualTo(6);
            assertThat(u16(sent, link + 4) + 40).as("payload length of %s", hex).isEqualTo(sent.length - link);
            assertThat(sent[link + 7] & 0xff).as("hop limit of %s", hex).isPositive();
        }
    }

    /** The hosts of the link answer some questions for their addresses. */
    private void answer(ScriptedRouter router, String name, byte[] sent) {
        if (name.startsWith("t") || random.nextInt(3) == 0) {
            return;
        }
        if (u16(sent, 12) == 0x0806 && u16(sent, 20) == 1) {
            String target = dotted(sent, 38);
            if (!target.endsWith(".0.1")) {
                router.arrive(
                        name,
                        Packets.arpReply(HOST_MAC, target, ROUTER_MAC, dotted(sent, 28))
                                .bytes());
            }
        }
    }

    private static String dotted(byte[] bytes, int at) {
        return (bytes[at] & 0xff) + "." + (bytes[at + 1] & 0xff) + "." + (bytes[at + 2] & 0xff) + "."
                + (bytes[at + 3] & 0xff);
    }

    private static int u16(byte[] bytes, int at) {
        return (bytes[at] & 0xff) << 8 | (bytes[at + 1] & 0xff);
    }

    private static int sum(byte[] bytes, int from, int length) {
        int sum = 0;
        for (int i = 0; i < length; i += 2) {
            sum += u16(bytes, from + i);
        }
        while (sum >>> 16 != 0) {
            sum = (sum & 0xffff) + (sum >>> 16);
        }
        return sum;
    }

    // --- what arrives

    private static final List<String> SOURCES4 =
            List.of("10.1.0.2", "10.3.0.2", "10.4.0.9", "127.0.0.1", "0.0.0.0", "10.1.0.1", "224.0.0.1", "10.2.0.255");
    private static final List<String> DESTINATIONS4 = List.of(
            "10.1.0.2",
            "10.2.0.2",
            "10.3.0.2",
            "10.4.0.2",
            "10.2.0.1",
            "10.3.0.255",
            "8.8.8.8",
            "10.64.0.1",
            "10.65.0.1",
            "10.66.0.1",
            "224.0.0.251",
            "255.255.255.255",
            "10.3.0.200");
    private static final List<String> SOURCES6 =
            List.of("fd00:1::2", "fd00:3::2", "fe80::2", "::", "::1", "ff02::1", "fd00:1::1", "fd00:4::9");
    private static final List<String> DESTINATIONS6 = List.of(
            "fd00:1::2",
            "fd00:2::2",
            "fd00:3::2",
            "fd00:4::2",
            "fd00:2::1",
            "ff02::1",
            "ff02::2",
            "ff02::1:ff00:1",
            "2001:db8::1",
            "fd00:66::1",
            "fe80::1",
            "fd00:3::200");

    private void fillTemplates() {
        for (int i = 0; i < 400; i++) {
            PacketBuilder four =
                    Packets.ip4().from(pick(SOURCES4)).to(pick(DESTINATIONS4)).ttl(1 + random.nextInt(3));
            if (random.nextInt(4) == 0) {
                four.df();
            }
            if (random.nextInt(3) == 0) {
                four.id(random.nextInt(4)).fragment(8 * random.nextInt(30), random.nextBoolean());
            }
            if (random.nextInt(5) == 0) {
                four.options(pick(List.of(
                        new int[] {1, 1, 1, 0},
                        new int[] {131, 7, 4, 10, 2, 0, 2, 0},
                        new int[] {7, 7, 4, 0, 0, 0, 0, 0},
                        new int[] {0x94, 4, 0, 0},
                        new int[] {68, 255, 5, 0})));
            }
            templates.add(transport(four, false).bytes());
            PacketBuilder six =
                    Packets.ip6().from(pick(SOURCES6)).to(pick(DESTINATIONS6)).ttl(random.nextBoolean() ? 255 : 2);
            for (int extensions = random.nextInt(4); extensions > 0; extensions--) {
                switch (random.nextInt(5)) {
                    case 0 -> six.hopByHop(5, 2, 0, 0, 1, 0);
                    case 1 -> six.destinationOptions(random.nextInt(256), 4, 1, 2, 3, 4);
                    case 2 -> six.routing(random.nextInt(5), random.nextInt(3), 0, 0, 0, 0);
                    case 3 -> six.fragmentHeader(8 * random.nextInt(30), random.nextBoolean(), random.nextInt(4));
                    default -> six.authentication();
                }
            }
            templates.add(transport(six, true).bytes());
        }
    }

    private PacketBuilder transport(PacketBuilder ip, boolean six) {
        int size = pick(List.of(0, 1, 18, 100, 1200, 1272, 1400, 1460, 3000));
        switch (random.nextInt(8)) {
            case 0 -> ip.udp(1000, 2000).payload(size);
            case 1 -> ip.tcp(1000, 80).flags("SA").payload(size);
            case 2 -> ip.echoRequest(1, 2).payload(size);
            case 3 ->
                ip.icmp(six ? random.nextInt(160) : random.nextInt(20), random.nextInt(8))
                        .payload(size);
            case 4 -> ip.protocol(random.nextInt(256), 1, 2, 3, 4).payload(size);
            case 5 -> {
                if (six) {
                    ip.neighborSolicitation("fd00:3::1").sourceLinkLayer(HOST_MAC);
                } else {
                    ip.tcp(5, 6).payload(40_000);
                }
            }
            case 6 -> {
                if (six) {
                    ip.neighborAdvertisement("fd00:3::2", "SO").targetLinkLayer(HOST_MAC);
                } else {
                    ip.udp(5, 6).payload(30_000);
                }
            }
            default -> {
                if (six) {
                    ip.routerSolicitation().sourceLinkLayer(HOST_MAC);
                } else {
                    ip.icmp(3, 4).quoting(Packets.ip4().udp(1, 2).payload(8).bytes());
                }
            }
        }
        return ip;
    }

    private <T> T pick(List<T> of) {
        return of.get(random.nextInt(of.size()));
    }

    private byte[] packet(boolean ethernet) {
        int kind = random.nextInt(20);
        if (kind == 0) {
            byte[] noise = new byte[random.nextInt(200)];
            random.nextBytes(noise);
            return noise;
        }
        byte[] ip = mutate(templates.get(random.nextInt(templates.size())));
        if (!ethernet) {
            return ip;
        }
        if (kind == 1) {
            return mutate(Packets.arpRequest(HOST_MAC, "10.3.0." + random.nextInt(256), "10.3.0.1")
                    .bytes());
        }
        PacketBuilder frame = Packets.ethernet(
                HOST_MAC,
                pick(List.of(
                        ROUTER_MAC,
                        ROUTER_MAC,
                        ROUTER_MAC,
                        ROUTER_MAC,
                        "ff:ff:ff:ff:ff:ff",
                        "33:33:00:00:00:01",
                        "02:00:00:00:00:44")));
        if (random.nextInt(20) == 0) {
            frame.vlan(random.nextInt(3));
        }
        frame.etherType(ip.length > 0 && (ip[0] & 0xf0) == 0x60 ? 0x86dd : 0x0800);
        if (random.nextInt(10) == 0) {
            frame.padding(random.nextInt(50));
        }
        return frame.payload(ip).bytes();
    }

    private byte[] mutate(byte[] original) {
        byte[] bytes = original.clone();
        int changes = random.nextInt(4);
        for (int i = 0; i < changes && bytes.length > 0; i++) {
            int at = random.nextInt(Math.min(bytes.length, 80));
            switch (random.nextInt(5)) {
                case 0 -> bytes[at] = (byte) random.nextInt();
                case 1 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
                case 2 -> bytes = Arrays.copyOf(bytes, random.nextInt(bytes.length + 1));
                case 3 -> bytes = Arrays.copyOf(bytes, bytes.length + random.nextInt(64));
                default -> bytes[at] = (byte) (random.nextBoolean() ? 0xff : 0);
            }
        }
        if (bytes.length >= 20 && (bytes[0] & 0xf0) == 0x40 && random.nextInt(4) != 0) {
            repairIp4(bytes);
        }
        return bytes;
    }

    /** Makes an IPv4 header pass its first checks, so that what is behind them is reached. */
    private static void repairIp4(byte[] bytes) {
        int header = Math.min((bytes[0] & 15) * 4, bytes.length & ~1);
        bytes[2] = (byte) (bytes.length >> 8);
        bytes[3] = (byte) bytes.length;
        bytes[10] = 0;
        bytes[11] = 0;
        int sum = ~sum(bytes, 0, header) & 0xffff;
        bytes[10] = (byte) (sum >> 8);
        bytes[11] = (byte) sum;
    }

    /** Offload state as a device may claim it, sense or nonsense. */
    private Consumer<PacketBuffer> offloads() {
        if (random.nextInt(3) != 0) {
            return packet -> {};
        }
        int start = random.nextBoolean() ? random.nextInt(80) : random.nextInt(65_536);
        int offset = pick(List.of(0, 6, 16, random.nextInt(65_536)));
        boolean partial = random.nextInt(4) != 0;
        PacketBuffer.Gso gso = PacketBuffer.Gso.values()[random.nextInt(PacketBuffer.Gso.values().length)];
        int size = pick(List.of(0, 1, 8, 536, 1448, 65_535, random.nextInt(65_536)));
        boolean ecn = random.nextBoolean();
        return packet -> {
            // A checksum field outside the packet is refused where the virtio header is read.
            if (partial && packet.start() + start + offset + 2 <= packet.end()) {
                packet.setPartialChecksum(packet.start() + start, offset);
            }
            packet.setGso(gso, size, ecn);
        };
    }
}
