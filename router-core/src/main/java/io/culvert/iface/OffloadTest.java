// SPDX-License-Identifier: Apache-2.0
package io.culvert.iface;

import io.culvert.packet.BufferPool;
import io.culvert.packet.PacketBuffer;
import io.culvert.spi.RouterInterface;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Gives a kernel packets that leave work to it, and compares what comes out with what the standards ask for: each segment's
 * length, identification, sequence number, flags, checksums and every byte of payload.
 *
 * <p>All packets go out at once; one behind them that needs nothing done shows that the way is open at all. A kernel that
 * answers rightly is done in as long as it takes to send six packets; only for one that does not is anything waited for.
 *
 * <p>Source: virtio 1.2 section 5.1.6.2, RFC 9293 section 3.1, RFC 768, RFC 3168 section 6.1.2, RFC 6864.
 */
final class OffloadTest {
    /** A way through the kernel, from a device that takes offloads to one that has none. */
    interface Bench {
        /** Whether an Ethernet header stands before what is sent and received. */
        boolean ethernet();

        /** The MAC address that frames are sent to; 0 without Ethernet. */
        long destinationMac();

        /** Sends a packet with its offload state; false when the kernel refuses it. */
        boolean send(PacketBuffer packet);

        /** The next packet that came out, from its IP header on, or null when there is none within so many milliseconds. */
        byte @Nullable [] receive(int timeoutMs) throws IOException;
    }

    /**
     * What a kernel was found to do.
     *
     * @param right what it does as it must
     * @param wrong what it does not do right
     */
    record Findings(RouterInterface.Offloads right, List<Fault> wrong) {
        Findings {
            wrong = List.copyOf(wrong);
        }
    }

    /**
     * Something that a kernel does wrong.
     *
     * @param what the packets that it was to work on
     * @param seen what it did
     */
    record Fault(String what, String seen) {}

    /** The way through the kernel is closed, so that nothing was found out. */
    static final class NotTestedException extends IOException {
        private static final long serialVersionUID = 1;

        NotTestedException(String why) {
            super(why);
        }
    }

    /** How long a packet that is sent last may stay away, and how long the others may come after it. */
    private static final int OPEN_WITHIN_MS = 300;

    private static final int LATE_MS = 50;

    private static final int ETHERNET_BYTES = 14;
    private static final int ETH_P_IP = 0x0800;
    private static final int ETH_P_IPV6 = 0x86dd;
    private static final int IP4_BYTES = 20;
    private static final int IP6_BYTES = 40;
    private static final int TCP_BYTES = 20;
    private static final int UDP_BYTES = 8;
    private static final int PROTOCOL_TCP = 6;
    private static final int PROTOCOL_UDP = 17;
    private static final int TCP_CHECKSUM = 16;
    private static final int UDP_CHECKSUM = 6;

    /** TCP flags: FIN and PSH belong to the last segment, CWR to the first, ACK to all. */
    private static final int FIN = 0x01;

    private static final int PSH = 0x08;
    private static final int ACK = 0x10;
    private static final int CWR = 0x80;

    /** Addresses of networks that are for benchmarks and documentation, so nobody's (RFC 2544, RFC 3849). */
    private static final int SOURCE4 = 0xc612_0002;

    private static final int DESTINATION4 = 0xc613_0002;
    private static final long SOURCE6_HIGH = 0x2001_0db8_0012_0000L;
    private static final long DESTINATION6_HIGH = 0x2001_0db8_0013_0000L;
    private static final long HOST6 = 2;

    private static final int CONTROL_PORT = 40_000;
    private static final int DESTINATION_PORT = 9;
    private static final int IDENTIFICATION = 0xfffe; // its successors wrap around
    private static final long SEQUENCE = 0xffff_ff00L; // as do these

    /** What is asked of the kernel. A packet is known by its source port. */
    private enum Task {
        CHECKSUM("checksums", false, false, 333, 0),
        TCP4("TCP over IPv4", true, false, 2_500, 1_000),
        TCP6("TCP over IPv6", true, true, 2_500, 1_000),
        UDP4("UDP over IPv4", false, false, 2_100, 700),
        UDP6("UDP over IPv6", false, true, 1_801, 600);

        private final String text;
        private final boolean tcp;
        private final boolean ip6;
        private final int payloadBytes;
        private final int segmentBytes;

        Task(String text, boolean tcp, boolean ip6, int payloadBytes, int segmentBytes) {
            this.text = text;
            this.tcp = tcp;
            this.ip6 = ip6;
            this.payloadBytes = payloadBytes;
            this.segmentBytes = segmentBytes;
        }

        int port() {
            return CONTROL_PORT + 1 + ordinal();
        }

        boolean isSuperpacket() {
            return segmentBytes != 0;
        }

        int segments() {
            return isSuperpacket() ? (payloadBytes + segmentBytes - 1) / segmentBytes : 1;
        }

        PacketBuffer.Gso gso() {
            if (!isSuperpacket()) {
                return PacketBuffer.Gso.NONE;
            }
            return !tcp ? PacketBuffer.Gso.UDP : ip6 ? PacketBuffer.Gso.TCP6 : PacketBuffer.Gso.TCP4;
        }
    }

    private final Bench bench;
    private final BufferPool pool;
    private final Map<Task, List<byte[]>> answers = new EnumMap<>(Task.class);
    private final Map<Task, String> faults = new EnumMap<>(Task.class);

    /** @param pool a buffer to send from, whose address the bench can use */
    OffloadTest(Bench bench, BufferPool pool) {
        this.bench = bench;
        this.pool = pool;
        for (Task task : Task.values()) {
            answers.put(task, new ArrayList<>());
        }
    }

    /**
     * Runs the test.
     *
     * @throws NotTestedException when not even a plain packet comes through
     */
    Findings run() throws IOException {
        for (Task task : Task.values()) {
            if (!send(task)) {
                faults.put(task, "the kernel refuses them");
            }
        }
        if (!sendControl() || !collect()) {
            throw new NotTestedException("no packet comes through the kernel");
        }
        for (Task task : Task.values()) {
            String fault = faults.containsKey(task) ? null : faultOf(task, answers.getOrDefault(task, List.of()));
            if (fault != null) {
                faults.put(task, fault);
            }
        }
        boolean checksum = !faults.containsKey(Task.CHECKSUM);
        List<Fault> wrong = new ArrayList<>();
        faults.forEach((task, seen) -> wrong.add(new Fault(task.text, seen)));
        return new Findings(
                new RouterInterface.Offloads(
                        checksum,
                        checksum && !faults.containsKey(Task.TCP4),
                        checksum && !faults.containsKey(Task.TCP6),
                        checksum && !faults.containsKey(Task.UDP4) && !faults.containsKey(Task.UDP6)),
                wrong);
    }

    /** Takes in what comes out until all is there; false when the control packet stays away. */
    private boolean collect() throws IOException {
        boolean open = false;
        long deadline = System.nanoTime() + OPEN_WITHIN_MS * 1_000_000L;
        while (!open || !allAnswered()) {
            long left = deadline - System.nanoTime();
            byte[] packet = left <= 0 ? null : bench.receive((int) (left / 1_000_000) + 1);
            if (packet == null) {
                return open;
            }
            int port = sourcePort(packet);
            if (port == CONTROL_PORT) {
                open = true;
                deadline = System.nanoTime() + LATE_MS * 1_000_000L;
            }
            for (Task task : Task.values()) {
                if (task.port() == port) {
                    answers.getOrDefault(task, List.of()).add(packet);
                }
            }
        }
        return true;
    }

    private boolean allAnswered() {
        for (Task task : Task.values()) {
            if (!faults.containsKey(task)
                    && answers.getOrDefault(task, List.of()).size() < task.segments()) {
                return false;
            }
        }
        return true;
    }

    /** The source port of one of the test's own packets, or -1: the kernel sends IPv6 housekeeping unasked. */
    private static int sourcePort(byte[] packet) {
        if (packet.length >= IP4_BYTES + UDP_BYTES && packet[0] == 0x45 && get32(packet, 12) == SOURCE4) {
            return get16(packet, IP4_BYTES);
        }
        if (packet.length >= IP6_BYTES + UDP_BYTES
                && (packet[0] & 0xf0) == 0x60
                && get64(packet, 8) == SOURCE6_HIGH
                && get64(packet, 16) == HOST6) {
            return get16(packet, IP6_BYTES);
        }
        return -1;
    }

    // --- what is sent

    private boolean send(Task task) {
        byte[] ip = packet(task, task.payloadBytes, 0, 0, true);
        int transport = task.ip6 ? IP6_BYTES : IP4_BYTES;
        // As a sender leaves it: the pseudo header's sum, for the device to go on from.
        put16(ip, transport + checksumOffset(task), fold(pseudoHeader(ip, task, ip.length - transport)));
        return send(ip, task.ip6, packet -> {
            packet.setPartialChecksum(packet.l3Offset() + transport, checksumOffset(task));
            if (task.isSuperpacket()) {
                packet.setGso(task.gso(), task.segmentBytes, task.tcp);
            }
        });
    }

    private boolean sendControl() {
        byte[] ip = packet(Task.CHECKSUM, 1, 0, 0, true);
        put16(ip, IP4_BYTES, CONTROL_PORT);
        complete(ip, Task.CHECKSUM);
        return send(ip, false, packet -> {});
    }

    @FunctionalInterface
    private interface OffloadState {
        void setOn(PacketBuffer packet);
    }

    private boolean send(byte[] ip, boolean ip6, OffloadState state) {
        PacketBuffer packet = pool.take();
        if (packet == null) {
            throw new IllegalStateException("the pool is empty");
        }
        int link = bench.ethernet() ? ETHERNET_BYTES : 0;
        int start = packet.start();
        packet.setWindow(start, link + ip.length);
        if (link != 0) {
            long mac = bench.destinationMac();
            packet.bytes().putShort(start, (short) (mac >>> 32)).putInt(start + 2, (int) mac);
            packet.bytes().putShort(start + 6, (short) 0x0200).putInt(start + 8, 1);
            packet.bytes().putShort(start + 12, (short) (ip6 ? ETH_P_IPV6 : ETH_P_IP));
        }
        packet.copyFrom(ip, 0, start + link, ip.length);
        packet.setL3Offset(start + link);
        state.setOn(packet);
        boolean taken = bench.send(packet);
        pool.release(packet);
        return taken;
    }

    /** An IP packet with part of a task's payload, all its checksums still open. */
    private static byte[] packet(Task task, int payloadBytes, int from, int index, boolean last) {
        int transport = task.ip6 ? IP6_BYTES : IP4_BYTES;
        int headers = task.tcp ? TCP_BYTES : UDP_BYTES;
        byte[] ip = new byte[transport + headers + payloadBytes];
        int protocol = task.tcp ? PROTOCOL_TCP : PROTOCOL_UDP;
        if (task.ip6) {
            ip[0] = 0x60;
            put16(ip, 4, headers + payloadBytes);
            ip[6] = (byte) protocol;
            ip[7] = 64;
            put64(ip, 8, SOURCE6_HIGH);
            put64(ip, 16, HOST6);
            put64(ip, 24, DESTINATION6_HIGH);
            put64(ip, 32, HOST6);
        } else {
            ip[0] = 0x45;
            put16(ip, 2, ip.length);
            put16(ip, 4, IDENTIFICATION + index);
            ip[8] = 64;
            ip[9] = (byte) protocol;
            put32(ip, 12, SOURCE4);
            put32(ip, 16, DESTINATION4);
            put16(ip, 10, ~fold(sum(ip, 0, IP4_BYTES)));
        }
        put16(ip, transport, task.port());
        put16(ip, transport + 2, DESTINATION_PORT);
        if (task.tcp) {
            put32(ip, transport + 4, (int) (SEQUENCE + from));
            put32(ip, transport + 8, 0x0102_0304);
            ip[transport + 12] = TCP_BYTES / 4 << 4;
            ip[transport + 13] = (byte) (ACK | (index == 0 ? CWR : 0) | (last ? FIN | PSH : 0));
            put16(ip, transport + 14, 0x7fff);
        } else {
            put16(ip, transport + 4, UDP_BYTES + payloadBytes);
        }
        for (int i = 0; i < payloadBytes; i++) {
            ip[transport + headers + i] = (byte) ((from + i) * 31 + ((from + i) >> 8));
        }
        return ip;
    }

    // --- what must come out

    /** What is not as it must be about what came out, or null. */
    private static @Nullable String faultOf(Task task, List<byte[]> segments) {
        int count = task.segments();
        if (segments.size() != count) {
            return segments.isEmpty()
                    ? "the kernel loses them"
                    : "the kernel makes " + segments.size() + " packets of what are " + count;
        }
        int transport = task.ip6 ? IP6_BYTES : IP4_BYTES;
        int perSegment = task.isSuperpacket() ? task.segmentBytes : task.payloadBytes;
        for (int index = 0; index < count; index++) {
            byte[] got = segments.get(index);
            int from = index * perSegment;
            byte[] wanted =
                    packet(task, Math.min(perSegment, task.payloadBytes - from), from, index, index == count - 1);
            complete(wanted, task);
            String which = count == 1 ? "" : "segment " + (index + 1) + " of " + count + " has ";
            if (got.length != wanted.length) {
                return which + got.length + " bytes, not " + wanted.length;
            }
            String header = task.ip6 ? faultOfIp6(got, wanted) : faultOfIp4(got, wanted, segments, index);
            if (header != null) {
                return which + header;
            }
            int differs = Arrays.mismatch(got, transport, got.length, wanted, transport, wanted.length);
            if (differs >= 0) {
                return which + field(task, differs) + " " + hex(got, transport + differs) + ", not "
                        + hex(wanted, transport + differs);
            }
        }
        return null;
    }

    private static @Nullable String faultOfIp4(byte[] got, byte[] wanted, List<byte[]> segments, int index) {
        if (fold(sum(got, 0, IP4_BYTES)) != 0xffff) {
            return "a wrong IPv4 header checksum";
        }
        for (int earlier = 0; earlier < index; earlier++) {
            // They may be fragmented further on, and must not be taken for parts of one packet then.
            if (get16(segments.get(earlier), 4) == get16(got, 4)) {
                return "the IPv4 identification of an earlier one";
            }
        }
        // All but identification, TTL and checksum.
        boolean same = get32(got, 0) == get32(wanted, 0) && get16(got, 6) == get16(wanted, 6) && got[9] == wanted[9];
        return same && get64(got, 12) == get64(wanted, 12) ? null : "a wrong IPv4 header";
    }

    private static @Nullable String faultOfIp6(byte[] got, byte[] wanted) {
        // All but the hop limit.
        boolean same = Arrays.equals(got, 0, 7, wanted, 0, 7) && Arrays.equals(got, 8, IP6_BYTES, wanted, 8, IP6_BYTES);
        return same ? null : "a wrong IPv6 header";
    }

    private static String field(Task task, int offset) {
        if (offset / 2 == checksumOffset(task) / 2) {
            return "checksum";
        }
        if (offset >= (task.tcp ? TCP_BYTES : UDP_BYTES)) {
            return "at payload byte " + (offset - (task.tcp ? TCP_BYTES : UDP_BYTES));
        }
        if (!task.tcp) {
            return offset >= 4 ? "length" : "port";
        }
        return offset < 4 ? "port" : offset < 8 ? "sequence number" : offset == 13 ? "flags" : "TCP header";
    }

    private static String hex(byte[] bytes, int at) {
        return "0x" + Integer.toHexString(bytes[at] & 0xff);
    }

    // --- checksums

    private static int checksumOffset(Task task) {
        return task.tcp ? TCP_CHECKSUM : UDP_CHECKSUM;
    }

    /** Fills in the transport checksum (RFC 768, RFC 9293 section 3.1, RFC 8200 section 8.1). */
    private static void complete(byte[] ip, Task task) {
        int transport = task.ip6 ? IP6_BYTES : IP4_BYTES;
        int bytes = ip.length - transport;
        put16(ip, transport + checksumOffset(task), 0);
        int checksum = ~fold(pseudoHeader(ip, task, bytes) + sum(ip, transport, bytes)) & 0xffff;
        put16(ip, transport + checksumOffset(task), checksum == 0 && !task.tcp ? 0xffff : checksum);
    }

    private static long pseudoHeader(byte[] ip, Task task, int transportBytes) {
        long addresses = task.ip6 ? sum(ip, 8, 32) : sum(ip, 12, 8);
        return addresses + (task.tcp ? PROTOCOL_TCP : PROTOCOL_UDP) + transportBytes;
    }

    private static long sum(byte[] bytes, int from, int count) {
        long sum = 0;
        for (int i = 0; i < count; i += 2) {
            int low = i + 1 < count ? bytes[from + i + 1] & 0xff : 0;
            sum += (bytes[from + i] & 0xff) << 8 | low;
        }
        return sum;
    }

    private static int fold(long sum) {
        long folded = sum;
        while (folded >>> 16 != 0) {
            folded = (folded & 0xffff) + (folded >>> 16);
        }
        return (int) folded;
    }

    private static int get16(byte[] bytes, int at) {
        return (bytes[at] & 0xff) << 8 | bytes[at + 1] & 0xff;
    }

    private static int get32(byte[] bytes, int at) {
        return get16(bytes, at) << 16 | get16(bytes, at + 2);
    }

    private static long get64(byte[] bytes, int at) {
        return (long) get32(bytes, at) << 32 | get32(bytes, at + 4) & 0xffff_ffffL;
    }

    private static void put16(byte[] bytes, int at, int value) {
        bytes[at] = (byte) (value >>> 8);
        bytes[at + 1] = (byte) value;
    }

    private static void put32(byte[] bytes, int at, int value) {
        put16(bytes, at, value >>> 16);
        put16(bytes, at + 2, value);
    }

    private static void put64(byte[] bytes, int at, long value) {
        put32(bytes, at, (int) (value >>> 32));
        put32(bytes, at + 4, (int) value);
    }
}
