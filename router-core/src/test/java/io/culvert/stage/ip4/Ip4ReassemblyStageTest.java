// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.ip4;

import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.packet.PacketBuffer;
import io.culvert.stage.TestRouter;
import io.culvert.stage.ip4.Ip4ReassemblyStage.Count;
import io.culvert.stage.ip4.Ip4ReassemblyStage.Out;
import io.culvert.testkit.PacketBuilder;
import io.culvert.testkit.Packets;
import io.culvert.testkit.StageHarness;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class Ip4ReassemblyStageTest {
    private static final long SEED = 0x5eed_5;

    private StageHarness harness =
            TestRouter.around(Ip4ReassemblyStage.DESCRIPTOR).harness();

    @AfterEach
    void everyPacketIsAccountedForAndNoneKeptBeyondTheEnd() {
        harness.stop();
        harness.assertBalanced();
    }

    private static PacketBuilder toRouter() {
        return Packets.ip4().from("192.168.1.10").to("192.168.1.1").id(4711);
    }

    /** The fragment of a whole packet that holds its payload from one byte to another. */
    private static byte[] part(byte[] whole, int from, int to) {
        int header = (whole[0] & 0xf) * 4;
        boolean more = to < whole.length - header;
        int end = Math.min(to, whole.length - header);
        PacketBuilder builder = toRouter().ttl(whole[8] & 0xff).id((whole[4] & 0xff) << 8 | whole[5] & 0xff);
        if (header > 20 && from == 0) {
            int[] options = new int[header - 20];
            for (int i = 0; i < options.length; i++) {
                options[i] = whole[20 + i] & 0xff;
            }
            builder.options(options);
        }
        return builder.fragment(from, more)
                .nextProtocol(whole[9] & 0xff)
                .payload(Arrays.copyOfRange(whole, header + from, header + end))
                .bytes();
    }

    private static List<byte[]> parts(byte[] whole, int size) {
        List<byte[]> parts = new ArrayList<>();
        for (int from = 0; from < whole.length - (whole[0] & 0xf) * 4; from += size) {
            parts.add(part(whole, from, from + size));
        }
        return parts;
    }

    private void receive(byte[] packet) {
        harness.process(harness.packet(packet));
    }

    @Test
    void passesWhatIsWhole() {
        byte[] packet = toRouter().df().udp(1, 2).payload(5).bytes();
        receive(packet);
        assertThat(harness.single(Out.NEXT).toByteArray()).isEqualTo(packet);
    }

    @Test
    void leavesFragmentsToTheKernelWhenThereIsOne() {
        harness = TestRouter.withKernel(Ip4ReassemblyStage.DESCRIPTOR).harness();
        byte[] fragment = toRouter().fragment(8, true).payload(8).bytes();
        receive(fragment);
        assertThat(harness.single(Out.NEXT).toByteArray()).isEqualTo(fragment);
    }

    /** A ping of 4000 bytes, as landscape's "fragmented echo to us" has it. */
    @Test
    void putsAnEchoRequestTogether() {
        byte[] whole = toRouter().echoRequest(7, 1).payload(4000).bytes();
        parts(whole, 1480).forEach(this::receive);

        PacketBuffer packet = harness.single(Out.NEXT);
        assertThat(packet.toByteArray()).isEqualTo(whole);
        assertThat(packet.l3Offset()).isEqualTo(packet.start());
        assertThat(packet.l4Offset()).isEqualTo(packet.start() + 20);
        assertThat(packet.receiveInterface()).isZero();
        assertThat(harness.consumed()).isEqualTo(2);
        assertThat(harness.counted(Count.FRAGMENTS)).isEqualTo(3);
        assertThat(harness.counted(Count.REASSEMBLED)).isEqualTo(1);
    }

    @Test
    void putsFragmentsTogetherInAnyOrderAndSize() {
        SplittableRandom random = new SplittableRandom(SEED);
        for (int round = 0; round < 400; round++) {
            PacketBuilder builder = toRouter().id(round);
            if (random.nextInt(3) == 0) {
                builder.options(0x94, 4, 0, 0, 7, 7, 4, 0, 0, 0, 0);
            }
            byte[] whole = builder.udp(1, 2).payload(random.nextInt(9, 65_000)).bytes();
            List<byte[]> parts = parts(whole, Math.max(16, random.nextInt(whole.length / 40, whole.length)) & ~7);
            Collections.shuffle(parts, new Random(SEED + round));
            parts.forEach(this::receive);

            assertThat(harness.single(Out.NEXT).toByteArray())
                    .as("seed %d round %d", SEED, round)
                    .isEqualTo(whole);
            harness.clear();
        }
    }

    @Test
    void putsTheLargestDatagramTogether() {
        byte[] whole = toRouter().echoRequest(7, 1).payload(65_535 - 28).bytes();
        List<byte[]> parts = parts(whole, 1480);
        Collections.reverse(parts);
        parts.forEach(this::receive);
        assertThat(harness.single(Out.NEXT).toByteArray()).isEqualTo(whole);
    }

    @Test
    void keepsDatagramsApart() {
        byte[] one = toRouter().id(1).udp(1, 2).payload(3000).bytes();
        byte[] other = toRouter().id(2).udp(1, 2).payload(3000).bytes();
        List<byte[]> ofOne = parts(one, 1480);
        List<byte[]> ofOther = parts(other, 1480);
        for (int i = 0; i < ofOne.size(); i++) {
            receive(ofOne.get(i));
            receive(ofOther.get(i));
        }
        assertThat(harness.out(Out.NEXT).get(0).toByteArray()).isEqualTo(one);
        assertThat(harness.out(Out.NEXT).get(1).toByteArray()).isEqualTo(other);
    }

    /** RFC 791 section 3.2: source, destination, protocol and identification; and the VRF. */
    @Test
    void takesOnlyFragmentsOfOneDatagramForOne() {
        byte[] first = toRouter().fragment(0, true).nextProtocol(17).payload(8).bytes();
        PacketBuilder last = toRouter().fragment(8, false).nextProtocol(17).payload(8);
        receive(first);
        receive(toRouter().id(1).fragment(8, false).nextProtocol(17).payload(8).bytes());
        receive(toRouter()
                .from("192.168.1.11")
                .fragment(8, false)
                .nextProtocol(17)
                .payload(8)
                .bytes());
        receive(toRouter()
                .to("10.0.0.1")
                .fragment(8, false)
                .nextProtocol(17)
                .payload(8)
                .bytes());
        receive(toRouter().fragment(8, false).nextProtocol(1).payload(8).bytes());
        PacketBuffer ofAnotherVrf = harness.packet(last.bytes());
        ofAnotherVrf.setVrf(1);
        harness.process(ofAnotherVrf);
        assertThat(harness.out(Out.NEXT)).isEmpty();

        receive(last.bytes());
        assertThat(harness.out(Out.NEXT)).hasSize(1);
    }

    @Test
    void believesNoDeviceAboutTheWholeAndForgetsNoLinkBroadcast() {
        PacketBuffer first = harness.packet(
                toRouter().fragment(0, true).nextProtocol(17).payload(8).bytes());
        PacketBuffer last = harness.packet(
                toRouter().fragment(8, false).nextProtocol(17).payload(8).bytes());
        first.setChecksum(PacketBuffer.Checksum.VALID);
        last.setLinkBroadcast(true);
        harness.process(first, last);

        assertThat(harness.single(Out.NEXT).checksum()).isEqualTo(PacketBuffer.Checksum.UNVERIFIED);
        assertThat(harness.single(Out.NEXT).linkBroadcast()).isTrue();
    }

    @Test
    void dropsADuplicateAndGoesOn() {
        byte[] whole = toRouter().udp(1, 2).payload(3000).bytes();
        List<byte[]> parts = parts(whole, 1480);
        receive(parts.get(0));
        receive(parts.get(0));
        receive(part(whole, 8, 16));
        receive(parts.get(2));
        receive(parts.get(2));
        receive(parts.get(1));

        assertThat(harness.dropped("duplicate-fragment")).isEqualTo(3);
        assertThat(harness.single(Out.NEXT).toByteArray()).isEqualTo(whole);
    }

    /** The teardrop attack and its like. */
    @Test
    void dropsADatagramWhoseFragmentsOverlap() {
        byte[] whole = toRouter().udp(1, 2).payload(3000).bytes();
        receive(part(whole, 0, 1480));
        receive(part(whole, 2960, 4000));
        receive(part(whole, 1472, 2960));

        assertThat(harness.dropped("overlapping-fragment")).isEqualTo(2);
        assertThat(harness.out(Out.NEXT)).isEmpty();
        receive(part(whole, 0, 1480));
        receive(part(whole, 1480, 2960));
        receive(part(whole, 2960, 4000));
        assertThat(harness.single(Out.NEXT).toByteArray()).isEqualTo(whole);
    }

    @Test
    void dropsFragmentsThatMakeNoSense() {
        receive(toRouter().fragment(0, true).nextProtocol(17).payload(9).bytes());
        receive(toRouter().fragment(0, true).nextProtocol(17).bytes());
        receive(toRouter().fragment(1480, false).nextProtocol(17).bytes());
        assertThat(harness.dropped("bad-fragment")).isEqualTo(3);
    }

    /** The ping of death. */
    @Test
    void dropsFragmentsBeyondTheLargestDatagram() {
        receive(toRouter().fragment(65_528, false).nextProtocol(1).payload(100).bytes());
        assertThat(harness.dropped("bad-fragment")).isEqualTo(1);

        receive(toRouter()
                .id(1)
                .fragment(65_504, false)
                .nextProtocol(1)
                .payload(11)
                .bytes());
        receive(toRouter()
                .id(1)
                .fragment(0, true)
                .options(7, 7, 4, 0, 0, 0, 0)
                .nextProtocol(1)
                .payload(65_472)
                .bytes());
        receive(toRouter()
                .id(1)
                .fragment(65_472, true)
                .nextProtocol(1)
                .payload(32)
                .bytes());
        assertThat(harness.dropped("bad-fragment")).isEqualTo(2);
        assertThat(harness.out(Out.NEXT)).isEmpty();
    }

    @Test
    void dropsADatagramWhoseFragmentsDisagreeAboutItsEnd() {
        receive(toRouter().fragment(16, false).nextProtocol(17).payload(8).bytes());
        receive(toRouter().fragment(24, true).nextProtocol(17).payload(8).bytes());
        assertThat(harness.dropped("bad-fragment")).isEqualTo(2);

        receive(toRouter().fragment(24, true).nextProtocol(17).payload(8).bytes());
        receive(toRouter().fragment(8, false).nextProtocol(17).payload(8).bytes());
        assertThat(harness.dropped("bad-fragment")).isEqualTo(4);

        receive(toRouter().fragment(16, false).nextProtocol(17).payload(8).bytes());
        receive(toRouter().fragment(8, false).nextProtocol(17).payload(8).bytes());
        assertThat(harness.dropped("bad-fragment")).isEqualTo(6);
    }

    /** RFC 1858 section 3, RFC 3128. */
    @Test
    void dropsFragmentsThatCutATcpHeader() {
        receive(toRouter().fragment(0, true).nextProtocol(6).payload(8).bytes());
        receive(toRouter().fragment(8, false).nextProtocol(6).payload(64).bytes());
        assertThat(harness.dropped("tiny-fragment")).isEqualTo(2);
    }

    /** RFC 792: code 1, and only when the first fragment has come (RFC 1122 section 3.3.2). */
    @Test
    void tellsTheSenderWhenTimeIsUp() {
        byte[] whole = toRouter().udp(1, 2).payload(4000).bytes();
        byte[] first = part(whole, 0, 1480);
        receive(part(whole, 1480, 2960));
        harness.advanceMillis(29_000);
        receive(first);
        harness.advanceMillis(999);
        assertThat(harness.out(Out.ERROR)).isEmpty();
        harness.advanceMillis(1);

        PacketBuffer packet = harness.single(Out.ERROR);
        assertThat(packet.icmpType()).isEqualTo(11);
        assertThat(packet.icmpCode()).isEqualTo(1);
        assertThat(packet.toByteArray()).isEqualTo(first);
        assertThat(harness.counted(Count.TIMED_OUT)).isEqualTo(1);
    }

    @Test
    void isSilentWhenTheFirstFragmentNeverCame() {
        receive(toRouter().fragment(1480, false).nextProtocol(17).payload(8).bytes());
        harness.advanceMillis(30_000);
        assertThat(harness.dropped("timed-out")).isEqualTo(1);
        assertThat(harness.out(Out.ERROR)).isEmpty();
    }

    @Test
    void timesEachDatagramByItself() {
        for (int i = 0; i < 3; i++) {
            receive(toRouter()
                    .id(i)
                    .fragment(1480, false)
                    .nextProtocol(17)
                    .payload(8)
                    .bytes());
            harness.advanceMillis(10_000);
        }
        assertThat(harness.dropped("timed-out")).isEqualTo(1);
        harness.advanceMillis(10_000);
        assertThat(harness.dropped("timed-out")).isEqualTo(2);
        harness.advanceMillis(10_000);
        assertThat(harness.dropped("timed-out")).isEqualTo(3);
    }

    @Test
    void holdsABoundedNumberAndLetsTheOldestGo() {
        byte[] whole = toRouter().id(0).udp(1, 2).payload(100).bytes();
        receive(part(whole, 0, 16));
        for (int i = 1; i < 1000; i++) {
            harness.advanceMillis(1);
            receive(toRouter()
                    .id(i)
                    .fragment(1480, false)
                    .nextProtocol(17)
                    .payload(8)
                    .bytes());
            assertThat(harness.pool().outstanding()).isLessThanOrEqualTo(64);
        }
        assertThat(harness.dropped("table-full")).isEqualTo(1000 - 64);
        receive(part(whole, 16, 108));
        assertThat(harness.out(Out.NEXT)).isEmpty();
    }

    @Test
    void givesHeldPacketsBackWhenTheLaneStops() {
        receive(toRouter().fragment(1480, false).nextProtocol(17).payload(8).bytes());
        harness.stop();
        assertThat(harness.dropped("stopped")).isEqualTo(1);
    }
}
