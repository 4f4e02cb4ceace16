// SPDX-License-Identifier: Apache-2.0
package io.culvert.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class CaptureTest {
    @TempDir
    private Path folder;

    @Test
    void readsWhatItHasWritten() throws IOException {
        byte[] ip = Packets.ip4().udp(1, 2).payload(3).bytes();
        byte[] frame =
                Packets.arpRequest("02:00:00:00:00:01", "10.0.0.1", "10.0.0.2").bytes();
        Path file = folder.resolve("capture.pcapng");
        Files.write(
                file,
                Capture.write(
                        new TreeMap<>(Map.of("lan", true, "tun0", false)),
                        List.of(new Capture.Packet("tun0", 1, ip), new Capture.Packet("lan", 5000, frame))));

        assertThat(Capture.read(file))
                .extracting(Capture.Packet::name, Capture.Packet::second, Capture.Packet::bytes)
                .containsExactly(tuple("tun0", 1L, ip), tuple("lan", 5000L, frame));
    }

    /** Section header, interface with a name, statistics that are passed over, one packet of five bytes, all little-endian. */
    @Test
    void readsTheOtherByteOrderAndSkipsWhatItDoesNotKnow() throws IOException {
        Path file = folder.resolve("little.pcapng");
        Files.write(
                file,
                HexFormat.of()
                        .parseHex("0a0d0d0a1c0000004d3c2b1a01000000ffffffffffffffff1c000000"
                                + "0100000020000000" + "6500000000000400" + "02000200" + "65300000" + "00000000"
                                + "20000000"
                                + "0500000010000000" + "00000000" + "10000000"
                                + "0600000028000000" + "00000000" + "00000000" + "40420f00" + "05000000" + "05000000"
                                + "0102030405000000" + "28000000"));

        assertThat(Capture.read(file))
                .extracting(Capture.Packet::name, Capture.Packet::second, Capture.Packet::bytes)
                .containsExactly(tuple("e0", 1L, new byte[] {1, 2, 3, 4, 5}));
    }

    @Test
    void whatIsNoCaptureIsRefused() throws IOException {
        Path file = Files.writeString(folder.resolve("text"), "this is not a capture file at all");

        assertThatThrownBy(() -> Capture.read(file))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("no pcapng");
    }
}
