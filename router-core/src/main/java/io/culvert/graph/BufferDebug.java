// SPDX-License-Identifier: Apache-2.0
package io.culvert.graph;

import io.culvert.packet.BufferPool;
import io.culvert.packet.PacketBuffer;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Objects;
import java.util.zip.CRC32;
import org.jspecify.annotations.Nullable;

/**
 * Remembers of each packet of a lane where in the code of a stage something was done with it last, to tell whoever misuses it
 * later: a packet is no more than a buffer that is used again, and by itself knows nothing of its past. Each note costs
 * a walk over the stack: for the debug mode alone. Confined to the lane's thread.
 *
 * <p>Free buffers begin with a pattern. After each call of a stage the buffers that it has given away lately are looked at,
 * so whoever writes to one is caught in the act; and each once more when it is used again.
 */
final class BufferDebug implements BufferPool.Watch {
    static final long LONGEST_HOLD_NANOS = 10_000_000_000L;
    private static final long LOOK_NANOS = 1_000_000_000L;
    private static final StackWalker STACK = StackWalker.getInstance();
    /** Packets given away last by each stage that are looked at after its calls. */
    private static final int REMEMBERED = 64;

    /** The part of a buffer that is watched: where headers are, whatever the packet. */
    private static final int WATCHED_BYTES = 2048;

    private static final ByteBuffer PATTERN = pattern();

    private static ByteBuffer pattern() {
        byte[] bytes = new byte[WATCHED_BYTES];
        Arrays.fill(bytes, (byte) 0xdb);
        return ByteBuffer.wrap(bytes);
    }

    /** Told of a stage that misuses a packet. */
    @FunctionalInterface
    interface Teller {
        void misuses(String stage, String how);
    }

    /** @param life which of the packets that the buffer was, one after the other */
    private record Note(PacketBuffer packet, int life, String did, String stage, String place, long at) {
        String text() {
            return did + " by " + stage + " at " + place;
        }
    }

    /** The packets that a stage has given away lately. */
    final class Given {
        private final @Nullable Note[] lately = new Note[REMEMBERED];
        private final long[] sums = new long[REMEMBERED];
        private int next;
        private int ofThisCall;

        private void add(Note note) {
            lately[next] = note;
            sums[next] = sum(note.packet());
            next = (next + 1) % REMEMBERED;
            ofThisCall = Math.min(ofThisCall + 1, REMEMBERED);
        }

        /** After a call of the stage, before anybody else has the packets that it sent. */
        void look() {
            for (int back = 1; back <= REMEMBERED; back++) {
                int index = Math.floorMod(next - back, REMEMBERED);
                Note note = lately[index];
                if (note == null) {
                    continue;
                }
                PacketBuffer packet = note.packet();
                boolean free = packet.state() == PacketBuffer.State.FREE;
                if (lives[packet.slot()] != note.life()) {
                    lately[index] = null;
                } else if (free ? isSpoilt(packet) : back <= ofThisCall && sum(packet) != sums[index]) {
                    lately[index] = null;
                    teller.misuses(
                            note.stage(), "has written to a packet that it had given away: it was " + note.text());
                    if (free) {
                        fill(packet);
                    }
                }
            }
            ofThisCall = 0;
        }
    }

    private final Teller teller;
    private final @Nullable Note[] notes;
    private final int[] lives;
    private long lookAt = Long.MIN_VALUE;

    /** Watches a lane's pool from now on. */
    BufferDebug(BufferPool pool, Teller teller) {
        this.teller = teller;
        notes = new Note[pool.capacity()];
        lives = new int[pool.capacity()];
        pool.watch(this);
    }

    @Override
    public void taken(PacketBuffer packet) {
        Note last = notes[packet.slot()];
        if (isSpoilt(packet) && last != null) {
            teller.misuses(
                    last.stage(),
                    "was the last to have a packet that somebody has written to since: it was " + last.text());
        }
        notes[packet.slot()] = null; // from now on the buffer is another packet
        lives[packet.slot()]++;
    }

    @Override
    public void freed(PacketBuffer packet) {
        fill(packet);
    }

    private static void fill(PacketBuffer packet) {
        packet.bytes().duplicate().clear().put(PATTERN.duplicate());
    }

    private static boolean isSpoilt(PacketBuffer packet) {
        return packet.bytes().duplicate().clear().limit(WATCHED_BYTES).mismatch(PATTERN.duplicate()) >= 0;
    }

    private static long sum(PacketBuffer packet) {
        CRC32 sum = new CRC32();
        sum.update(packet.bytes().duplicate().limit(packet.end()).position(packet.start()));
        return sum.getValue() << 32 | (long) packet.start() << 16 | packet.end();
    }

    /** @param did completes "it was" */
    void note(PacketBuffer packet, String did, String stage, long now) {
        notes[packet.slot()] = new Note(packet, lives[packet.slot()], did, stage, place(), now);
    }

    /** Notes that a stage gives a packet away. */
    void note(PacketBuffer packet, String did, String stage, long now, Given given) {
        note(packet, did, stage, now);
        given.add(Objects.requireNonNull(notes[packet.slot()], "noted just now"));
    }

    /** What was done with a packet last, or that it came from a device. */
    String lastOf(PacketBuffer packet) {
        Note note = notes[packet.slot()];
        return note == null ? "it was received" : "it was " + note.text();
    }

    /** Where the packets are that a stage holds, for one that should have given them back. */
    void tellHeldBy(int stage, String id) {
        for (Note note : notes) {
            if (note != null && note.packet().isHeldBy(stage)) {
                teller.misuses(id, "has ended and not given back a packet: it was " + note.text());
            }
        }
    }

    /** Looks once a second for packets that are held for too long. */
    void lookAtHeld(long now) {
        if (lookAt != Long.MIN_VALUE && now - lookAt < 0) {
            return;
        }
        lookAt = now + LOOK_NANOS;
        for (Note note : notes) {
            if (note != null
                    && note.packet().state() == PacketBuffer.State.HELD
                    && now - note.at() > LONGEST_HOLD_NANOS) {
                teller.misuses(
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
