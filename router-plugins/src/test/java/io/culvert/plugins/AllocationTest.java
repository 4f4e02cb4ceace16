// SPDX-License-Identifier: Apache-2.0
package io.culvert.plugins;

import io.culvert.plugins.dscpmark.DscpMarkStage;
import io.culvert.plugins.impair.ImpairStage;
import io.culvert.plugins.mirror.MirrorStage;
import io.culvert.plugins.mssclamp.MssClampStage;
import io.culvert.plugins.ratelimit.RateLimitStage;
import io.culvert.plugins.sample.SampleStage;
import io.culvert.spi.StageDescriptor;
import io.culvert.testkit.InterfaceBuilder;
import io.culvert.testkit.Packets;
import io.culvert.testkit.StageBenchmark;
import io.culvert.testkit.StageHarness;
import org.junit.jupiter.api.Nested;

/** No bundled stage makes garbage while packets flow, with all that it does turned on. */
final class AllocationTest {
    private static final byte[] UDP = Packets.ip4().udp(1000, 2000).payload(18).bytes();
    private static final byte[] UDP6 = Packets.ip6().udp(1000, 2000).payload(18).bytes();
    private static final byte[] SYN =
            Packets.ip4().tcp(1000, 80).flags("S").tcpOptions(2, 4, 5, 0xb4).bytes();
    private static final byte[] SYN6 =
            Packets.ip6().tcp(1000, 80).flags("S").tcpOptions(1, 2, 4, 5, 0xa0).bytes();

    private static StageHarness of(StageDescriptor descriptor) {
        return StageHarness.of(descriptor)
                .interfaces(
                        InterfaceBuilder.pointToPoint(0).name("lan").build(),
                        InterfaceBuilder.ethernet(1).name("mon").build());
    }

    @Nested
    final class Sample extends StageBenchmark {
        Sample() {
            super(of(SampleStage.DESCRIPTOR).setting("refuse", "tcp"), UDP, SYN);
        }
    }

    @Nested
    final class MssClamp extends StageBenchmark {
        MssClamp() {
            super(of(MssClampStage.DESCRIPTOR).setting("mss", "1000"), SYN, SYN6, UDP);
        }
    }

    @Nested
    final class DscpMark extends StageBenchmark {
        DscpMark() {
            super(
                    of(DscpMarkStage.IP4)
                            .setting(
                                    "rules",
                                    "[{ dscp = EF, protocol = udp, to-ports = \"5-9\" }, { dscp = LE, from = [\"10.0.0.0/8\"] }, { dscp = CS1 }]"),
                    UDP,
                    UDP6);
        }
    }

    @Nested
    final class RateLimit extends StageBenchmark {
        RateLimit() {
            super(
                    of(RateLimitStage.INPUT4)
                            .setting(
                                    "limits",
                                    "[{ interface = lan, direction = in, rate = 1Gbit/s }, { interface = lan, direction = in, per = flow, packets = \"1000/s\" }]"),
                    UDP,
                    UDP6,
                    SYN);
        }
    }

    @Nested
    final class Impair extends StageBenchmark {
        Impair() {
            super(
                    of(ImpairStage.INPUT)
                            .setting(
                                    "links",
                                    "[{ interface = lan, direction = in, delay = 5ms, jitter = 1ms, loss = 1%, duplicate = 1%, corrupt = 1%, reorder = 1%, rate = 1Gbit/s, limit = 1000000 }]"),
                    UDP,
                    UDP6,
                    SYN);
        }
    }

    @Nested
    final class Mirror extends StageBenchmark {
        Mirror() {
            super(
                    of(MirrorStage.INPUT).setting("copies", "[{ from = lan, to = mon, prefixes = [\"10.0.0.0/8\"] }]"),
                    UDP,
                    UDP6);
        }
    }
}
