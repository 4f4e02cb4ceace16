// SPDX-License-Identifier: Apache-2.0
package io.culvert.graph;

import io.culvert.spi.Arc;
import io.culvert.spi.StageDescriptor;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
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
     * @throws IllegalArgumentException naming the stages when ids clash, when declarations contradict each other, or when
     *     an arc has two terminal stages
     */
    static Map<Arc, List<StageDescriptor>> sort(Collection<StageDescriptor> stages) {
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
        byArc.replaceAll(ArcOrder::sortArc);
        return byArc;
    }

    private static List<StageDescriptor> sortArc(Arc arc, List<StageDescriptor> stages) {
        Map<StageDescriptor, Set<StageDescriptor>> predecessors = new LinkedHashMap<>();
        for (StageDescriptor stage : stages) {
            predecessors.put(stage, predecessorsOf(stage, stages));
        }
        List<StageDescriptor> terminals =
                stages.stream().filter(StageDescriptor::terminal).toList();
        if (terminals.size() > 1) {
            throw new IllegalArgumentException("arc " + arc.id() + " ends twice: " + terminals);
        }
        List<StageDescriptor> ordered = new ArrayList<>();
        while (!predecessors.isEmpty()) {
            StageDescriptor ready = firstReady(predecessors);
            if (ready == null) {
                throw new IllegalArgumentException("arc " + arc.id() + " has no valid order: the declarations of "
                        + predecessors.keySet() + " go round in a circle");
            }
            predecessors.remove(ready);
            predecessors.values().forEach(earlier -> earlier.remove(ready));
            ordered.add(ready);
        }
        return ordered;
    }

    private static Set<StageDescriptor> predecessorsOf(StageDescriptor stage, List<StageDescriptor> onArc) {
        Set<StageDescriptor> earlier = new HashSet<>();
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
