// SPDX-License-Identifier: Apache-2.0
package io.culvert.graph;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.culvert.spi.Arc;
import io.culvert.spi.StageDescriptor;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class ArcOrderTest {
    private static StageDescriptor.Builder on(Arc arc, String id) {
        return TestLane.builder(id, List.of()).arc(arc);
    }

    private static StageDescriptor.Builder stage(String id) {
        return on(Arc.IP4_UNICAST, id);
    }

    private static StageDescriptor made(StageDescriptor.Builder builder) {
        return builder.factory(TestLane.NEVER);
    }

    private static List<String> order(List<StageDescriptor> stages) {
        return ArcOrder.sort(stages, id -> "the " + id).getOrDefault(Arc.IP4_UNICAST, List.of()).stream()
                .map(StageDescriptor::id)
                .toList();
    }

    @Test
    void keepsTheOrderOfDeclarationWhereNothingElseIsSaid() {
        assertThat(order(List.of(made(stage("c")), made(stage("a")), made(stage("b")))))
                .containsExactly("c", "a", "b");
    }

    @Test
    void honoursBeforeAndAfter() {
        assertThat(order(List.of(
                        made(stage("last").after("mid")),
                        made(stage("mid")),
                        made(stage("first").before("mid")))))
                .containsExactly("first", "mid", "last");
    }

    @Test
    void putsTheTerminalStageLastWhateverIsDeclaredFirst() {
        assertThat(order(List.of(made(stage("end").terminal()), made(stage("a")), made(stage("b")))))
                .containsExactly("a", "b", "end");
    }

    @Test
    void ignoresNeighborsThatThisRouterDoesNotHave() {
        assertThat(order(List.of(
                        made(stage("a").after("absent")), made(stage("b").before("absent")))))
                .containsExactly("a", "b");
    }

    @Test
    void ordersEachArcByItself() {
        Map<Arc, List<StageDescriptor>> sorted = ArcOrder.sort(
                List.of(made(on(Arc.IP6_UNICAST, "six")), made(stage("b").after("a")), made(stage("a"))), id -> id);
        assertThat(sorted.get(Arc.IP6_UNICAST)).extracting(StageDescriptor::id).containsExactly("six");
        assertThat(sorted.get(Arc.IP4_UNICAST)).extracting(StageDescriptor::id).containsExactly("a", "b");
    }

    @Test
    void leavesOutStagesThatStandOnNoArc() {
        assertThat(ArcOrder.sort(List.of(made(TestLane.builder("alone", List.of()))), id -> id))
                .isEmpty();
    }

    @Test
    void refusesACircleAndNamesItsStages() {
        assertThatThrownBy(() -> order(List.of(
                        made(stage("a").after("c")),
                        made(stage("b").after("a")),
                        made(stage("c").after("b")))))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(
                        "arc ip4-unicast has no valid order: the b is to run before the c, that before the a, and that"
                                + " before the b");
    }

    @Test
    void refusesAStageBehindTheTerminalOne() {
        assertThatThrownBy(() -> order(
                        List.of(made(stage("end").terminal()), made(stage("a").after("end")))))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(
                        "arc ip4-unicast has no valid order: the a is to run before the end, and that before the a");
    }

    @Test
    void takesAStageAfterItselfForOneThatSaysNothing() {
        assertThat(order(List.of(made(stage("a").after("a"))))).containsExactly("a");
    }

    @Test
    void refusesTwoTerminalStages() {
        assertThatThrownBy(() -> order(
                        List.of(made(stage("a").terminal()), made(stage("b").terminal()))))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("arc ip4-unicast ends twice: with the a and with the b");
    }

    @Test
    void refusesTwoStagesOfOneNameEvenOnDifferentArcs() {
        assertThatThrownBy(() -> ArcOrder.sort(List.of(made(stage("a")), made(on(Arc.IP6_UNICAST, "a"))), id -> id))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("two stages are called a");
    }

    @Test
    void findsAnOrderForEveryPermutationOfAChain() {
        long seed = Long.getLong("arc.seed", 20_26L);
        Random random = new Random(seed);
        List<StageDescriptor> chain = new ArrayList<>();
        List<String> expected = new ArrayList<>();
        for (int i = 0; i < 12; i++) {
            StageDescriptor.Builder next = stage("s" + i);
            if (i > 0 && random.nextBoolean()) {
                next.after("s" + (i - 1));
            }
            if (i < 11) {
                next.before("s" + (i + 1));
            }
            chain.add(made(next));
            expected.add("s" + i);
        }
        for (int round = 0; round < 200; round++) {
            Collections.shuffle(chain, random);
            assertThat(order(chain)).as("seed %d, round %d", seed, round).isEqualTo(expected);
        }
    }
}
