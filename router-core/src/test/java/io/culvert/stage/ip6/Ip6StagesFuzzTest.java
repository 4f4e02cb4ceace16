// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.ip6;

import static io.culvert.stage.TestRouter6.KERNEL;
import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.packet.PacketBuffer;
import io.culvert.spi.OutPort;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.Target;
import io.culvert.stage.TestRouter6;
import io.culvert.stage.icmp.Icmp6EchoStage;
import io.culvert.stage.icmp.Icmp6ErrorStage;
import io.culvert.stage.nd.NdInputStage;
import io.culvert.testkit.PacketBuilder;
import io.culvert.testkit.Packets;
import io.culvert.testkit.StageHarness;
import io.culvert.wire.HeaderCheck;
import io.culvert.wire.Icmp6View;
import io.culvert.wire.Ip6ExtensionChain;
import io.culvert.wire.Ip6View;
import io.culvert.wire.IpProtocol;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * All stages of the IPv6 path, joined as their outputs say, fed with mutated packets: no stage throws or loses a packet,
 * everything that leaves is well-formed and fits, and nothing goes round for ever.
 */
final class Ip6StagesFuzzTest {
    private static final int PACKETS = 50_000;
    private static final int MOST_STEPS = 40;
    /** Of the test router's interfaces. */
    private static final int[] MTU = {1500, 1400, 1280};

    private static final List<StageDescriptor> STAGES = List.of(
            Ip6InputStage.DESCRIPTOR,
            Ip6LookupStage.DESCRIPTOR,
            Ip6HopLimitStage.DESCRIPTOR,
            Ip6RedirectStage.DESCRIPTOR,
            Ip6MtuStage.DESCRIPTOR,
            Ip6ReassemblyStage.DESCRIPTOR,
            Ip6LocalPoliceStage.DESCRIPTOR,
            Ip6LocalStage.DESCRIPTOR,
            Ip6RefuseStage.DESCRIPTOR,
            Icmp6ErrorStage.DESCRIPTOR,
            Icmp6EchoStage.DESCRIPTOR,
            NdInputStage.DESCRIPTOR);

    private record Step(String stage, PacketBuffer packet) {}

    private final Map<String, StageHarness> stages = new LinkedHashMap<>();
    private int left;

    private void build(boolean kernel) {
        for (StageDescriptor stage : STAGES) {
            TestRouter6 router = kernel ? TestRouter6.withKernel(stage) : TestRouter6.around(stage);
            stages.put(stage.id(), router.harness());
            if (stage.keys().stream().anyMatch(key -> key.key().equals("rate-limit"))) {
                router.harness().setting("rate-limit", "off");
            }
        }
    }

    @Test
    void survivesMutatedPackets() {
        run(false);
    }

    @Test
    void survivesMutatedPacketsInFrontOfAKernel() {
        run(true);
    }

    private void run(boolean kernel) {
        build(kernel);
        long seed = System.nanoTime();
        System.out.println("seed " + seed);
        Random random = new Random(seed);
        for (int i = 0; i < PACKETS; i++) {
            byte[] bytes = mutate(seedPacket(random).bytes(), random);
            int receivedOn = random.nextInt(kernel ? KERNEL + 1 : KERNEL);
            try {
                pass(bytes, receivedOn, random);
            } catch (RuntimeException | AssertionError failure) {
                throw new AssertionError("seed " + seed + ", packet " + i, failure);
            }
        }
        assertThat(left).as("packets that left").isPositive();
        stages.values().forEach(stage -> {
            stage.stop();
            assertThat(stage.pool().outstanding()).isZero();
        });
    }

    private static PacketBuilder seedPacket(Random random) {
        String[] sources = {"fd00:1::10", "fe80::10", "::", "2001:db8:9::9", "fd00:1::1"};
        String[] destinations = {
            "fd00:1::1", "fe80::1", "ff02::1", "ff02::1:ff00:1", "2001:db8:9::1", "fd00:3::9", "fd00:1::20"
        };
        PacketBuilder packet = Packets.ip6()
                .from(sources[random.nextInt(sources.length)])
                .to(destinations[random.nextInt(destinations.length)])
                .hopLimit(new int[] {1, 2, 64, 255}[random.nextInt(4)]);
        for (int i = random.nextInt(3); i > 0; i--) {
            switch (random.nextInt(5)) {
                case 0 -> packet.hopByHop(5, 2, 0, 0);
                case 1 -> packet.destinationOptions(random.nextInt(256), 2, 0, 0);
                case 2 -> packet.routing(random.nextInt(5), random.nextInt(2));
                case 3 -> packet.fragmentHeader(8 * random.nextInt(4), random.nextBoolean(), random.nextInt(3));
                default -> packet.authentication();
            }
        }
        int size = random.nextInt(8) == 0 ? random.nextInt(3000) : random.nextInt(64);
        return switch (random.nextInt(9)) {
            case 0 -> packet.udp(1, 53).payload(size);
            case 1 -> packet.tcp(1, 80).flags("S").payload(size);
            case 2 -> packet.echoRequest(1, 2).payload(size);
            case 3 -> packet.icmp(random.nextInt(5), 0).payload(size);
            case 4 -> packet.neighborSolicitation("fd00:1::1").sourceLinkLayer("02:aa:00:00:00:01");
            case 5 -> packet.neighborAdvertisement("fd00:1::10", "SO").targetLinkLayer("02:aa:00:00:00:01");
            case 6 -> packet.routerSolicitation();
            case 7 -> packet.nextProtocol(random.nextInt(256)).payload(size);
            default -> packet.protocol(132, 1, 2, 3, 4);
        };
    }

    private static byte[] mutate(byte[] bytes, Random random) {
        byte[] mutated = bytes.clone();
        for (int i = random.nextInt(4); i > 0; i--) {
            int at = random.nextBoolean() ? random.nextInt(mutated.length) : random.nextInt(48) % mutated.length;
            mutated[at] = (byte) (random.nextBoolean() ? random.nextInt(256) : mutated[at] ^ 1 << random.nextInt(8));
        }
        if (random.nextInt(8) == 0) {
            mutated = Arrays.copyOf(mutated, random.nextInt(mutated.length + 8));
        }
        return mutated;
    }

    private void pass(byte[] bytes, int receivedOn, Random random) {
        Deque<Step> todo = new ArrayDeque<>();
        StageHarness input = stage("ip6-input");
        byte[] frame = new byte[14 + bytes.length];
        System.arraycopy(bytes, 0, frame, 14, bytes.length);
        PacketBuffer first = input.packet(frame);
        first.setL2Offset(first.start());
        first.trimFront(14);
        first.setL3Offset(first.start());
        first.setReceiveInterface(receivedOn);
        first.setLinkBroadcast(random.nextInt(8) == 0);
        todo.add(new Step("ip6-input", first));
        for (int steps = 0; !todo.isEmpty(); steps++) {
            assertThat(steps).as("stages run for one packet").isLessThan(MOST_STEPS);
            Step step = todo.remove();
            StageHarness harness = stage(step.stage());
            harness.process(step.packet());
            for (StageDescriptor stage : STAGES) {
                if (stage.id().equals(step.stage())) {
                    for (OutPort port : stage.outputs()) {
                        for (PacketBuffer out : harness.out(port)) {
                            follow(out, stage, port.target(), todo);
                        }
                    }
                }
            }
            harness.clear();
            harness.signals().lines().clear();
        }
    }

    private StageHarness stage(String id) {
        StageHarness harness = stages.get(id);
        assertThat(harness).as(id).isNotNull();
        return harness;
    }

    private void follow(PacketBuffer packet, StageDescriptor from, Target target, Deque<Step> todo) {
        String next = nextOf(from, target);
        if (stages.containsKey(next)) {
            todo.add(new Step(next, copy(packet, stage(next))));
            return;
        }
        left++;
        if (next.equals("l2-output")) {
            assertSound(packet);
        }
    }

    /** The order of the stages on their arcs, as the graph makes it. */
    private static String nextOf(StageDescriptor from, Target target) {
        if (target instanceof Target.StageById stage) {
            return stage.id();
        } else if (target instanceof Target.Recirculate stage) {
            return stage.id();
        } else if (target instanceof Target.ArcStart start) {
            return switch (start.arc()) {
                case IP6_FORWARD -> "ip6-hop-limit";
                case IP6_OUTPUT -> "ip6-mtu";
                case IP6_LOCAL -> "ip6-reassembly";
                default -> start.arc().id();
            };
        }
        return switch (from.id()) {
            case "ip6-input" -> "ip6-lookup";
            case "ip6-hop-limit" -> "ip6-redirect";
            case "ip6-redirect" -> "ip6-mtu";
            case "ip6-mtu" -> "l2-output";
            case "ip6-reassembly" -> "ip6-local-police";
            case "ip6-local-police" -> "ip6-local";
            default -> throw new AssertionError(from.id() + " has no next");
        };
    }

    private static PacketBuffer copy(PacketBuffer packet, StageHarness to) {
        PacketBuffer copy = to.packet(new byte[0]);
        copy.setWindow(packet.start(), packet.length());
        int head = Math.max(0, packet.start() - 64);
        copy.copyFrom(packet, head, head, packet.end() - head);
        copy.copyRoutingFrom(packet);
        copy.setL2Offset(packet.l2Offset());
        copy.setL3Offset(packet.l3Offset());
        copy.setL4Offset(packet.l4Offset());
        copy.setIcmpError(packet.icmpType(), packet.icmpCode(), packet.icmpValue());
        return copy;
    }

    private static void assertSound(PacketBuffer packet) {
        Ip6View ip = new Ip6View().wrap(packet, packet.start());
        assertThat(ip.check()).isEqualTo(HeaderCheck.OK);
        assertThat(ip.end()).isEqualTo(packet.end());
        assertThat(packet.l3Offset()).isEqualTo(packet.start());
        assertThat(packet.transmitInterface()).isBetween(0, KERNEL - 1);
        assertThat(packet.length()).isLessThanOrEqualTo(MTU[packet.transmitInterface()]);
        if (packet.generated()) {
            Ip6ExtensionChain chain = new Ip6ExtensionChain();
            chain.walk(ip);
            if (!chain.isFragment() && chain.upperProtocol() == IpProtocol.ICMP6) {
                assertThat(new Icmp6View().wrap(packet, chain.upperOffset()).check(ip))
                        .isEqualTo(HeaderCheck.OK);
            }
        } else if (packet.receiveInterface() != KERNEL) {
            assertThat(ip.sourceHigh() >>> 54)
                    .as("link-local source in transit")
                    .isNotEqualTo(0x3fa);
            assertThat(ip.destinationHigh() >>> 54)
                    .as("link-local destination in transit")
                    .isNotEqualTo(0x3fa);
        }
    }
}
