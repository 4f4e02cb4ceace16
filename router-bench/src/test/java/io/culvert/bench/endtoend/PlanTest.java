// SPDX-License-Identifier: Apache-2.0
package io.culvert.bench.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

final class PlanTest {
    private static final Plan FULL = Plan.full(null).withRounds(3);
    private static final Plan QUICK = Plan.quick(null);

    @Test
    void bothFamiliesAreMeasuredAlikeWhereBarsAre() {
        for (Pair pair : List.of(Pair.TUN_TUN, Pair.PACKET_PACKET)) {
            List<String> ids = FULL.measures(pair).stream().map(Measure::id).toList();
            assertThat(ids).doesNotHaveDuplicates();
            for (String id : List.of("tcp-1", "tcp-8", "udp-18", "udp-512", "udp-1400", "rtt-idle", "rtt-loaded")) {
                assertThat(ids).contains(id, id + "-ip6");
            }
        }
    }

    @Test
    void kernelStandsBesideEveryPair() {
        for (Pair pair : Pair.values()) {
            assertThat(FULL.subjects(pair)).contains(Subject.KERNEL, Subject.CULVERT);
        }
    }

    @Test
    void millionRoutesMeetWhatHasABarAndTrafficToManyAddressesMeetsBothTables() {
        assertThat(FULL.measures(Pair.TUN_TUN).stream().filter(measure -> measure.appliesTo(Subject.CULVERT_MILLION)))
                .containsExactly(Measure.TCP_1, Measure.UDP_18, Measure.UDP_18_SPREAD, Measure.RTT_IDLE);
        assertThat(Measure.UDP_18_SPREAD.appliesTo(Subject.CULVERT)).isTrue();
        assertThat(Measure.UDP_18_SPREAD.appliesTo(Subject.KERNEL)).isFalse();
        assertThat(FULL.measures(Pair.TAP_TAP)).doesNotContain(Measure.UDP_18_SPREAD);
    }

    @Test
    void whatHasNoBarTakesLessTime() {
        assertThat(FULL.seconds(Measure.TCP_1)).isEqualTo(2);
        assertThat(FULL.seconds(Measure.UDP_512)).isEqualTo(1);
        assertThat(QUICK.seconds(Measure.UDP_512)).isEqualTo(1);
    }

    @Test
    void quickRunRepeatsThroughputBetweenTunsAlone() {
        assertThat(QUICK.measures(Pair.TUN_TUN)).containsExactly(Measure.TCP_1, Measure.UDP_18, Measure.RTT_IDLE);
        assertThat(QUICK.measures(Pair.PACKET_PACKET)).containsExactly(Measure.TCP_1);
        assertThat(QUICK.rounds(Pair.TUN_TUN, Measure.UDP_18)).isEqualTo(3);
        assertThat(QUICK.rounds(Pair.TUN_TUN, Measure.RTT_IDLE)).isEqualTo(1);
        assertThat(QUICK.rounds(Pair.PACKET_PACKET, Measure.TCP_1)).isEqualTo(1);
        assertThat(QUICK.rests()).isEqualTo(1);
    }

    @Test
    void onlyNamesAPartOfTheRun() {
        Plan plan = Plan.full("tables/");
        assertThat(plan.wants("tables/lookups")).isTrue();
        assertThat(plan.wants("process/start")).isFalse();
        assertThat(plan.measures(Pair.TUN_TUN)).isEmpty();
    }
}
