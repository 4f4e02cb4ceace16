// SPDX-License-Identifier: Apache-2.0
package io.culvert.graph;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.culvert.spi.Arc;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.Target;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class RouterGraphTest {
    private static final Target TRANSMIT = Target.arc(Arc.DEVICE_OUTPUT);

    private static StageDescriptor on(Arc arc, String id, Target... targets) {
        return TestLane.stage(id, arc, List.of(targets));
    }

    private static StageDescriptor named(String id, Target... targets) {
        return TestLane.builder(id, List.of(targets)).factory(TestLane.NEVER);
    }

    private static Map<String, List<String>> edges(StageDescriptor... stages) {
        Map<String, List<String>> all = new LinkedHashMap<>();
        new RouterGraph(List.of(stages))
                .forEachStage((stage, outputs) -> all.put(stage.id(), new ArrayList<>(outputs.values())));
        return all;
    }

    private static void refused(String because, StageDescriptor... stages) {
        assertThatThrownBy(() -> new RouterGraph(List.of(stages)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(because);
    }

    @Test
    void leadsFromStageToStageAndOverTheEndOfAnArc() {
        assertThat(edges(
                        on(Arc.DEVICE_INPUT, "in", Target.arc(Arc.IP4_FORWARD)),
                        on(Arc.IP4_FORWARD, "ttl", Target.next()),
                        on(Arc.IP4_FORWARD, "redirect", Target.next()),
                        on(Arc.IP4_OUTPUT, "mtu", Target.next()),
                        on(Arc.L2_OUTPUT, "rewrite", Target.next(), Target.stage("side")),
                        named("side", TRANSMIT)))
                .containsEntry("in", List.of("ttl"))
                .containsEntry("ttl", List.of("redirect"))
                .containsEntry("redirect", List.of("mtu"))
                .containsEntry("mtu", List.of("rewrite"))
                .containsEntry("rewrite", List.of("device-transmit", "side"))
                .containsEntry("side", List.of("device-transmit"))
                .containsEntry("device-transmit", List.of());
    }

    @Test
    void leavesOutStagesThatNoPacketReaches() {
        RouterGraph graph = new RouterGraph(
                List.of(on(Arc.DEVICE_INPUT, "in", TRANSMIT), on(Arc.IP6_LOCAL, "unreached", Target.stage("nowhere"))));
        assertThat(graph.arcs()).containsOnlyKeys(Arc.DEVICE_INPUT, Arc.DEVICE_OUTPUT);
    }

    @Test
    void refusesAnOutputToAStageThatIsNotThere() {
        refused(
                "in's OUT0 leads to absent, which is no stage of this router",
                on(Arc.DEVICE_INPUT, "in", Target.stage("absent")));
    }

    @Test
    void refusesAnOutputToAnEmptyArc() {
        refused(
                "arc ip4-unicast has no stage, but in's OUT0 lead there",
                on(Arc.DEVICE_INPUT, "in", Target.arc(Arc.IP4_UNICAST)));
    }

    @Test
    void refusesToRunOverTheEndOfAnArcThatContinuesNowhere() {
        refused("behind the end of arc device-input", on(Arc.DEVICE_INPUT, "in", Target.next()));
    }

    @Test
    void refusesNextWhereThereIsNoArc() {
        refused("stands on none", on(Arc.DEVICE_INPUT, "in", Target.stage("side")), named("side", Target.next()));
    }

    @Test
    void refusesARouterThatReceivesNothing() {
        refused("arc device-input has no stage, but received packets lead there", on(Arc.IP4_LOCAL, "a"));
    }

    @Test
    void refusesACircleAndShowsIt() {
        refused(
                "packets would go in a circle through [in, a, b] back to a",
                on(Arc.DEVICE_INPUT, "in", Target.stage("a")),
                named("a", Target.stage("b")),
                named("b", TRANSMIT, Target.stage("a")));
    }

    @Test
    void refusesAStageThatLeadsToItself() {
        refused("circle", on(Arc.DEVICE_INPUT, "in", Target.stage("in")));
    }

    @Test
    void takesACircleThatRecirculates() {
        assertThat(edges(
                        on(Arc.DEVICE_INPUT, "in", Target.stage("a")),
                        named("a", TRANSMIT, Target.stage("b")),
                        named("b", Target.recirculate("a"))))
                .containsEntry("b", List.of("a"));
    }

    @Test
    void reachesStagesByRecirculationAlone() {
        assertThat(edges(on(Arc.DEVICE_INPUT, "in", TRANSMIT, Target.recirculate("again")), named("again", TRANSMIT)))
                .containsEntry("again", List.of("device-transmit"));
    }

    @Test
    void reachesTheDropArcFromEveryStageWhereSomeoneLooksAtDrops() {
        assertThat(edges(on(Arc.DEVICE_INPUT, "in", TRANSMIT), on(Arc.DROP, "watch", Target.next())))
                .containsEntry("watch", List.of("drop-end"))
                .containsKey("drop-end");
    }

    @Test
    void showsArcsInTheOrderInWhichTheyRun() {
        RouterGraph graph = new RouterGraph(List.of(
                on(Arc.DEVICE_INPUT, "in", TRANSMIT),
                TestLane.builder("second", List.of(Target.next()))
                        .arc(Arc.DEVICE_OUTPUT)
                        .after("first")
                        .factory(TestLane.NEVER),
                on(Arc.DEVICE_OUTPUT, "first", Target.next())));
        assertThat(graph.arcs().get(Arc.DEVICE_OUTPUT))
                .extracting(StageDescriptor::id)
                .containsExactly("first", "second", "device-transmit");
    }
}
