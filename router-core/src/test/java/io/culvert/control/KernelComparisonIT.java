// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.culvert.control.ProbeNetwork.Router;
import io.culvert.control.ProbeNetwork.Side;
import io.culvert.testkit.RequiresNamespaces;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Culvert beside the kernel's own forwarding: the same packets in, on real devices, and what comes out compared. */
@RequiresNamespaces
@Timeout(180)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
final class KernelComparisonIT {
    private static final Path TABLE = Path.of("docs", "kernel-comparison.md");

    private static final int ATTEMPTS = 8;
    private static final int FRAMES = 100_000;
    private static final int BATCH = 50;
    private static final int BATCHES_UNTIL_HEARD = 20;
    private static final long MOST_HELD = 1000;
    private static final int LINK_BYTES = 14;
    private static final int HEADERS_BYTES = 60;
    private static final int MAX_FRAME = 1514;
    private static final int MAX_FRAME_OF_B = 1414;

    @TempDir
    private static Path folder;

    private static ProbeNetwork network;

    @BeforeAll
    static void build() throws Exception {
        network = new ProbeNetwork(folder);
    }

    @AfterAll
    static void remove() throws Exception {
        if (network != null) {
            network.close();
        }
    }

    @Test
    @Order(1)
    void differsFromTheKernelInWhatTheTableExplainsAndNothingElse() throws Exception {
        assertDiffersAsExplained();
    }

    /** Whatever the devices are not asked to do. */
    @ParameterizedTest
    @ValueSource(strings = {"vnet-header = off", "gso = off", "gro = off"})
    @Order(2)
    void differsInTheSameWithoutAnOffload(String setting) throws Exception {
        network.restartCulvert(setting);
        assertDiffersAsExplained();
    }

    private static void assertDiffersAsExplained() throws IOException {
        List<String> differences = new ArrayList<>();
        for (Probes.Probe probe : Probes.all()) {
            List<String> cells = difference(probe);
            if (!cells.isEmpty()) {
                differences.add("| " + probe.name() + " | " + String.join(" | ", cells) + " |");
            }
        }
        assertThat(differences)
                .as("rows of %s without their last column, which says why", TABLE)
                .containsExactlyElementsOf(explained());
    }

    /** A difference counts once it shows twice alike: a router may still have been looking for a neighbor. */
    private static List<String> difference(Probes.Probe probe) throws IOException {
        List<String> before = List.of();
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            List<String> cells = ProbeOutput.difference(outputs(Router.KERNEL, probe), outputs(Router.CULVERT, probe));
            if (cells.equals(before)) {
                return cells;
            }
            before = cells;
            for (Router router : Router.values()) {
                network.quiet(router);
            }
        }
        throw new AssertionError(probe.name() + " gets another answer each time, at last: " + before);
    }

    private static List<ProbeOutput> outputs(Router router, Probes.Probe probe) throws IOException {
        List<ProbeNetwork.Arrival> arrivals = probe.answers() == 0
                ? network.probe(router, probe.side(), probe.frames())
                : network.probe(router, probe.side(), probe.frames(), probe.answers());
        return arrivals.stream().map(ProbeOutput::new).toList();
    }

    @Test
    @Order(3)
    void survivesAHundredThousandMutatedFramesWithBalancedAccounts() throws Exception {
        long seed = Long.getLong("culvert.seed", System.nanoTime());
        System.out.println("KernelComparisonIT: -Dculvert.seed=" + seed);
        Random random = new Random(seed);
        List<byte[]> seeds =
                Probes.all().stream().flatMap(probe -> probe.frames().stream()).toList();
        for (int sent = 0; sent < FRAMES; sent += BATCH) {
            Side side = random.nextBoolean() ? Side.A : Side.B;
            List<byte[]> batch = new ArrayList<>();
            for (int i = 0; i < BATCH; i++) {
                byte[] mutant = mutated(seeds.get(random.nextInt(seeds.size())), random);
                batch.add(Arrays.copyOf(mutant, Math.min(mutant.length, side == Side.A ? MAX_FRAME : MAX_FRAME_OF_B)));
            }
            network.send(Router.CULVERT, side, batch);
            if (random.nextInt(BATCHES_UNTIL_HEARD) == 0) {
                network.catchUp(Router.CULVERT);
            }
        }
        network.catchUp(Router.CULVERT);

        // Forwards both ways, and answers.
        List<byte[]> echo = Probes.named("IPv4 echo of 56 bytes").frames();
        await().atMost(Duration.ofSeconds(20))
                .untilAsserted(() -> assertThat(network.probe(Router.CULVERT, Side.A, echo))
                        .extracting(arrival -> new ProbeOutput(arrival).kind())
                        .containsExactly("ICMP 0/0"));
        assertThat(network.show("drops")).noneMatch(row -> row.contains("stage-fault"));
        assertThat(ledger().get("received")).isGreaterThanOrEqualTo(FRAMES);
        assertThat(network.culvertLog()).doesNotContain("ERROR").doesNotContain("Exception");
        // Fragments wait for the rest of their packet, for up to a minute: so much may be missing, and nothing at the
        // end.
        assertThat(inFlight(ledger())).isBetween(0L, MOST_HELD);
        assertThat(inFlight(network.stopCulvert())).isZero();
    }

    private static byte[] mutated(byte[] frame, Random random) {
        byte[] mutant = frame.clone();
        if (random.nextInt(8) == 0) {
            mutant = Arrays.copyOf(mutant, Math.max(LINK_BYTES, random.nextInt(MAX_FRAME)));
        }
        // Most keep the addresses and the type of the frame, and so get beyond the first stage.
        int from = random.nextInt(10) == 0 ? 0 : LINK_BYTES;
        for (int changes = random.nextInt(6); changes > 0 && mutant.length > from; changes--) {
            int near = Math.min(mutant.length - from, random.nextBoolean() ? HEADERS_BYTES : MAX_FRAME);
            mutant[from + random.nextInt(near)] = (byte) random.nextInt();
        }
        if (random.nextBoolean() && mutant[12] == 0x08 && mutant[13] == 0 && mutant.length >= LINK_BYTES + 20) {
            repairChecksum(mutant);
        }
        return mutant;
    }

    /** Rights the IPv4 header's checksum, without which a mutant ends at once. */
    private static void repairChecksum(byte[] frame) {
        int end = Math.min(frame.length - 1, LINK_BYTES + (frame[LINK_BYTES] & 15) * 4);
        frame[LINK_BYTES + 10] = 0;
        frame[LINK_BYTES + 11] = 0;
        int sum = 0;
        for (int at = LINK_BYTES; at + 1 <= end; at += 2) {
            sum += (frame[at] & 0xff) << 8 | (frame[at + 1] & 0xff);
        }
        sum = (sum & 0xffff) + (sum >>> 16);
        sum = ~(sum + (sum >>> 16));
        frame[LINK_BYTES + 10] = (byte) (sum >>> 8);
        frame[LINK_BYTES + 11] = (byte) sum;
    }

    private static long inFlight(Map<String, Long> ledger) {
        return ledger.get("received")
                + ledger.get("generated")
                - ledger.get("transmitted")
                - ledger.get("dropped")
                - ledger.get("punted")
                - ledger.get("consumed");
    }

    private static Map<String, Long> ledger() throws IOException {
        Map<String, Long> ledger = new HashMap<>();
        for (List<Object> row : network.show("counters")) {
            if (row.get(0).equals("router")) {
                ledger.put(row.get(1).toString(), ((Number) row.get(2)).longValue());
            }
        }
        return ledger;
    }

    /** The rows of the table, each up to its last column; a row that explains nothing fails. */
    private static List<String> explained() throws IOException {
        List<String> rows = new ArrayList<>();
        Path module = Path.of("").toAbsolutePath();
        Path table = Files.exists(module.resolve(TABLE)) ? module.resolve(TABLE) : module.resolveSibling(TABLE);
        boolean inTable = false;
        for (String line : Files.readAllLines(table)) {
            if (line.startsWith("|---")) {
                inTable = true;
            } else if (!line.startsWith("|")) {
                inTable = false;
            } else if (inTable) {
                int last = line.lastIndexOf(" | ");
                assertThat(line.substring(last + 3, line.length() - 1)).as(line).isNotBlank();
                rows.add(line.substring(0, last) + " |");
            }
        }
        return rows;
    }
}
