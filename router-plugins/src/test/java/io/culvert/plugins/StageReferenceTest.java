// SPDX-License-Identifier: Apache-2.0
package io.culvert.plugins;

import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.graph.BuiltInStages;
import io.culvert.graph.GraphCount;
import io.culvert.graph.GraphDrop;
import io.culvert.graph.PluginStages;
import io.culvert.graph.RouterGraph;
import io.culvert.spi.InterfaceKind;
import io.culvert.spi.RouterPlugin;
import io.culvert.spi.StageDescriptor;
import io.culvert.testkit.StageReference;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.ServiceLoader;
import org.junit.jupiter.api.Test;

/** Keeps {@code docs/reference/stages.md} in step with what the stages declare. */
final class StageReferenceTest {
    private static final Path PAGE = Path.of("../docs/reference/stages.md");

    @Test
    void thePageSaysWhatTheStagesDeclare() throws IOException {
        String page = render();
        if (System.getProperty("golden.update") != null) {
            Files.writeString(PAGE, page);
        }

        assertThat(PAGE)
                .as("run with -Dgolden.update and read the difference")
                .content()
                .isEqualTo(page);
    }

    private static String render() {
        StageReference reference = new StageReference().heading("Stages").text("""
                This page is made from the source:
                `mvn -pl router-plugins -am test -Dtest=StageReferenceTest -Dsurefire.failIfNoSpecifiedTests=false -Dgolden.update`.

                Every stage of the router and of the plugins that come with it: where it runs, what it implements, where it
                sends packets, its settings, for what it drops packets, and what it counts. `culvert show graph` tells which of
                them a running router has, and in what order; `culvert show drops` and `culvert show counters` tell the
                numbers. All settings together are in [configuration.md](configuration.md). How to write a stage is told in
                [plugins.md](../plugins.md).
                """);
        reference
                .heading("Any stage")
                .text("Beside its own, each stage has these reasons and counters, which the graph around it declares.")
                .drops(List.of(GraphDrop.values()))
                .counters(List.of(GraphCount.values()));
        reference
                .heading("Any flow")
                .text("A stage that is an Akka Streams flow of a plugin has these beside.")
                .drops(PluginStages.dropsOfFlows())
                .counters(PluginStages.countersOfFlows());
        StageDescriptor end = RouterGraph.end();
        reference.heading("The end of the graph").stage(end, end.section());
        List<StageDescriptor> left = new ArrayList<>(BuiltInStages.all());
        new RouterGraph(left).arcs().forEach((arc, stages) -> {
            List<StageDescriptor> own = stages.stream().filter(left::contains).toList();
            if (!own.isEmpty()) {
                reference.heading("On arc `" + arc.id() + "`");
                own.forEach(stage -> reference.stage(stage, stage.section()));
                left.removeAll(own);
            }
        });
        reference.heading("Reached by name");
        left.stream()
                .sorted(Comparator.comparing(StageDescriptor::id))
                .forEach(stage -> reference.stage(stage, stage.section()));
        ServiceLoader.load(RouterPlugin.class).stream()
                .map(ServiceLoader.Provider::get)
                .sorted(Comparator.comparing(RouterPlugin::name))
                .forEach(plugin -> {
                    reference.heading("Plugin `" + plugin.name() + "`");
                    for (StageDescriptor stage : plugin.stages()) {
                        reference.stage(stage, "plugins." + stage.section());
                    }
                    for (InterfaceKind kind : plugin.interfaceKinds()) {
                        reference.interfaceKind(kind);
                    }
                });
        return reference.page();
    }
}
