// SPDX-License-Identifier: Apache-2.0
package io.culvert.telemetry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.culvert.spi.CounterId;
import io.culvert.spi.DropReason;
import io.culvert.spi.StageDescriptor;
import io.culvert.telemetry.LaneLedger.Entry;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** Counters of a lane: what is added is read, by name, and a ledger that is at rest is balanced. */
class CountersTest {
    enum Drop implements DropReason {
        FIRST,
        SECOND;

        @Override
        public String text() {
            return "The test wants it dropped.";
        }
    }

    enum Common implements DropReason {
        FAULT,
        STOPPED;

        @Override
        public String text() {
            return "Any stage may drop for this.";
        }
    }

    enum Foreign implements DropReason {
        OTHER;

        @Override
        public String text() {
            return "Another stage's.";
        }
    }

    enum Count implements CounterId {
        SEEN;

        @Override
        public String text() {
            return "Packets seen.";
        }
    }

    private final StageCounters counters = new StageCounters(
            StageDescriptor.named("stage", "A stage of the test.")
                    .drops(Drop.values())
                    .counters(Count.values())
                    .factory(setup -> {
                        throw new IllegalStateException();
                    }),
            List.of(Common.values()),
            List.of());

    @Test
    void arrayStartsAtZeroAndAdds() {
        CounterArray array = new CounterArray(3);
        array.add(1, 5);
        array.add(1, 1L << 40);
        assertThat(array.get(0)).isZero();
        assertThat(array.get(1)).isEqualTo((1L << 40) + 5);
        assertThat(array.size()).isEqualTo(3);
    }

    @Test
    void arrayHasNoPlaceBehindItsEnd() {
        assertThatThrownBy(() -> new CounterArray(1).add(1, 1)).isInstanceOf(IndexOutOfBoundsException.class);
    }

    @Test
    void readersOfAnArrayNeverSeeItGoBackwards() throws InterruptedException {
        CounterArray array = new CounterArray(1);
        AtomicBoolean backwards = new AtomicBoolean();
        AtomicLong last = new AtomicLong();
        Thread reader = new Thread(() -> {
            long before = 0;
            while (before < 200_000) {
                long now = array.get(0);
                if (now < before) {
                    backwards.set(true);
                }
                before = now;
                Thread.onSpinWait();
            }
            last.set(before);
        });
        reader.start();
        for (int i = 0; i < 200_000; i++) {
            array.add(0, 1);
        }
        reader.join();
        assertThat(backwards).isFalse();
        assertThat(last).hasValue(200_000);
    }

    @Test
    void stageCountsVectorsAndPackets() {
        counters.vector(64);
        counters.vector(1);
        assertThat(counters.vectors()).isEqualTo(2);
        assertThat(counters.packets()).isEqualTo(65);
    }

    @Test
    void stageCountsOwnAndCommonDropsOfEqualOrdinalApart() {
        counters.drop(Drop.FIRST, 1);
        counters.dropCommon(Common.FAULT, 7);
        assertThat(counters.drops(Drop.FIRST)).isEqualTo(1);
        assertThat(counters.drops(Common.FAULT)).isEqualTo(7);
        assertThat(counters.drops(Drop.SECOND)).isZero();
        assertThat(counters.drops(Common.STOPPED)).isZero();
        assertThat(counters.dropReasons()).containsExactly(Drop.FIRST, Drop.SECOND, Common.FAULT, Common.STOPPED);
    }

    @Test
    void stageHasNoCountOfAReasonThatItDoesNotDeclare() {
        assertThatThrownBy(() -> counters.drops(Foreign.OTHER))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("stage declares no drop reason other");
    }

    @Test
    void stageCountsWhatItLikes() {
        counters.count(Count.SEEN, 3);
        counters.count(Count.SEEN, 4);
        assertThat(counters.count(Count.SEEN)).isEqualTo(7);
        assertThat(counters.counterIds()).containsExactly(Count.SEEN);
    }

    @Test
    void ledgerIsBalancedWhenAllThatEnteredHasLeft() {
        LaneLedger ledger = new LaneLedger();
        ledger.add(Entry.RECEIVED, 10);
        ledger.add(Entry.GENERATED, 5);
        assertThat(ledger.inFlight()).isEqualTo(15);
        ledger.add(Entry.TRANSMITTED, 6);
        ledger.add(Entry.DROPPED, 4);
        ledger.add(Entry.PUNTED, 3);
        assertThat(ledger.inFlight()).isEqualTo(2);
        ledger.add(Entry.CONSUMED, 2);
        assertThat(ledger.inFlight()).isZero();
        assertThat(ledger.get(Entry.GENERATED)).isEqualTo(5);
    }

    @Test
    void ledgerTellsItsEntries() {
        LaneLedger ledger = new LaneLedger();
        ledger.add(Entry.RECEIVED, 2);
        assertThat(ledger)
                .hasToString("RECEIVED=2 GENERATED=0 TRANSMITTED=0 DROPPED=0 PUNTED=0 CONSUMED=0 in flight=2");
    }

    @Test
    void interfaceCountsBothDirections() {
        InterfaceCounters iface = new InterfaceCounters();
        iface.received(2, 3000);
        iface.transmitted(1, 60);
        iface.refused(4);
        assertThat(iface.rxPackets()).isEqualTo(2);
        assertThat(iface.rxBytes()).isEqualTo(3000);
        assertThat(iface.txPackets()).isEqualTo(1);
        assertThat(iface.txBytes()).isEqualTo(60);
        assertThat(iface.txRefused()).isEqualTo(4);
    }
}
