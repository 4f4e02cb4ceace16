// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import io.culvert.config.Catalog;
import io.culvert.graph.Lane;
import io.culvert.graph.Overrun;
import io.culvert.graph.StageState;
import io.culvert.spi.StageDescriptor;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.slf4j.Logger;

/**
 * Tells the operator what stages do wrong: once for each stage and cause, whatever the number of lanes and packets, with the
 * plugin that a stage is from. How often it happens, the counters tell. Any thread.
 */
final class StageFaults implements Lane.FaultListener {
    private static final int MOST_FRAMES = 8;

    private final Map<String, String> plugins = new HashMap<>();
    private final Logger log;
    private final Consumer<String> endRouter;
    private final Set<String> told = ConcurrentHashMap.newKeySet();

    /** @param endRouter takes why the router is to end */
    StageFaults(Catalog catalog, Logger log, Consumer<String> endRouter) {
        this.log = log;
        this.endRouter = endRouter;
        for (Catalog.Plugin plugin : catalog.plugins()) {
            for (StageDescriptor stage : plugin.used() ? plugin.stages() : java.util.List.<StageDescriptor>of()) {
                plugins.put(stage.id(), (plugin.name() + " " + plugin.version()).strip());
            }
        }
    }

    private String named(String stage) {
        String plugin = plugins.get(stage);
        return "stage " + stage + (plugin == null ? "" : " of plugin " + plugin);
    }

    @Override
    public void stageFailed(int lane, String stage, Throwable cause) {
        StackTraceElement[] stack = cause.getStackTrace();
        String where = stack.length == 0 ? cause.toString() : cause.getClass().getName() + " " + stack[0];
        if (told.add(stage + " failed " + where)) {
            log.error("{} failed in lane {} and lost what it was at", named(stage), lane, cause);
        }
    }

    @Override
    public void stageLeftAlone(int lane, String stage, StageState now) {
        if (told.add(stage + " left alone")) {
            log.warn(
                    "{} keeps failing: its packets {} in lane {} until it is made anew and does better, which is tried after"
                            + " a second and then ever more seldom; culvert show graph tells how it does",
                    named(stage),
                    now == StageState.BYPASSED ? "pass it by" : "are dropped",
                    lane);
        }
    }

    @Override
    public void stageEndsRouter(int lane, String stage, Throwable cause) {
        if (told.add(stage + " ends the router")) {
            endRouter.accept(
                    named(stage) + " keeps failing, and when-broken says to stop: " + cause + " (see the log)");
        }
    }

    @Override
    public void stageOverruns(int lane, String stage, Overrun overrun) {
        String where = overrun.where().isEmpty()
                ? "a place it has left since"
                : overrun.where().stream()
                        .limit(MOST_FRAMES)
                        .map(StackTraceElement::toString)
                        .collect(Collectors.joining("\n    at "));
        String first = overrun.where().isEmpty() ? "" : overrun.where().get(0).toString();
        if (told.add(stage + " " + overrun.step() + " " + first)) {
            log.warn(
                    "{} has held up lane {} for {} ms{}; it is at {}",
                    named(stage),
                    lane,
                    overrun.soFar().toMillis(),
                    switch (overrun.step()) {
                        case LATE -> "";
                        case INTERRUPTED -> " and was interrupted";
                        case STUCK -> " and does not heed the interrupt: the lane stands still until it returns";
                    },
                    where);
        }
    }

    @Override
    public void stageAllocates(int lane, String stage, long bytesPerSecond) {
        if (told.add(stage + " allocates")) {
            log.warn(
                    "{} fills the heap: lane {} allocates {} MiB/s, most of the time while it is there",
                    named(stage),
                    lane,
                    bytesPerSecond >> 20);
        }
    }

    @Override
    public void stageMisusesBuffers(int lane, String stage, String how) {
        if (told.add(stage + " " + how)) {
            log.warn("{} in lane {} {}", named(stage), lane, how);
        }
    }
}
