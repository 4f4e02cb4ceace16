// SPDX-License-Identifier: Apache-2.0
package io.culvert.iface;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.culvert.packet.BufferPool;
import io.culvert.packet.PacketBuffer;
import io.culvert.spi.RouterInterface.Offloads;
import io.culvert.stage.offload.DeviceOffloadStage;
import io.culvert.testkit.InterfaceBuilder;
import io.culvert.testkit.StageHarness;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.slf4j.LoggerFactory;

/** Kernels that cut superpackets rightly, and in many ways wrongly, are told apart. */
final class OffloadTestTest {
    private static final Offloads ALL = new Offloads(true, true, true, true);

    /** A kernel that works as the router's own stage does, but for what a test makes of each packet's segments. */
    private static final class ScriptedKernel implements OffloadTest.Bench {
        private final UnaryOperator<List<byte[]>> wrong;
        private final Deque<byte[]> out = new ArrayDeque<>();

        ScriptedKernel(UnaryOperator<List<byte[]>> wrong) {
            this.wrong = wrong;
        }

        @Override
        public boolean ethernet() {
            return false;
        }

        @Override
        public long destinationMac() {
            return 0;
        }

        @Override
        public boolean send(PacketBuffer packet) {
            StageHarness harness = StageHarness.of(DeviceOffloadStage.DESCRIPTOR)
                    .interfaces(InterfaceBuilder.pointToPoint(0).build());
            PacketBuffer copy = Objects.requireNonNull(harness.pool().take());
            copy.setWindow(packet.start(), packet.length());
            copy.copyFrom(packet, packet.start(), copy.start(), packet.length());
            copy.setL3Offset(packet.l3Offset());
            if (packet.checksum() == PacketBuffer.Checksum.PARTIAL) {
                copy.setPartialChecksum(packet.checksumStart(), packet.checksumOffset());
            }
            copy.setGso(packet.gso(), packet.gsoSize(), packet.gsoEcn());
            copy.setTransmitInterface(0);
            harness.process(copy);
            List<byte[]> segments = new ArrayList<>();
            harness.outputs().values().forEach(port -> port.forEach(one -> segments.add(one.toByteArray())));
            out.addAll(wrong.apply(segments));
            return true;
        }

        @Override
        public byte @Nullable [] receive(int timeoutMs) {
            return out.poll();
        }
    }

    private static OffloadTest.Findings test(OffloadTest.Bench bench) throws IOException {
        return new OffloadTest(bench, BufferPool.allocate(1)).run();
    }

    @Test
    void trustsAKernelThatDoesEverythingRight() throws IOException {
        OffloadTest.Findings findings = test(new ScriptedKernel(segments -> segments));
        assertThat(findings.wrong()).isEmpty();
        assertThat(findings.right()).isEqualTo(ALL);
    }

    /** Changes one byte of a segment of superpackets, TTL and header checksum left alone. */
    private static UnaryOperator<List<byte[]>> spoilt(boolean ip6, int protocol, int segment, int at, int xor) {
        return segments -> {
            byte[] first = segments.get(0);
            boolean is6 = (first[0] & 0xf0) == 0x60;
            if (segments.size() > 1 && is6 == ip6 && first[is6 ? 6 : 9] == protocol) {
                byte[] bytes = segments.get(segment);
                bytes[at < 0 ? bytes.length + at : at] ^= (byte) xor;
            }
            return segments;
        };
    }

    static Stream<Arguments> faults() {
        return Stream.of(
                Arguments.of("checksum", spoilt(false, 17, 2, 26, 1), "segment 3 of 3 has checksum", ALL_BUT_UDP),
                Arguments.of("length", spoilt(false, 17, 0, 25, 1), "segment 1 of 3 has length", ALL_BUT_UDP),
                Arguments.of("payload", spoilt(true, 17, 3, -1, 1), "segment 4 of 4 has at payload", ALL_BUT_UDP),
                Arguments.of("sequence", spoilt(false, 6, 1, 27, 4), "segment 2 of 3 has sequence", ALL_BUT_TCP4),
                Arguments.of("PSH kept", spoilt(false, 6, 0, 33, 8), "segment 1 of 3 has flags", ALL_BUT_TCP4),
                Arguments.of("CWR repeated", spoilt(true, 6, 1, 53, 0x80), "segment 2 of 3 has flags", ALL_BUT_TCP6),
                Arguments.of("IPv6 length", spoilt(true, 6, 2, 5, 1), "segment 3 of 3 has a wrong IPv6", ALL_BUT_TCP6),
                Arguments.of("IPv4 header", spoilt(false, 6, 0, 10, 1), "wrong IPv4 header checksum", ALL_BUT_TCP4));
    }

    private static final Offloads ALL_BUT_UDP = new Offloads(true, true, true, false);
    private static final Offloads ALL_BUT_TCP4 = new Offloads(true, false, true, true);
    private static final Offloads ALL_BUT_TCP6 = new Offloads(true, true, false, true);

    @ParameterizedTest(name = "{0}")
    @MethodSource("faults")
    void seesWhatIsWrong(String what, UnaryOperator<List<byte[]>> wrong, String seen, Offloads right)
            throws IOException {
        OffloadTest.Findings findings = test(new ScriptedKernel(wrong));
        assertThat(findings.wrong())
                .as(what)
                .singleElement()
                .satisfies(fault -> assertThat(fault.seen()).contains(seen));
        assertThat(findings.right()).isEqualTo(right);
    }

    @Test
    void seesThatOneIdentificationIsUsedTwice() throws IOException {
        OffloadTest.Findings findings = test(new ScriptedKernel(segments -> {
            byte[] first = segments.get(0);
            if (segments.size() > 1 && first[0] == 0x45 && first[9] == 6) {
                // also what the checksums of the first two then differ by: TTL and lengths are the same
                System.arraycopy(first, 4, segments.get(1), 4, 2);
                System.arraycopy(first, 10, segments.get(1), 10, 2);
            }
            return segments;
        }));
        assertThat(findings.wrong())
                .extracting(OffloadTest.Fault::seen)
                .singleElement()
                .asString()
                .contains("segment 2 of 3 has the IPv4 identification of an earlier one");
    }

    @Test
    void seesThatSegmentsOrWholePacketsAreMissing() throws IOException {
        OffloadTest.Findings cut =
                test(new ScriptedKernel(segments -> segments.size() == 4 ? segments.subList(0, 3) : segments));
        assertThat(cut.wrong())
                .containsExactly(new OffloadTest.Fault("UDP over IPv6", "the kernel makes 3 packets of what are 4"));
        OffloadTest.Findings lost = test(new ScriptedKernel(segments -> segments.size() > 1 ? List.of() : segments));
        assertThat(lost.right()).isEqualTo(new Offloads(true, false, false, false));
        assertThat(lost.wrong())
                .hasSize(4)
                .allSatisfy(fault -> assertThat(fault.seen()).isEqualTo("the kernel loses them"));
    }

    @Test
    void aKernelThatLeavesChecksumsOpenIsGivenNothing() throws IOException {
        OffloadTest.Findings findings = test(new ScriptedKernel(segments -> {
            if (segments.get(0).length == 20 + 8 + 333) {
                segments.get(0)[26] ^= 1;
            }
            return segments;
        }));
        assertThat(findings.right()).isEqualTo(Offloads.NONE);
    }

    @Test
    void findsNothingOutWhereNoPacketComesThrough() {
        assertThatThrownBy(() -> test(new ScriptedKernel(segments -> List.of())))
                .isInstanceOf(OffloadTest.NotTestedException.class);
    }

    @Test
    void logsWhatIsWrongOnceAndWithholdsIt() {
        ListAppender<ILoggingEvent> log = new ListAppender<>();
        Logger logger = (Logger) LoggerFactory.getLogger(KernelOffloads.class);
        Level before = logger.getLevel();
        logger.setLevel(Level.INFO);
        logger.addAppender(log);
        log.start();
        AtomicInteger runs = new AtomicInteger();
        try {
            KernelOffloads kernel = new KernelOffloads("Linux 0.01", KernelOffloads.PATIENCE_MS, kind -> {
                runs.incrementAndGet();
                return test(new ScriptedKernel(spoilt(false, 17, 2, 26, 1)));
            });
            kernel.start(OffloadKind.TUN);
            assertThat(kernel.trusted(OffloadKind.TUN, ALL)).isEqualTo(ALL_BUT_UDP);
            assertThat(kernel.trusted(OffloadKind.TUN, new Offloads(true, true, false, true)))
                    .isEqualTo(new Offloads(true, true, false, false));
        } finally {
            logger.detachAppender(log);
            logger.setLevel(before);
        }
        assertThat(runs).as("tests: one, and one more to be sure").hasValue(2);
        assertThat(log.list).singleElement().satisfies(event -> {
            assertThat(event.getLevel()).isEqualTo(Level.WARN);
            assertThat(event.getFormattedMessage())
                    .startsWith("offload to tun devices is off for UDP over IPv4 on Linux 0.01: segment 3 of 3 has"
                            + " checksum 0x");
        });
    }

    @Test
    void whatLooksWrongOnceIsTestedAgain() {
        AtomicInteger runs = new AtomicInteger();
        KernelOffloads kernel = new KernelOffloads(
                "Linux 0.01",
                KernelOffloads.PATIENCE_MS,
                kind -> runs.getAndIncrement() == 0
                        ? test(new ScriptedKernel(spoilt(false, 17, 2, 26, 1)))
                        : new OffloadTest.Findings(ALL, List.of()));
        assertThat(kernel.trusted(OffloadKind.TUN, ALL)).isEqualTo(ALL);
        assertThat(runs).hasValue(2);
    }

    @Test
    void whatIsNotKnownInTimeIsNotUsedUntilItIs() {
        CountDownLatch end = new CountDownLatch(1);
        KernelOffloads kernel = new KernelOffloads("Linux 0.01", 10, kind -> {
            try {
                end.await();
            } catch (InterruptedException stopped) {
                throw new IOException(stopped);
            }
            return new OffloadTest.Findings(ALL_BUT_UDP, List.of());
        });
        assertThat(kernel.trusted(OffloadKind.TUN, ALL)).isEqualTo(new Offloads(false, false, false, false));
        end.countDown();
        await().until(() -> kernel.trusted(OffloadKind.TUN, ALL).equals(ALL_BUT_UDP));
    }

    @Test
    void whatCannotBeTestedIsTrusted() {
        KernelOffloads kernel = new KernelOffloads("Linux 0.01", KernelOffloads.PATIENCE_MS, kind -> {
            throw new IOException("making a network namespace needs CAP_SYS_ADMIN");
        });
        assertThat(kernel.trusted(OffloadKind.TAP, ALL)).isEqualTo(ALL);
    }
}
