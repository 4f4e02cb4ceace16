// SPDX-License-Identifier: Apache-2.0
package io.culvert.bench.endtoend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import org.junit.jupiter.api.Test;

/** What other programs and the kernel print, as it was seen on Debian 12. */
final class ParsersTest {
    @Test
    void readsWhatArrivedFromTheReportOfIperf() throws IOException {
        IperfReport report = IperfReport.parse("""
                {
                  "start": {"connected": [], "version": "iperf 3.12"},
                  "end": {
                    "sum_sent": {"start": 0, "bytes": 2200000000, "bits_per_second": 17600000000.5, "retransmits": 0},
                    "sum_received": {"start": 0, "end": 1.000152, "bytes": 2199912448, "bits_per_second": 1.7596625e10}
                  }
                }
                """);
        assertThat(report.bytes()).isEqualTo(2_199_912_448L);
        assertThat(report.bitsPerSecond()).isEqualTo(1.7596625e10);
    }

    @Test
    void tellsWhatIperfFailedOf() {
        assertThatThrownBy(() -> IperfReport.parse(
                        "{\"start\": {}, \"error\": \"error - unable to connect to server: Connection refused\"}"))
                .isInstanceOf(IOException.class)
                .hasMessage("iperf3: error - unable to connect to server: Connection refused");
        assertThatThrownBy(() -> IperfReport.parse("{}")).isInstanceOf(IOException.class);
        assertThatThrownBy(() -> IperfReport.parse("no report")).isInstanceOf(IOException.class);
    }

    @Test
    void readsTheTimeOfEachReplyInMicroseconds() {
        assertThat(PingReplies.micros("""
                PING 10.2.0.2 (10.2.0.2) 56(84) bytes of data.
                64 bytes from 10.2.0.2: icmp_seq=1 ttl=63 time=0.058 ms
                64 bytes from 10.2.0.2: icmp_seq=3 ttl=63 time=1.25 ms (DUP!)
                64 bytes from fd02::2: icmp_seq=4 ttl=63 time=12 ms

                --- 10.2.0.2 ping statistics ---
                3 packets transmitted, 3 received, 0% packet loss, time 46ms
                rtt min/avg/max/mdev = 0.021/0.030/0.037/0.007 ms
                """)).containsExactly(58.0, 1250.0, 12_000.0);
        assertThat(PingReplies.micros("ping: sendmsg: Network is unreachable")).isEmpty();
    }

    @Test
    void countsTheTimeOfAProcessWhateverItsName() throws IOException {
        String stat = "4711 (a (b) c) S 1 4711 4711 0 -1 4194560 2529 0 0 0 150 250 7 9 20 0 31 0 1085920 3 4 5";
        assertThat(CpuTimes.ofProcess(stat)).isCloseTo(4.0, within(1e-9));
        assertThatThrownBy(() -> CpuTimes.ofProcess("4711 (a) S 1")).isInstanceOf(IOException.class);
    }

    @Test
    void countsTheTimeOfTheMachineWithoutWhatItIdled() throws IOException {
        String stat = """
                cpu  100 20 300 99999 77 5 75 11 4 3
                cpu0 50 10 150 49999 37 5 75 5 4 3
                """;
        assertThat(CpuTimes.ofMachine(stat)).isCloseTo(5.0, within(1e-9));
        assertThatThrownBy(() -> CpuTimes.ofMachine("intr 5")).isInstanceOf(IOException.class);
    }

    @Test
    void readsTheMemoryOfTablesAndCandidatesTogether() throws IOException {
        String printed = """
                MiB of heap                                  FIB alone FIB + RIB
                5 IPv4 of /24                                     -2.0       1.8
                both                                             135.9     100.0
                """;
        assertThat(Tables.megabytes(printed)).isCloseTo(104.8576, within(1e-9));
        assertThatThrownBy(() -> Tables.megabytes("OutOfMemoryError")).isInstanceOf(IOException.class);
    }

    @Test
    void readsTheCountOfPackets() throws IOException {
        assertThat(UdpCount.parse("ready\n300000 1.500000\n")).isEqualTo(new UdpCount(300_000, 1.5));
        assertThat(new UdpCount(300_000, 1.5).packetsPerSecond()).isCloseTo(200_000, within(1e-6));
        assertThat(UdpCount.parse("ready\n0 0.000000\n").packetsPerSecond()).isZero();
        assertThatThrownBy(() -> UdpCount.parse("ready\n")).isInstanceOf(IOException.class);
    }
}
