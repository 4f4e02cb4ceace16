// SPDX-License-Identifier: Apache-2.0
package io.culvert.ffi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.api.Test;

/** System calls on descriptors that any user may open. */
class SyscallsTest {
    private static final int ROUNDS = 20_000;

    @Test
    void writesAndReadsThroughNativeAddresses() throws Exception {
        ByteBuffer memory = NativeMemory.allocate(64);
        long address = NativeMemory.address(memory);
        try (EventFd event = EventFd.create()) {
            memory.putLong(0, 5);
            assertThat(Syscalls.write(event.fd(), address, 8)).isEqualTo(8);
            assertThat(Syscalls.read(event.fd(), address + 8, 8)).isEqualTo(8);
            assertThat(memory.getLong(8)).isEqualTo(5);
            assertThat(Syscalls.read(event.fd(), address, 8)).isEqualTo(-Errno.EAGAIN);
        }
    }

    @Test
    void reportsFailureAsNegatedErrno() {
        assertThat(Syscalls.close(-1)).isEqualTo(-Errno.EBADF);
        assertThat(Syscalls.open("/no/such/file", Syscalls.O_RDONLY)).isEqualTo(-Errno.ENOENT);
        assertThat(Syscalls.ifNameToIndex("nosuchdevice0")).isEqualTo(-Errno.ENODEV);
        assertThat(Syscalls.ifNameToIndex("lo")).isEqualTo(1);
    }

    @Test
    void givesAndTakesVectorsOfMemory() {
        ByteBuffer memory = NativeMemory.allocate(256);
        long address = NativeMemory.address(memory);
        memory.putLong(0, address + 64).putLong(8, 3).putLong(16, address + 128).putLong(24, 5);
        int fd = Syscalls.open("/dev/zero", Syscalls.O_RDWR);
        try {
            memory.putLong(64, -1).putLong(128, -1);
            assertThat(Syscalls.readv(fd, address, 2)).isEqualTo(8);
            assertThat(memory.order(ByteOrder.BIG_ENDIAN).getLong(64)).isEqualTo(0x000000ffffffffffL);
            assertThat(memory.getLong(128)).isEqualTo(0x0000000000ffffffL);
            assertThat(Syscalls.writev(fd, address, 2)).isEqualTo(8);
        } finally {
            Syscalls.close(fd);
        }
    }

    @Test
    void pollSeesWhatIsReadableAndTimesOut() throws Exception {
        ByteBuffer pollfd = NativeMemory.allocate(8);
        long address = NativeMemory.address(pollfd);
        try (EventFd event = EventFd.create()) {
            pollfd.putInt(0, event.fd()).putShort(4, (short) Syscalls.POLLIN);
            assertThat(Syscalls.poll(address, 1, 5)).isZero();
            event.signal();
            assertThat(Syscalls.poll(address, 1, -1)).isEqualTo(1);
            assertThat((int) pollfd.getShort(6)).isEqualTo(Syscalls.POLLIN);
        }
    }

    @Test
    void memoryIsPageAlignedZeroedAndAddressedFromIndexZero() {
        ByteBuffer memory = NativeMemory.allocate(5000);
        assertThat(memory.capacity()).isEqualTo(5000);
        assertThat(memory.getLong(4992)).isZero();
        long address = NativeMemory.address(memory);
        assertThat(address % NativeMemory.PAGE_BYTES).isZero();
        memory.position(100);
        assertThat(NativeMemory.address(memory)).isEqualTo(address);
        assertThat(NativeMemory.address(memory.slice(2048, 64))).isEqualTo(address + 2048);
        assertThatThrownBy(() -> NativeMemory.address(ByteBuffer.allocate(8)))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void tellsAPersonWhatFailed() {
        NativeException e = new NativeException("ioctl(TUNSETIFF)", Errno.EBUSY, "tun0: in use");
        assertThat(e).hasMessage("ioctl(TUNSETIFF): EBUSY (device or resource busy): tun0: in use");
        assertThat(e.errno()).isEqualTo(Errno.EBUSY);
    }

    @Test
    void epollReportsDataOfReadyDescriptorsAndForgetsRemovedOnes() throws Exception {
        try (Epoll epoll = Epoll.create(4);
                EventFd first = EventFd.create();
                EventFd second = EventFd.create()) {
            epoll.add(first.fd(), Epoll.EPOLLIN, 0x1122334455667788L);
            epoll.add(second.fd(), Epoll.EPOLLIN, 2);
            assertThat(epoll.await(0)).isZero();
            first.signal();
            assertThat(epoll.await(-1)).isEqualTo(1);
            assertThat(epoll.data(0)).isEqualTo(0x1122334455667788L);
            assertThat(epoll.events(0)).isEqualTo(Epoll.EPOLLIN);
            second.signal();
            assertThat(epoll.await(1000)).isEqualTo(2);
            assertThat(first.drain()).isTrue();
            assertThat(first.drain()).isFalse();
            assertThat(epoll.await(0)).isEqualTo(1);
            assertThat(epoll.data(0)).isEqualTo(2);
            epoll.remove(second.fd());
            assertThat(epoll.await(2)).isZero();
            assertThatThrownBy(() -> epoll.remove(second.fd()))
                    .isInstanceOf(NativeException.class)
                    .hasMessageContaining("ENOENT");
        }
    }

    @Test
    void sendsAndReceivesVectorsOfMessages() throws Exception {
        try (Loopback sockets = new Loopback()) {
            ByteBuffer out = NativeMemory.allocate(3 * 64);
            long outAddress = NativeMemory.address(out);
            MessageVector send = new MessageVector(3, 2, true);
            for (int i = 0; i < 3; i++) {
                out.putInt(i * 64, 0x01010101 * (i + 1)).putInt(i * 64 + 32, 0x7f7f7f7f);
                send.set(i, outAddress + i * 64L, 4, outAddress + i * 64L + 32, i + 1);
            }
            assertThat(send.send(sockets.sender, 0, 1)).isEqualTo(1);
            assertThat(send.send(sockets.sender, 1, 2)).isEqualTo(2);
            assertThat(send.length(2)).isEqualTo(7);

            ByteBuffer in = NativeMemory.allocate(4 * 64);
            long inAddress = NativeMemory.address(in);
            MessageVector receive = new MessageVector(4, 1, true);
            for (int i = 0; i < 4; i++) {
                receive.set(i, inAddress + i * 64L, i == 1 ? 2 : 64);
            }
            assertThat(receive.receive(sockets.receiver, 4)).isEqualTo(3);
            assertThat(receive.length(0)).isEqualTo(5);
            assertThat(receive.length(2)).isEqualTo(7);
            assertThat(receive.flags(1) & Syscalls.MSG_TRUNC).isNotZero();
            assertThat(in.getInt(128)).isEqualTo(0x03030303);
            assertThat((int) in.get(134)).isEqualTo(0x7f);
            assertThat(receive.vlanTag(0)).isEqualTo(MessageVector.NO_VLAN_TAG);
            assertThat(receive.auxdataStatus(0)).isZero();
            assertThat(receive.receive(sockets.receiver, 4)).isEqualTo(-Errno.EAGAIN);
        }
    }

    @Test
    void messagesMayHaveAsManyPiecesAsThereAreForAll() throws Exception {
        ByteBuffer out = NativeMemory.allocate(8).putLong(0, 0x0807060504030201L);
        long outAddress = NativeMemory.address(out);
        ByteBuffer in = NativeMemory.allocate(3 * 64);
        long inAddress = NativeMemory.address(in);
        MessageVector receive = new MessageVector(3, 1, false);
        for (int i = 0; i < 3; i++) {
            receive.set(i, inAddress + i * 64L, 64);
        }
        try (Loopback sockets = new Loopback()) {
            MessageVector send = new MessageVector(3, 2, false);
            assertThat(send.pieces()).isEqualTo(6);
            for (int piece = 0; piece < 6; piece++) {
                send.setPiece(piece, outAddress + piece, 1);
            }
            send.gather(0, 0, 1);
            send.gather(1, 1, 4);
            send.gather(2, 5, 1);
            assertThat(send.send(sockets.sender, 0, 3)).isEqualTo(3);
            assertThat(receive.receive(sockets.receiver, 3)).isEqualTo(3);
            assertThat(receive.length(0)).isEqualTo(1);
            assertThat(receive.length(1)).isEqualTo(4);
            assertThat(receive.length(2)).isEqualTo(1);
            assertThat(in.getInt(64)).isEqualTo(0x05040302);
            assertThat(in.get(128)).isEqualTo((byte) 6);
            assertThatThrownBy(() -> send.setPiece(6, 0, 0)).isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> send.gather(0, 5, 2)).isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> send.gather(3, 0, 1)).isInstanceOf(IndexOutOfBoundsException.class);
        }
    }

    @Test
    void aGatherWriteIsOneMessageOfAllPiecesAddedSinceTheLast() throws Exception {
        ByteBuffer memory = NativeMemory.allocate(64).putLong(0, 0x0807060504030201L);
        long address = NativeMemory.address(memory);
        GatherWrite gather = new GatherWrite(2);
        try (Loopback sockets = new Loopback()) {
            gather.add(address + 6, 2);
            gather.add(address, 3);
            assertThatThrownBy(() -> gather.add(address, 1)).isInstanceOf(IndexOutOfBoundsException.class);
            assertThat(gather.write(sockets.sender)).isEqualTo(5);
            gather.add(address, 1);
            assertThat(gather.write(sockets.sender)).isEqualTo(1);
            assertThat(Syscalls.read(sockets.receiver, address + 16, 40)).isEqualTo(5);
            assertThat(memory.getInt(16)).isEqualTo(0x02010807);
            assertThat(memory.get(20)).isEqualTo((byte) 3);
            assertThat(Syscalls.read(sockets.receiver, address + 16, 40)).isEqualTo(1);
        }
        assertThat(gather.write(-1)).isEqualTo(-Errno.EBADF);
        assertThatThrownBy(() -> new GatherWrite(1025)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void rejectsMessagesBeyondTheVector() {
        MessageVector vector = new MessageVector(2, 1, false);
        assertThatThrownBy(() -> vector.set(2, 0, 0)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> vector.set(0, 0, 0, 0, 0)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> vector.receive(0, 3)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> vector.send(0, 1, 2)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> vector.length(-1)).isInstanceOf(IndexOutOfBoundsException.class);
    }

    @Test
    void allocatesNothingPerCall() throws Exception {
        ByteBuffer memory = NativeMemory.allocate(4096);
        long address = NativeMemory.address(memory);
        MessageVector vector = new MessageVector(4, 1, true);
        for (int i = 0; i < 4; i++) {
            vector.set(i, address + i * 64L, 32);
        }
        try (Loopback sockets = new Loopback();
                EventFd event = EventFd.create();
                Epoll epoll = Epoll.create(4)) {
            epoll.add(event.fd(), Epoll.EPOLLIN, 1);
            assertAllocatesNothing("read and write", () -> {
                event.signal();
                return event.drain() ? Syscalls.read(event.fd(), address, 8) : 0;
            });
            assertAllocatesNothing("epoll_wait", () -> epoll.await(0) + epoll.events(0));
            assertAllocatesNothing("poll", () -> Syscalls.poll(address, 0, 0));
            assertAllocatesNothing(
                    "sendmmsg and recvmmsg",
                    () -> vector.send(sockets.sender, 0, 4)
                            + vector.receive(sockets.receiver, 4)
                            + vector.receive(sockets.receiver, 4)
                            + vector.vlanTag(0));
            assertAllocatesNothing(
                    "sendto and recvfrom",
                    () -> Syscalls.sendto(sockets.sender, address, 8, 0, 0, 0)
                            + Syscalls.recvfrom(sockets.receiver, address, 64, Syscalls.MSG_DONTWAIT, 0, 0));
            memory.putLong(0, address + 64).putLong(8, 8);
            assertAllocatesNothing(
                    "writev and readv",
                    () -> Syscalls.writev(sockets.sender, address, 1) + Syscalls.readv(sockets.receiver, address, 1));
            GatherWrite gather = new GatherWrite(2);
            assertAllocatesNothing("gather write", () -> {
                gather.add(address, 8);
                gather.add(address, 8);
                return gather.write(sockets.sender) + Syscalls.read(sockets.receiver, address, 64);
            });
            assertAllocatesNothing("virtio header", () -> {
                VirtioNetHeader.write(memory, 100, 1, 1, 54, 1448, 34, 16);
                return VirtioNetHeader.gsoSize(memory, 100);
            });
        }
    }

    private static void assertAllocatesNothing(String what, IntCall call) {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long sum = 0;
        for (int i = 0; i < ROUNDS; i++) {
            sum += call.run();
        }
        long before = threads.getCurrentThreadAllocatedBytes();
        for (int i = 0; i < ROUNDS; i++) {
            sum += call.run();
        }
        long bytes = threads.getCurrentThreadAllocatedBytes() - before;
        // the bean itself allocates a little
        assertThat(bytes).as("bytes for %s (%s)", what, sum).isLessThan(ROUNDS / 10);
    }

    private interface IntCall {
        int run();
    }

    /** Two UDP sockets on the loopback device, the first bound, the second sending to it. */
    private static final class Loopback implements AutoCloseable {
        final int receiver;
        final int sender;

        Loopback() throws IOException {
            ByteBuffer address = Syscalls.nativeStruct(16);
            address.putShort(0, (short) Syscalls.AF_INET).putInt(4, 0x0100007f);
            receiver = Syscalls.socket(Syscalls.AF_INET, Syscalls.SOCK_DGRAM | Syscalls.SOCK_NONBLOCK, 0);
            sender = Syscalls.socket(Syscalls.AF_INET, Syscalls.SOCK_DGRAM | Syscalls.SOCK_NONBLOCK, 0);
            NativeException.check(Syscalls.bind(receiver, address), "bind", "");
            NativeException.check(Syscalls.getsockname(receiver, address), "getsockname", "");
            NativeException.check(Syscalls.connect(sender, address), "connect", "");
        }

        @Override
        public void close() {
            Syscalls.close(receiver);
            Syscalls.close(sender);
        }
    }
}
