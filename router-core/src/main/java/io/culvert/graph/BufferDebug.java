// SPDX-License-Identifier: Apache-2.0
package io.culvert.graph;

import io.culvert.packet.PacketBuffer;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Remembers of each packet of a lane where in the code of a stage something was done with it last, to tell whoever misuses it
 * later: a packet is no more than a buffer that is used again, and by itself knows nothing of its past. Each note costs
 * a walk over the stack: for the debug mode alone. Confined to the lane's thread.
 */
final class BufferDebug {
    static final long LONGEST_HOLD_NANOS = 10_000_000_000L;
    private static final long LOOK_NANOS = 1_000_000_000L;
    private static final StackWalker STACK = StackWalker.getInstance();

    /** Told of a packet that was kept too long. */
    @FunctionalInterface
    interface Late {
        void heldTooLong(String stage, String how);
    }

    private record Note(PacketBuffer packet, String did, String stage, String place, long at) {
        String text() {
            return did + " by " + stage + " at " + place;
        }
    }

    private final @Nullable Note[] notes;
    private long lookAt = Long.MIN_VALUE;

    /** @param capacity of the lane's pool */
    BufferDebug(int capacity) {
        notes = new Note[capacity];
    }

    /** @param did completes "it was" */
    void note(PacketBuffer packet, String did, String stage, long now) {
        notes[packet.slot()] = new Note(packet, did, stage, place(), now);
    }

    /** What was done with a packet last, or that it came from a device. */
    String lastOf(PacketBuffer packet) {
        Note note = notes[packet.slot()];
        return note == null ? "it was received" : "it was " + note.text();
    }

    /** From now on the buffer is another packet. */
    void forget(PacketBuffer packet) {
        notes[packet.slot()] = null;
    }

    /** Where the packets are that a stage holds, for one that should have given them back. */
    void tellHeldBy(int stage, String id, Late late) {
        for (Note note : notes) {
            if (note != null && note.packet().isHeldBy(stage)) {
                late.heldTooLong(id, "has ended and not given back a packet: it was " + note.text());
            }
        }
    }

    /** Looks once a second for packets that are held for too long. */
    void lookAtHeld(long now, Late late) {
        if (lookAt != Long.MIN_VALUE && now - lookAt < 0) {
            return;
        }
        lookAt = now + LOOK_NANOS;
        for (Note note : notes) {
            if (note != null
                    && note.packet().state() == PacketBuffer.State.HELD
                    && now - note.at() > LONGEST_HOLD_NANOS) {
                late.heldTooLong(
                        note.stage(),
                        "has kept a packet for more than " + LONGEST_HOLD_NANOS / 1_000_000_000L + " s: it was "
                                + note.text());
            }
        }
    }

    /** The innermost call outside the graph. */
    private static String place() {
        return STACK.walk(frames -> frames.filter(frame -> !isOfGraph(frame.getClassName()))
                .findFirst()
                .map(frame -> Objects.requireNonNullElse(frame.getFileName(), frame.getClassName()) + ":"
                        + frame.getLineNumber())
                .orElse("?"));
    }

    private static boolean isOfGraph(String className) {
        return className.equals(BufferDebug.class.getName()) || className.equals(StageRunner.class.getName());
    }
}
