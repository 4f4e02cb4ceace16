// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.local;

import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.packet.PacketBuffer;
import io.culvert.spi.Arc;
import io.culvert.spi.Target;
import io.culvert.stage.local.LocalDeliveryStage.Out;
import io.culvert.testkit.InterfaceBuilder;
import io.culvert.testkit.PacketBuilder;
import io.culvert.testkit.Packets;
import io.culvert.testkit.StageHarness;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class LocalDeliveryStageTest {
    private static final int HOST = 1;

    private final StageHarness harness = StageHarness.of(LocalDeliveryStage.DESCRIPTOR)
            .interfaces(
                    InterfaceBuilder.ethernet(0).address("10.0.0.1/24").build(),
                    InterfaceBuilder.localDelivery(HOST).build());

    @AfterEach
    void everyPacketIsAccountedFor() {
        harness.assertBalanced();
    }

    private PacketBuffer received(PacketBuilder packet) {
        PacketBuffer received = packet.take(harness.pool());
        received.setReceiveInterface(0);
        return received;
    }

    /** What the kernel must get for a packet: the frame to its side of the TAP. */
    private static byte[] frame(PacketBuilder framed) {
        return framed.bytes();
    }

    private static PacketBuilder toKernel() {
        return Packets.ethernet("02:00:00:00:00:01", "02:00:00:00:01:01");
    }

    @Test
    void standsOnNoArcAndLeadsToTheDevice() {
        assertThat(LocalDeliveryStage.DESCRIPTOR.arc()).isNull();
        assertThat(Out.KERNEL.target()).isEqualTo(Target.arc(Arc.DEVICE_OUTPUT));
    }

    @Test
    void framesIp4ForTheKernel() {
        harness.process(received(Packets.ip4().to("10.0.0.1").tcp(40000, 80).flags("S")));

        PacketBuffer out = harness.single(Out.KERNEL);
        assertThat(out.toByteArray())
                .isEqualTo(frame(toKernel().ip4().to("10.0.0.1").tcp(40000, 80).flags("S")));
        assertThat(out.transmitInterface()).isEqualTo(HOST);
        assertThat(out.l2Offset()).isEqualTo(out.start());
        assertThat(out.l3Offset()).isEqualTo(out.start() + 14);
        assertThat(out.receiveInterface()).isZero();
    }

    @Test
    void framesIp6ForTheKernel() {
        harness.process(received(Packets.ip6().udp(1, 2).payload(9)));

        assertThat(harness.single(Out.KERNEL).toByteArray())
                .isEqualTo(frame(toKernel().ip6().udp(1, 2).payload(9)));
    }

    @Test
    void broadcastsAndMulticastsGoToTheKernelsOwnAddressToo() {
        harness.process(
                received(Packets.ip4().to("255.255.255.255").udp(68, 67)),
                received(Packets.ip4().to("224.0.0.5").protocol(89, 2, 1)),
                received(Packets.ip6().to("ff02::5").protocol(89, 3, 1)));

        assertThat(harness.out(Out.KERNEL))
                .extracting(packet -> packet.bytes().getInt(packet.start()))
                .containsOnly(0x02000000);
        assertThat(harness.out(Out.KERNEL)).hasSize(3);
    }

    @Test
    void superpacketsAndUnfinishedChecksumsStayAsTheyAre() {
        PacketBuffer packet = received(
                Packets.ip4().to("10.0.0.1").tcp(1, 2).partialChecksum().payload(5000));
        packet.setGso(PacketBuffer.Gso.TCP4, 1448, false);
        int checksumStart = packet.checksumStart();
        harness.process(packet);

        PacketBuffer out = harness.single(Out.KERNEL);
        assertThat(out.gso()).isEqualTo(PacketBuffer.Gso.TCP4);
        assertThat(out.checksum()).isEqualTo(PacketBuffer.Checksum.PARTIAL);
        assertThat(out.checksumStart()).isEqualTo(checksumStart).isEqualTo(out.start() + 14 + 20);
    }

    @Test
    void dropsWithoutALocalDeliveryInterface() {
        harness.interfaces(InterfaceBuilder.ethernet(0).build());
        harness.process(received(Packets.ip4()), received(Packets.ip6()));

        assertThat(harness.dropped("no-local-delivery")).isEqualTo(2);
    }

    @Test
    void dropsWhileTheLocalDeliveryInterfaceIsDown() {
        harness.interfaces(
                InterfaceBuilder.ethernet(0).build(),
                InterfaceBuilder.localDelivery(HOST).down().build());
        harness.process(received(Packets.ip4()));

        assertThat(harness.dropped("no-local-delivery")).isEqualTo(1);
    }

    @Test
    void dropsWhatIsNotIp() {
        harness.process(received(Packets.ip4().version(5)), harness.packet(new byte[0]));

        assertThat(harness.dropped("not-ip")).isEqualTo(2);
    }
}
