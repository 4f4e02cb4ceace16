// SPDX-License-Identifier: Apache-2.0
package io.culvert.neighbor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.culvert.net.Ip4Address;
import io.culvert.net.Ip6Address;
import io.culvert.net.IpAddress;
import io.culvert.net.MacAddress;
import io.culvert.spi.NeighborView;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

final class NeighborTableTest {
    private static final long MAC = 0x0200_0000_0099L;

    private final NeighborTable table = new NeighborTable(8, 42);

    @Test
    void answersUnresolvedForAStrangerAndForOneThatHasNotAnswered() {
        assertThat(lookup(1, "10.0.0.1")).isEqualTo(NeighborView.UNRESOLVED);
        add(1, "10.0.0.1");
        assertThat(lookup(1, "10.0.0.1")).isEqualTo(NeighborView.UNRESOLVED);
    }

    @Test
    void answersTheMacOfOneThatIsResolvedInItsInterfaceAndFamilyAlone() {
        resolve(add(1, "10.0.0.1"), NeighborState.REACHABLE);
        resolve(add(1, "fd00::1"), NeighborState.STALE);
        assertThat(lookup(1, "10.0.0.1")).isEqualTo(MAC);
        assertThat(lookup(1, "fd00::1")).isEqualTo(MAC);
        assertThat(lookup(2, "10.0.0.1")).isEqualTo(NeighborView.UNRESOLVED);
        assertThat(lookup(1, "::a00:1")).isEqualTo(NeighborView.UNRESOLVED);
    }

    @Test
    void answersFailedForOneThatDidNotAnswer() {
        Neighbor neighbor = add(1, "10.0.0.1");
        table.fail(neighbor, 5);
        assertThat(lookup(1, "10.0.0.1")).isEqualTo(NeighborView.FAILED);
        assertThat(neighbor.state()).isEqualTo(NeighborState.FAILED);
        resolve(neighbor, NeighborState.REACHABLE);
        assertThat(lookup(1, "10.0.0.1")).isEqualTo(MAC);
    }

    @Test
    void aLookupMarksTheNeighborAsUsed() {
        Neighbor neighbor = add(1, "10.0.0.1");
        resolve(neighbor, NeighborState.STALE);
        assertThat(table.find4(1, Ip4Address.parse("10.0.0.1").value())).isSameAs(neighbor);
        assertThat(neighbor.isUsed()).isFalse();
        lookup(1, "10.0.0.1");
        assertThat(neighbor.isUsed()).isTrue();
        neighbor.clearUsed();
        assertThat(neighbor.isUsed()).isFalse();
    }

    @Test
    void forgetsOneThatIsRemovedAndNoOther() {
        Neighbor first = add(1, "10.0.0.1");
        Neighbor second = add(1, "10.0.0.2");
        resolve(second, NeighborState.REACHABLE);
        table.remove(first);
        table.remove(first);
        assertThat(table.find(1, Ip4Address.parse("10.0.0.1"))).isNull();
        assertThat(lookup(1, "10.0.0.2")).isEqualTo(MAC);
        assertThat(table.size4()).isOne();
    }

    @Test
    void holdsNoMoreThanItsLimitOfEachFamily() {
        for (int i = 1; i <= 8; i++) {
            add(1, "10.0.0." + i);
            add(1, "fd00::" + i);
        }
        assertThat(table.isFull(Ip4Address.parse("10.0.0.9"))).isTrue();
        assertThatThrownBy(() -> add(1, "10.0.0.9")).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> add(1, "fd00::9")).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void refusesToHoldOneTwice() {
        add(1, "10.0.0.1");
        assertThatThrownBy(() -> add(1, "10.0.0.1")).hasMessageContaining("is there already");
    }

    @Test
    void givesUpTheOldestUnansweredThenTheOldestStaleAndNeverOneInUse() {
        Neighbor stale = add(1, "10.0.0.1");
        resolve(stale, NeighborState.STALE);
        Neighbor staleLater = add(1, "10.0.0.2");
        resolve(staleLater, NeighborState.STALE);
        Neighbor incomplete = add(1, "10.0.0.3");
        Neighbor failed = add(1, "10.0.0.4");
        table.fail(failed, 9);
        Neighbor reachable = add(1, "10.0.0.5");
        resolve(reachable, NeighborState.REACHABLE);
        for (Neighbor expected : List.of(incomplete, failed, stale, staleLater)) {
            assertThat(table.mostDispensable(reachable.address())).isSameAs(expected);
            table.remove(expected);
        }
        assertThat(table.mostDispensable(reachable.address())).isNull();
        resolve(reachable, NeighborState.DELAY);
        assertThat(table.mostDispensable(reachable.address())).isNull();
        resolve(reachable, NeighborState.PROBE);
        assertThat(table.mostDispensable(reachable.address())).isNull();
    }

    @Test
    void listsNeighborsInOrderWithTheirAge() {
        resolve(add(2, "10.0.0.2"), NeighborState.REACHABLE);
        add(1, "fd00::1");
        add(1, "200.0.0.1");
        Neighbor router = add(1, "10.0.0.9");
        resolve(router, NeighborState.STALE);
        router.setRouter(true);
        List<NeighborStatus> rows = table.snapshot(3_000_000_000L);
        assertThat(rows)
                .extracting(NeighborStatus::address)
                .extracting(Object::toString)
                .containsExactly("10.0.0.9", "200.0.0.1", "fd00::1", "10.0.0.2");
        assertThat(rows.get(0))
                .isEqualTo(new NeighborStatus(
                        1, Ip4Address.parse("10.0.0.9"), NeighborState.STALE, new MacAddress(MAC), true, 2999));
        assertThat(rows.get(1).mac()).isNull();
    }

    @Test
    void refusesAStateThatDoesNotFitTheLinkAddress() {
        Neighbor neighbor = add(1, "10.0.0.1");
        assertThatThrownBy(() -> table.resolve(neighbor, NeighborState.FAILED, MAC, 0))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> table.resolve(neighbor, NeighborState.REACHABLE, -1, 0))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void agreesWithAMapUnderRandomChanges() {
        long seed = 7;
        SplittableRandom random = new SplittableRandom(seed);
        NeighborTable large = new NeighborTable(500, random.nextLong());
        Map<IpAddress, Neighbor> map = new HashMap<>();
        for (int step = 0; step < 50_000; step++) {
            IpAddress address = random.nextBoolean()
                    ? new Ip4Address(random.nextInt(600))
                    : new Ip6Address(random.nextInt(2), random.nextInt(300));
            Neighbor known = map.get(address);
            assertThat(large.find(0, address)).isSameAs(known);
            if (known != null && random.nextBoolean()) {
                large.remove(known);
                map.remove(address);
            } else if (known == null && !large.isFull(address)) {
                map.put(address, large.add(0, address, step));
            }
        }
        assertThat(large.all()).containsExactlyInAnyOrderElementsOf(map.values());
        assertThat(large.size4() + large.size6()).isEqualTo(map.size());
    }

    @Test
    @Timeout(30)
    void neverHidesANeighborThatStaysFromAReader() throws Exception {
        NeighborTable busy = new NeighborTable(256, 1);
        for (int i = 0; i < 64; i++) {
            busy.resolve(busy.add(0, new Ip4Address(i), 0), NeighborState.REACHABLE, i, 0);
        }
        AtomicBoolean stop = new AtomicBoolean();
        ExecutorService readers = Executors.newSingleThreadExecutor();
        try {
            Future<Long> reader = readers.submit(() -> {
                long lookups = 0;
                while (!stop.get()) {
                    for (int i = 0; i < 64; i++) {
                        if (busy.lookup4(0, i) != i) {
                            throw new AssertionError(i + " was hidden");
                        }
                        lookups++;
                    }
                }
                return lookups;
            });
            SplittableRandom random = new SplittableRandom(3);
            long end = System.nanoTime() + Duration.ofSeconds(1).toNanos();
            while (System.nanoTime() < end) {
                IpAddress address = new Ip4Address(64 + random.nextInt(190));
                Neighbor known = busy.find(0, address);
                if (known == null) {
                    busy.add(0, address, 0);
                } else {
                    busy.remove(known);
                }
            }
            stop.set(true);
            assertThat(reader.get(10, TimeUnit.SECONDS)).isPositive();
        } finally {
            stop.set(true);
            readers.shutdownNow();
        }
    }

    private Neighbor add(int interfaceId, String address) {
        return table.add(interfaceId, IpAddress.parse(address), 0);
    }

    private void resolve(Neighbor neighbor, NeighborState state) {
        table.resolve(neighbor, state, MAC, 1_000_000);
    }

    private long lookup(int interfaceId, String text) {
        IpAddress address = IpAddress.parse(text);
        return address instanceof Ip4Address ip4
                ? table.lookup4(interfaceId, ip4.value())
                : table.lookup6(interfaceId, ((Ip6Address) address).high(), ((Ip6Address) address).low());
    }
}
