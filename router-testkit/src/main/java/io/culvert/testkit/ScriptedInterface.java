// SPDX-License-Identifier: Apache-2.0
package io.culvert.testkit;

import io.culvert.packet.BufferPool;
import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.spi.ReceiveQueue;
import io.culvert.spi.TransmitQueue;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * An interface without a device: the test says what it receives, and reads what was sent out of it. Can lose its device,
 * refuse packets, and throw, when told to. Any thread.
 */
public final class ScriptedInterface implements ReceiveQueue, TransmitQueue {
    private final int interfaceId;
    private final boolean ethernet;
    private final Deque<Consumer<PacketBuffer>> incoming = new ArrayDeque<>();
    private final List<byte[]> sent = new ArrayList<>();
    private @Nullable Runnable wake;
    private @Nullable IOException gone;
    private @Nullable RuntimeException bug;
    private boolean deadly;
    private @Nullable Refusal refusing;
    private int acceptBeforeRefusing;

    private ScriptedInterface(int interfaceId, boolean ethernet) {
        this.interfaceId = interfaceId;
        this.ethernet = ethernet;
    }

    /** Receives and sends Ethernet frames. */
    public static ScriptedInterface ethernet(int interfaceId) {
        return new ScriptedInterface(interfaceId, true);
    }

    /** Receives and sends bare IP packets. */
    public static ScriptedInterface pointToPoint(int interfaceId) {
        return new ScriptedInterface(interfaceId, false);
    }

    /** Lets a packet arrive. */
    public void arrive(byte[] packet) {
        arrive(packet, buffer -> {});
    }

    /** Lets a packet arrive with offload state, or whatever else {@code prepare} sets on it. */
    public void arrive(byte[] packet, Consumer<PacketBuffer> prepare) {
        byte[] copy = packet.clone();
        Runnable toWake;
        synchronized (this) {
            incoming.add(buffer -> {
                buffer.setWindow(PacketBuffer.HEADROOM, copy.length);
                buffer.copyFrom(copy, 0, buffer.start(), copy.length);
                prepare.accept(buffer);
            });
            toWake = wake;
            wake = null;
        }
        if (toWake != null) {
            toWake.run();
        }
    }

    /** Makes the device vanish: the next read fails. */
    public void vanish() {
        tell(() -> gone = new IOException("the device is gone"));
    }

    /** Makes the next read throw, as a bug would. */
    public void breakDown(RuntimeException cause) {
        tell(() -> bug = cause);
    }

    /** Makes the next read give the lane what no queue may, so that its graph dies of it. */
    public void breakLane() {
        tell(() -> deadly = true);
    }

    /** Has the lane look here, when it waits for this interface. */
    void call() {
        tell(() -> {});
    }

    /** Whether the lane waits for this interface, or has given it up. */
    synchronized boolean isWaitedFor() {
        return wake != null || gone != null;
    }

    private void tell(Runnable how) {
        Runnable toWake;
        synchronized (this) {
            how.run();
            toWake = wake;
            wake = null;
        }
        if (toWake != null) {
            toWake.run();
        }
    }

    /** Accepts so many more packets, then refuses until {@link #acceptAll}. */
    public synchronized void refuseAfter(int accepted, Refusal reason) {
        refusing = reason;
        acceptBeforeRefusing = accepted;
    }

    public synchronized void acceptAll() {
        refusing = null;
    }

    /** Everything sent so far, in order. */
    public synchronized List<byte[]> sent() {
        return List.copyOf(sent);
    }

    /** Forgets what was sent and answers it. */
    public synchronized List<byte[]> takeSent() {
        List<byte[]> taken = List.copyOf(sent);
        sent.clear();
        return taken;
    }

    public synchronized boolean hasSent() {
        return !sent.isEmpty();
    }

    /** Takes the packet that was sent first. */
    public synchronized byte[] takeFirstSent() {
        return sent.remove(0);
    }

    /** Packets that have arrived and were not read yet. */
    public synchronized int unread() {
        return incoming.size();
    }

    @Override
    public int interfaceId() {
        return interfaceId;
    }

    @SuppressWarnings("NullAway") // that is what is wrong with it
    @Override
    public synchronized int receive(PacketVector into, BufferPool pool) throws IOException {
        IOException lost = gone;
        if (lost != null) {
            throw lost;
        }
        RuntimeException broken = bug;
        if (broken != null) {
            bug = null;
            throw broken;
        }
        if (deadly) {
            deadly = false;
            into.add(null);
            return 1;
        }
        int received = 0;
        while (!into.isFull() && !incoming.isEmpty()) {
            PacketBuffer packet = pool.take();
            if (packet == null) {
                break;
            }
            incoming.remove().accept(packet);
            packet.setReceiveInterface(interfaceId);
            if (ethernet) {
                packet.setL2Offset(packet.start());
            } else {
                packet.setL3Offset(packet.start());
            }
            into.add(packet);
            received++;
        }
        return received;
    }

    @Override
    public void arm(Runnable toWake) {
        synchronized (this) {
            if (incoming.isEmpty() && gone == null && bug == null && !deadly) {
                wake = toWake;
                return;
            }
        }
        toWake.run();
    }

    @Override
    public synchronized int transmit(PacketVector packets, int from) {
        int accepted = 0;
        for (int i = from; i < packets.size(); i++) {
            if (refusing != null && acceptBeforeRefusing-- <= 0) {
                break;
            }
            sent.add(packets.get(i).toByteArray());
            accepted++;
        }
        return accepted;
    }

    @Override
    public synchronized Refusal refusal() {
        Refusal reason = refusing;
        return reason == null ? Refusal.DEVICE_ERROR : reason;
    }
}
