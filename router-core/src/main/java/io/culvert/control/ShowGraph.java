// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import io.culvert.config.Catalog;
import io.culvert.graph.GraphCount;
import io.culvert.graph.Lane;
import io.culvert.graph.RouterGraph;
import io.culvert.spi.Arc;
import io.culvert.spi.ManagementAnswer;
import io.culvert.spi.ManagementCommand;
import io.culvert.spi.OutPort;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.Target;
import io.culvert.telemetry.StageCounters;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * {@code show graph}: lane by lane the stages as they run there, arc by arc in their order, then those on none, and where their
 * outputs lead; {@code show graph dot} draws the same for Graphviz.
 */
final class ShowGraph implements ManagementCommand {
    private static final String DOT = "dot";

    private final Supplier<CompletionStage<RouterActor.View>> view;
    private final Catalog catalog;

    ShowGraph(Supplier<CompletionStage<RouterActor.View>> view, Catalog catalog) {
        this.view = view;
        this.catalog = catalog;
    }

    /** One stage in one lane. */
    private record Row(@Nullable Arc arc, StageDescriptor stage, Map<OutPort, String> outputs, Numbers numbers) {}

    /** What a stage has done in a lane since the router started, under whatever graph. */
    private record Numbers(String state, long vectors, long packets, long faults) {}

    @Override
    public String what() {
        return "graph";
    }

    @Override
    public String summary() {
        return "the stages of each lane in the order they run, and where each output leads; dot draws them for Graphviz";
    }

    @Override
    public String usage() {
        return "[dot]";
    }

    @Override
    public CompletionStage<ManagementAnswer> answer(List<String> arguments) {
        if (!arguments.isEmpty() && !arguments.equals(List.of(DOT))) {
            throw new BadArgument(
                    "\"" + String.join(" ", arguments) + "\" is no form of the graph, expected dot or nothing");
        }
        return view.get().thenApply(router -> arguments.isEmpty() ? table(router) : dot(router));
    }

    private ManagementAnswer table(RouterActor.View router) {
        ManagementAnswer.Builder table = ManagementAnswer.Table.titled("graph")
                .number("lane")
                .flag("differs")
                .text("arc")
                .text("stage")
                .text("plugin")
                .text("state")
                .number("vectors")
                .number("packets")
                .number("faults")
                .text("outputs");
        for (Lane lane : router.lanes()) {
            RouterGraph graph = lane.graph();
            boolean differs = graph != router.graph();
            if (graph == null) {
                table.row(lane.number(), differs, null, null, null, "lane-stopped", null, null, null, null);
                continue;
            }
            for (Row row : rows(lane, graph)) {
                Numbers numbers = row.numbers();
                table.row(
                        lane.number(),
                        differs,
                        row.arc() == null ? null : row.arc().id(),
                        row.stage().id(),
                        plugin(row.stage()),
                        numbers.state(),
                        numbers.vectors(),
                        numbers.packets(),
                        numbers.faults(),
                        row.outputs().entrySet().stream()
                                .map(output -> output.getKey().name() + "=" + output.getValue())
                                .collect(Collectors.joining(" ")));
            }
        }
        return table.answer();
    }

    private @Nullable String plugin(StageDescriptor stage) {
        Catalog.Plugin plugin = catalog.pluginOf(stage.id());
        return plugin == null ? null : plugin.name();
    }

    /** Arc by arc in the order of a packet's way, then the stages on no arc. */
    private static List<Row> rows(Lane lane, RouterGraph graph) {
        Map<String, StageCounters> counters = lane.stageCounters().stream()
                .collect(Collectors.toMap(StageCounters::stage, one -> one, (one, other) -> one));
        List<Row> onArcs = new ArrayList<>();
        List<Row> onNone = new ArrayList<>();
        graph.forEachStage((stage, outputs) -> {
            Row row = new Row(stage.arc(), stage, outputs, numbers(lane, stage, counters.get(stage.id())));
            (stage.arc() == null ? onNone : onArcs).add(row);
        });
        List<Row> rows = new ArrayList<>();
        graph.arcs()
                .forEach((arc, stages) -> stages.forEach(stage ->
                        onArcs.stream().filter(row -> row.stage() == stage).forEach(rows::add)));
        rows.addAll(onNone);
        return rows;
    }

    private static Numbers numbers(Lane lane, StageDescriptor stage, @Nullable StageCounters counters) {
        String state = lane.state(stage.id()).name().toLowerCase(Locale.ROOT);
        return counters == null
                ? new Numbers(state, 0, 0, 0)
                : new Numbers(state, counters.vectors(), counters.packets(), counters.count(GraphCount.FAULTS));
    }

    // --- for Graphviz

    private ManagementAnswer dot(RouterActor.View router) {
        StringBuilder dot = new StringBuilder("digraph culvert {\n  rankdir=LR\n  node [shape=box]\n");
        for (Lane lane : router.lanes()) {
            RouterGraph graph = lane.graph();
            dot.append("  subgraph ")
                    .append(quoted("cluster_lane_" + lane.number()))
                    .append(" {\n    label=");
            if (graph == null) {
                dot.append(quoted("lane " + lane.number() + " is stopped")).append("\n    ");
                dot.append(quoted(lane.number() + "/none")).append(" [style=invis]\n  }\n");
                continue;
            }
            String note = graph == router.graph() ? "" : " differs";
            dot.append(quoted("lane " + lane.number() + note)).append('\n');
            List<Row> rows = rows(lane, graph);
            graph.arcs().keySet().forEach(arc -> {
                dot.append("    subgraph ").append(quoted("cluster_lane_" + lane.number() + "_" + arc.id()));
                dot.append(" {\n      label=").append(quoted(arc.id())).append('\n');
                rows.stream().filter(row -> row.arc() == arc).forEach(row -> node(dot, "      ", lane, row));
                dot.append("    }\n");
            });
            rows.stream().filter(row -> row.arc() == null).forEach(row -> node(dot, "    ", lane, row));
            rows.forEach(row -> edges(dot, lane, row));
            dot.append("  }\n");
        }
        return ManagementAnswer.of(dot.append("}\n").toString());
    }

    private void node(StringBuilder dot, String indent, Lane lane, Row row) {
        Numbers numbers = row.numbers();
        String plugin = plugin(row.stage());
        String label = row.stage().id() + (plugin == null ? "" : "\nplugin " + plugin) + "\n" + numbers.packets()
                + " packets, " + numbers.vectors() + " vectors, " + numbers.faults() + " faults\n" + numbers.state();
        dot.append(indent)
                .append(quoted(name(lane, row.stage().id())))
                .append(" [label=")
                .append(quoted(label));
        if (!numbers.state().equals("running")) {
            dot.append(", color=red");
        } else if (plugin != null) {
            dot.append(", color=blue");
        }
        dot.append("]\n");
    }

    private static void edges(StringBuilder dot, Lane lane, Row row) {
        row.outputs().forEach((port, target) -> {
            dot.append("    ").append(quoted(name(lane, row.stage().id()))).append(" -> ");
            dot.append(quoted(name(lane, target))).append(" [label=").append(quoted(port.name()));
            // Packets that go round again do so later, by themselves.
            dot.append(port.target() instanceof Target.Recirculate ? ", style=dashed]\n" : "]\n");
        });
    }

    private static String name(Lane lane, String stage) {
        return lane.number() + "/" + stage;
    }

    private static String quoted(String text) {
        return "\"" + text.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n") + "\"";
    }
}
