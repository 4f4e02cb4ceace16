// SPDX-License-Identifier: Apache-2.0
package io.culvert.wire;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import io.culvert.packet.BufferPool;
import io.culvert.packet.PacketBuffer;
import io.culvert.testkit.Packets;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/**
 * The contract of all views: a check never throws, and after {@link HeaderCheck#OK} no getter throws and none returns a
 * negative number but for an address. The packets end where their memory ends, so that reading on is an error at once.
 */
final class ViewContractFuzzTest {
    private static final long SEED = 0x5eed;
    private static final int ROUNDS = 20_000;

    /** Getters that hand out all bits of a word: addresses and sums. */
    private static final List<String> ALL_BITS = List.of(
            "source",
            "destination",
            "gateway",
            "senderIp",
            "targetIp",
            "sourceHigh",
            "sourceLow",
            "destinationHigh",
            "destinationLow",
            "targetHigh",
            "targetLow",
            "prefixHigh",
            "prefixLow");

    private final SplittableRandom random = new SplittableRandom(SEED);
    private final PacketBuffer packet =
            Objects.requireNonNull(BufferPool.allocate(1).take());
    private final Ip6View ip6 = new Ip6View();

    private interface Check {
        HeaderCheck at(int offset);
    }

    /** Fills the last bytes of the memory with a valid packet that was then damaged, or with noise. */
    private int fill(byte[][] valid) {
        byte[] bytes = valid[random.nextInt(valid.length)].clone();
        int damage = random.nextInt(4);
        for (int i = 0; i < damage && bytes.length > 0; i++) {
            bytes[random.nextInt(bytes.length)] = (byte) random.nextInt();
        }
        if (random.nextInt(4) == 0) {
            random.nextBytes(bytes);
        }
        int length = random.nextInt(3) == 0 ? random.nextInt(bytes.length + 1) : bytes.length;
        packet.setWindow(packet.capacity() - length, length);
        packet.copyFrom(bytes, 0, packet.start(), length);
        packet.setChecksum(random.nextBoolean() ? PacketBuffer.Checksum.VALID : PacketBuffer.Checksum.UNVERIFIED);
        return packet.start();
    }

    private void run(View view, Check check, byte[]... valid) {
        List<Method> getters = new ArrayList<>();
        for (Method method : view.getClass().getMethods()) {
            boolean getter = method.getParameterCount() == 0
                    && !Modifier.isStatic(method.getModifiers())
                    && (method.getReturnType() == int.class
                            || method.getReturnType() == long.class
                            || method.getReturnType() == boolean.class)
                    && method.getDeclaringClass() != Object.class
                    && !method.getName().equals("hashCode");
            if (getter) {
                getters.add(method);
            }
        }
        assertThat(getters).isNotEmpty();
        int passed = 0;
        for (int round = 0; round < ROUNDS; round++) {
            int start = fill(valid);
            if (check.at(start) != HeaderCheck.OK) {
                continue;
            }
            passed++;
            for (Method getter : getters) {
                try {
                    Object value = getter.invoke(view);
                    if (value instanceof Number number && !ALL_BITS.contains(getter.getName())) {
                        assertThat(number.longValue())
                                .as("%s, seed %d round %d", getter, SEED, round)
                                .isNotNegative();
                    }
                } catch (InvocationTargetException failure) {
                    fail(
                            "%s, seed %d round %d: %s".formatted(getter, SEED, round, Bytes.hex(packet)),
                            failure.getCause());
                } catch (IllegalAccessException impossible) {
                    throw new AssertionError(impossible);
                }
            }
        }
        assertThat(passed).as("rounds that passed the check").isBetween(ROUNDS / 10, ROUNDS - 1);
    }

    @Test
    void linkLayerViewsKeepIt() {
        byte[] frame = Bytes.hex("020000000002 020000000001 88a8 0064 8100 bff1 0800");
        EthernetView ethernet = new EthernetView();
        run(ethernet, at -> ethernet.wrap(packet, at).check(), frame);
        VlanView vlan = new VlanView();
        run(vlan, at -> vlan.wrap(packet, at).check(), Bytes.hex("8100 bff1 0800"));
        ArpView arp = new ArpView();
        run(arp, at -> arp.wrap(packet, at).check(), Bytes.hex("0001 0800 06 04 0002" + "ff".repeat(20)));
    }

    @Test
    void ipViewsKeepIt() {
        byte[] udp = Packets.ip4().udp(1, 2).payload(20).bytes();
        byte[] options = Packets.ip4()
                .options(0x94, 4, 0, 0, 7, 7, 4, 0, 0, 0, 0)
                .tcp(1, 2)
                .bytes();
        Ip4View ip4 = new Ip4View();
        run(ip4, at -> ip4.wrap(packet, at).check(), udp, options);
        run(ip4, at -> ip4.wrap(packet, at).checkQuoted(), udp, options);
        run(
                ip6,
                at -> ip6.wrap(packet, at).check(),
                Packets.ip6().udp(1, 2).payload(20).bytes());
        Ip6FragmentView fragment = new Ip6FragmentView();
        run(fragment, at -> fragment.wrap(packet, at).check(), Bytes.hex("11 00 ffff ffffffff"));
        Ip6RoutingView routing = new Ip6RoutingView();
        run(routing, at -> routing.wrap(packet, at).check(), Bytes.hex("11 02 00 ff" + "ff".repeat(20)));
    }

    @Test
    void transportViewsKeepIt() {
        UdpView udp = new UdpView();
        run(udp, at -> udp.wrap(packet, at).check(), Bytes.hex("ffff ffff 000c ffff 00000000"));
        TcpView tcp = new TcpView();
        run(
                tcp,
                at -> tcp.wrap(packet, at).check(),
                Bytes.hex("ffff ffff ffffffff ffffffff 60ff ffff ffff ffff 00000000"));
        Icmp4View icmp4 = new Icmp4View();
        byte[] echo = Packets.ip4().echoRequest(0xffff, 0xffff).payload(9).bytes();
        run(icmp4, at -> icmp4.wrap(packet, at).check(), Arrays.copyOfRange(echo, 20, echo.length));
    }

    @Test
    void icmp6ViewsKeepIt() {
        Icmp6View icmp = new Icmp6View();
        byte[] echo = Packets.ip6().echoRequest(0xffff, 0xffff).payload(9).bytes();
        run(
                icmp,
                at -> packet.length() < 40
                        ? HeaderCheck.TOO_SHORT
                        : icmp.wrap(packet, at + 40).check(ip6.wrap(packet, at)),
                echo);
        for (byte[] message : neighborDiscovery()) {
            // Each kind of message has getters of its own, so only those that all have are asked: the options.
            NeighborDiscoveryView nd = new NeighborDiscoveryView();
            for (int round = 0; round < ROUNDS; round++) {
                int start = fill(new byte[][] {message});
                if (packet.length() >= 40
                        && nd.wrap(packet, start + 40).check(ip6.wrap(packet, start)) == HeaderCheck.OK) {
                    NdOptions options = new NdOptions().wrap(packet, nd.optionsOffset());
                    while (options.next()) {
                        assertThat(options.offset() + options.length()).isLessThanOrEqualTo(packet.end());
                    }
                    assertThat(options.malformed()).isFalse();
                    assertThat(nd.linkLayerAddress(NdOptions.SOURCE_LINK_LAYER)).isGreaterThanOrEqualTo(-1);
                }
            }
        }
    }

    private static byte[][] neighborDiscovery() {
        return new byte[][] {
            Packets.ip6().from("fe80::1").routerSolicitation().bytes(),
            Packets.ip6()
                    .from("fe80::1")
                    .routerAdvertisement(255, 0xffff)
                    .sourceLinkLayer("ff:ff:ff:ff:ff:ff")
                    .bytes(),
            Packets.ip6()
                    .from("fe80::1")
                    .neighborSolicitation("fe80::2")
                    .sourceLinkLayer("ff:ff:ff:ff:ff:ff")
                    .bytes(),
            Packets.ip6()
                    .from("fe80::1")
                    .neighborAdvertisement("fe80::2", "O")
                    .targetLinkLayer("ff:ff:ff:ff:ff:ff")
                    .bytes(),
            Packets.ip6()
                    .from("fe80::1")
                    .redirect("fe80::2", "fd00::9")
                    .targetLinkLayer("ff:ff:ff:ff:ff:ff")
                    .bytes()
        };
    }

    @Test
    void optionWalksStayInsideAndEnd() {
        byte[] ip4Header = Packets.ip4()
                .options(0x94, 4, 0, 0, 7, 7, 4, 0, 0, 0, 0, 1, 0x44, 5, 5, 0, 0)
                .bytes();
        byte[] ip6Header = Packets.ip6()
                .hopByHop(5, 2, 0, 0, 0xc2, 4, 0, 0, 0, 0)
                .fragmentHeader(0, true, 1)
                .routing(4, 0)
                .destinationOptions(0x3e, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9)
                .udp(1, 2)
                .bytes();
        Ip4View ip4 = new Ip4View();
        Ip4Options options4 = new Ip4Options();
        Ip6ExtensionChain chain = new Ip6ExtensionChain();
        Ip6OptionsView options6 = new Ip6OptionsView();
        for (int round = 0; round < 5 * ROUNDS; round++) {
            int start = fill(new byte[][] {ip4Header});
            if (ip4.wrap(packet, start).checkQuoted() == HeaderCheck.OK) {
                options4.wrap(ip4);
                while (options4.next()) {
                    assertThat(options4.offset() + options4.length()).isLessThanOrEqualTo(ip4.payloadOffset());
                }
                assertThat(FlowHash.ip4(ip4)).isNotZero();
            }
            start = fill(new byte[][] {ip6Header});
            if (ip6.wrap(packet, start).checkQuoted() == HeaderCheck.OK) {
                chain.walk(ip6);
                for (int i = 0; i < chain.count(); i++) {
                    options6.wrap(packet, chain.offset(i));
                    boolean hasOptions =
                            chain.type(i) == IpProtocol.HOP_BY_HOP || chain.type(i) == IpProtocol.DESTINATION_OPTIONS;
                    while (hasOptions && options6.next()) {
                        assertThat(options6.dataOffset() + options6.dataLength())
                                .isLessThanOrEqualTo(packet.end());
                    }
                }
                assertThat(FlowHash.ip6(ip6, chain)).isNotZero();
            }
        }
    }
}
