// SPDX-License-Identifier: Apache-2.0
package io.culvert.spi;

/**
 * Where an output of a stage leads. The graph is built from these; a cycle in it fails the start.
 *
 * @since 0.1
 */
public sealed interface Target {
    /** The next stage on the same arc; behind the last one, the arc's continuation. */
    static Target next() {
        return new Next();
    }

    /** The first stage of an arc. */
    static Target arc(Arc arc) {
        return new ArcStart(arc);
    }

    /** A stage by its id, on whatever arc, or one that stands on none. */
    static Target stage(String id) {
        return new StageById(id);
    }

    /**
     * A stage by its id, reached through the lane's bounded recirculation queue: the one way to send a packet back to
     * where packets have been already. What does not fit is dropped as {@code recirculation-full}.
     */
    static Target recirculate(String id) {
        return new Recirculate(id);
    }

    record Next() implements Target {}

    record ArcStart(Arc arc) implements Target {}

    record StageById(String id) implements Target {}

    record Recirculate(String id) implements Target {}
}
