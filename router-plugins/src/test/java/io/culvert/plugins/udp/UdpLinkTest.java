// SPDX-License-Identifier: Apache-2.0
package io.culvert.plugins.udp;

import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.packet.BufferPool;
import io.culvert.packet.PacketVector;
import io.culvert.spi.Device;
import io.culvert.spi.Device.State;
import io.culvert.spi.ReceiveQueue;
import io.culvert.spi.TransmitQueue;
import io.culvert.spi.UdpSocket;
import io.culvert.testkit.ScriptedInterface;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;

final class UdpLinkTest {
    private static final long SECOND = Duration.ofSeconds(1).toNanos();
    private static final int OVERHEAD = UdpSocket.OVERHEAD4;

    /** A socket of which the test says what it has heard and how large a packet its path takes. */
    private static final class ScriptedSocket implements UdpSocket {
        private final ScriptedInterface lane = ScriptedInterface.pointToPoint(0);
        private int emptySent;
        private boolean arrived;
        private boolean stale;
        private int pathMtu = 1500;

        @Override
        public InetSocketAddress local() {
            return new InetSocketAddress("192.0.2.1", 4790);
        }

        @Override
        public InetSocketAddress peer() {
            return new InetSocketAddress("192.0.2.2", 4790);
        }

        @Override
        public ReceiveQueue receiveQueue() {
            return lane;
        }

        @Override
        public TransmitQueue transmitQueue(int number) {
            return lane;
        }

        @Override
        public void sendEmpty() {
            emptySent++;
        }

        @Override
        public boolean hasArrived() {
            return arrived;
        }

        @Override
        public int pathMtu() throws IOException {
            if (pathMtu == 0) {
                throw new IOException("no route");
            }
            return pathMtu;
        }

        @Override
        public boolean isStale() {
            return stale;
        }

        @Override
        public void onChange(Runnable changed) {}

        @Override
        public List<Device.Count> counts() {
            return List.of();
        }

        @Override
        public void close() {}
    }

    private final ScriptedSocket socket = new ScriptedSocket();
    private final BufferPool pool = BufferPool.allocate(8);
    private final PacketVector vector = new PacketVector(8);
    private long now = -5 * SECOND; // a clock that runs through zero, as System.nanoTime may

    private UdpLink link(long keepaliveNanos) {
        return new UdpLink(socket, keepaliveNanos, OVERHEAD, () -> now);
    }

    private State lookAt(UdpLink link) {
        return link.look().state();
    }

    private void hear(UdpLink link, byte[]... payloads) throws IOException {
        for (byte[] payload : payloads) {
            socket.lane.arrive(payload);
        }
        link.receiver(socket.receiveQueue()).receive(vector, pool);
    }

    @Test
    void isAlwaysUpAndSendsNothingByItselfWithoutKeepalive() {
        UdpLink link = link(0);
        now += 1000 * SECOND;

        assertThat(lookAt(link)).isEqualTo(State.USABLE);
        assertThat(socket.emptySent).isZero();
        assertThat(link.lookAgainNanos()).isEqualTo(Device.Probe.NEVER);
    }

    @Test
    void isDownUntilThePeerIsHeardAndDownAgainAfterThreeTimesTheKeepalive() throws IOException {
        UdpLink link = link(SECOND);
        assertThat(lookAt(link)).isEqualTo(State.PEER_SILENT);

        hear(link, new byte[] {0x45});
        now += 3 * SECOND - 1;
        assertThat(lookAt(link)).isEqualTo(State.USABLE);
        assertThat(link.lookAgainNanos()).isEqualTo(1);
        now += 1;
        assertThat(lookAt(link)).isEqualTo(State.PEER_SILENT);
    }

    @Test
    void hearsThePeerThoughNoLaneReadsWhileItIsDown() {
        UdpLink link = link(SECOND);
        assertThat(lookAt(link)).isEqualTo(State.PEER_SILENT);
        assertThat(link.lookAgainNanos()).isLessThanOrEqualTo(SECOND / 10);

        socket.arrived = true;

        assertThat(lookAt(link)).isEqualTo(State.USABLE);
    }

    @Test
    void saysHereIAmAtOnceAndThenWheneverNothingWasSentForSoLong() {
        UdpLink link = link(SECOND);
        lookAt(link);
        assertThat(socket.emptySent).isEqualTo(1);
        now += SECOND - 1;
        lookAt(link);
        assertThat(socket.emptySent).isEqualTo(1);
        now += 1;
        lookAt(link);
        assertThat(socket.emptySent).isEqualTo(2);

        now += SECOND / 2;
        vector.add(Objects.requireNonNull(pool.take()));
        assertThat(link.transmitter(socket.transmitQueue(0)).transmit(vector, 0))
                .isEqualTo(1);
        now += SECOND - 1;
        lookAt(link);
        assertThat(socket.emptySent).as("something was sent meanwhile").isEqualTo(2);
    }

    @Test
    void takesEmptyDatagramsOutAndLeavesTheOrderOfTheOthers() throws IOException {
        hear(link(0), new byte[0], new byte[] {1}, new byte[0], new byte[0], new byte[] {2, 2}, new byte[0]);

        assertThat(vector.size()).isEqualTo(2);
        assertThat(vector.get(0).length()).isEqualTo(1);
        assertThat(vector.get(1).length()).isEqualTo(2);
        assertThat(pool.outstanding()).isEqualTo(2);
    }

    @Test
    void followsThePathsMtuAndKeepsItWhileThereIsNoPath() throws IOException {
        UdpLink link = link(0);
        assertThat(link.followPath(65507)).isEqualTo(1472);

        socket.pathMtu = 1300;
        assertThat(link.look().mtu()).isEqualTo(1272);
        socket.pathMtu = 0;
        assertThat(link.look().mtu()).isEqualTo(1272);
        socket.pathMtu = 65536;
        assertThat(link.look().mtu()).isEqualTo(65507);
        assertThat(link.lookAgainNanos())
                .as("a path that takes more tells nobody")
                .isLessThan(60 * SECOND);
    }

    @Test
    void leavesAConfiguredMtuAlone() {
        socket.pathMtu = 1300;

        assertThat(link(0).look().mtu()).isZero();
    }

    @Test
    void isGoneWhenItsAddressIs() {
        UdpLink link = link(0);
        socket.stale = true;

        assertThat(lookAt(link)).isEqualTo(State.GONE);
    }
}
