// SPDX-License-Identifier: Apache-2.0
package io.culvert.graph;

import io.culvert.spi.Arc;
import io.culvert.spi.StageDescriptor;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Puts the stages of each arc into one order that honours every declared before and after, or says why there is none.
 *
 * <p>Among stages that no declaration orders, those declared earlier come first, so the order is stable.
 */
final class ArcOrder {
    private ArcOrder() {}

    /**
     * Sorts all stages that stand on an arc.
     *
     * @param called what people call the stage with an id
     * @throws IllegalArgumentException naming the stages when ids clash, when declarations contradict each other, or when
     *     an arc has two terminal stages
     */
    static Map<Arc, List<StageDescriptor>> sort(Collection<StageDescriptor> stages, UnaryOperator<String> called) {
        Set<String> ids = new HashSet<>();
        Map<Arc, List<StageDescriptor>> byArc = new EnumMap<>(Arc.class);
        for (StageDescriptor stage : stages) {
            if (!ids.add(stage.id())) {
                throw new IllegalArgumentException("two stages are called " + stage.id());
            }
            Arc arc = stage.arc();
            if (arc != null) {
                byArc.computeIfAbsent(arc, key -> new ArrayList<>()).add(stage);
            }
        }
        byArc.replaceAll((arc, onArc) -> sortArc(arc, onArc, called));
        return byArc;
    }

    private static List<StageDescriptor> sortArc(Arc arc, List<StageDescriptor> stages, UnaryOperator<String> called) {
        Map<StageDescriptor, Set<StageDescriptor>> predecessors = new LinkedHashMap<>();
        for (StageDescriptor stage : stages) {
            predecessors.put(stage, predecessorsOf(stage, stages));
        }
        List<StageDescriptor> terminals =
                stages.stream().filter(StageDescriptor::terminal).toList();
        if (terminals.size() > 1) {
            throw new IllegalArgumentException("arc " + arc.id() + " ends twice: with "
                    + terminals.stream()
                            .map(stage -> called.apply(stage.id()))
                            .collect(Collectors.joining(" and with ")));
        }
        List<StageDescriptor> ordered = new ArrayList<>();
        while (!predecessors.isEmpty()) {
            StageDescriptor ready = firstReady(predecessors);
            if (ready == null) {
                throw new IllegalArgumentException(
                        "arc " + arc.id() + " has no valid order: " + circle(predecessors, called));
            }
            predecessors.remove(ready);
            predecessors.values().forEach(earlier -> earlier.remove(ready));
            ordered.add(ready);
        }
        return ordered;
    }

    /** Who is to run before whom, round to the first one again. */
    private static String circle(
            Map<StageDescriptor, Set<StageDescriptor>> predecessors, UnaryOperator<String> called) {
        List<StageDescriptor> backwards = new ArrayList<>();
        StageDescriptor at = predecessors.keySet().iterator().next();
        while (!backwards.contains(at)) { // each that is left waits for another one
            backwards.add(at);
            at = predecessors.getOrDefault(at, Set.of()).iterator().next();
        }
        List<StageDescriptor> circle = new ArrayList<>(backwards.subList(backwards.indexOf(at), backwards.size()));
        Collections.reverse(circle);
        List<String> names =
                circle.stream().map(stage -> called.apply(stage.id())).toList();
        return names.get(0) + " is to run before " + String.join(", that before ", names.subList(1, names.size()))
                + ", and that before " + names.get(0);
    }

    private static Set<StageDescriptor> predecessorsOf(StageDescriptor stage, List<StageDescriptor> onArc) {
        Set<StageDescriptor> earlier = new LinkedHashSet<>();
        for (StageDescriptor other : onArc) {
            boolean declared =
                    stage.after().contains(other.id()) || other.before().contains(stage.id());
            if (other != stage && (declared || stage.terminal())) {
                earlier.add(other);
            }
        }
        return earlier;
    }

    private static @Nullable StageDescriptor firstReady(Map<StageDescriptor, Set<StageDescriptor>> predecessors) {
        for (Map.Entry<StageDescriptor, Set<StageDescriptor>> stage : predecessors.entrySet()) {
            if (stage.getValue().isEmpty()) {
                return stage.getKey();
            }
        }
        return null;
    }
}
