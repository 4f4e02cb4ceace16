// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.spi.RouterInterface;
import io.culvert.telemetry.LaneLedger.Entry;
import io.culvert.testkit.ScriptedRouter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Whole routers against golden files, one directory of {@code scenarios} each. {@code router.conf} is what stands in
 * {@code router { ... }}; each line of {@code in.txt} names an interface and the packet that arrives there, in the words of
 * {@link PacketText}. {@code out.txt} repeats these lines, each followed by what it made the router send: the interface,
 * the bytes, and what they say. {@code counters.txt} holds the ledger, every drop and what stages counted.
 *
 * <p>{@code -Dgolden.update} writes what the router does now; read the difference before you keep it.
 */
class ScenarioTest {
    private static final Path SCENARIOS = Path.of("src/test/resources/scenarios");
    private static final boolean UPDATE = System.getProperty("golden.update") != null;

    /** Without a golden file that says how much is to come, so long nothing must have come. */
    private static final long QUIET_NANOS = 150_000_000L;

    static Stream<String> scenarios() throws IOException {
        try (Stream<Path> all = Files.list(SCENARIOS)) {
            return all.map(one -> one.getFileName().toString()).sorted().toList().stream();
        }
    }

    @ParameterizedTest
    @MethodSource("scenarios")
    void sendsAndCountsWhatTheGoldenFilesSay(String name) throws IOException {
        Path scenario = SCENARIOS.resolve(name);
        String goldenOut = read(scenario.resolve("out.txt"));
        String goldenCounters = read(scenario.resolve("counters.txt"));
        StringBuilder out = new StringBuilder();
        RouterCounters counters;
        int repeats;
        try (ScriptedRouter router = ScriptedRouter.start(read(scenario.resolve("router.conf")))) {
            Run run = new Run(router, goldenOut.lines().toList(), out);
            run.step("# the router starts");
            for (String line : Files.readAllLines(scenario.resolve("in.txt"))) {
                run.step(line);
            }
            counters = router.stop();
            run.finish();
            repeats = run.repeats;
        }
        if (UPDATE) {
            Files.writeString(scenario.resolve("out.txt"), out);
            Files.writeString(scenario.resolve("counters.txt"), text(counters, repeats));
            return;
        }
        assertThat(out).hasToString(goldenOut);
        assertThat(text(counters, repeats)).isEqualTo(goldenCounters);
    }

    private static String read(Path file) throws IOException {
        return UPDATE && !Files.exists(file) ? "" : Files.readString(file);
    }

    /** One router on its way through a scenario. */
    private static final class Run {
        private final ScriptedRouter router;
        private final List<String> golden;
        private final StringBuilder out;
        private final List<RouterInterface> interfaces;
        /** What the router says of itself at its start, which it may say again at any time. */
        private final Set<String> announcements = new HashSet<>();

        private int position;
        /** How often it has: as time goes by, and not by what arrives. */
        private int repeats;

        Run(ScriptedRouter router, List<String> golden, StringBuilder out) {
            this.router = router;
            this.golden = golden;
            this.out = out;
            this.interfaces = router.view().interfaces().all();
        }

        void step(String line) {
            boolean start = position == 0;
            position++;
            out.append(line).append('\n');
            if (!start && (line.isBlank() || line.startsWith("#"))) {
                return;
            }
            if (!start) {
                int space = line.indexOf(' ');
                router.arrive(line.substring(0, space), PacketText.parse(line.substring(space)));
            }
            int expected = 0;
            while (position < golden.size() && golden.get(position).startsWith("    ")) {
                if (golden.get(position).charAt(4) != ' ') {
                    expected++;
                }
                position++;
            }
            List<String> sent = new ArrayList<>();
            long quietSince = System.nanoTime();
            long giveUp = quietSince + 5_000_000_000L;
            while (UPDATE
                    ? System.nanoTime() - quietSince < QUIET_NANOS * (start ? 10 : 1)
                    : (sent.size() < expected || unread()) && System.nanoTime() < giveUp) {
                if (collect(start, sent)) {
                    quietSince = System.nanoTime();
                }
                Thread.onSpinWait();
            }
            if (start) {
                announcements.addAll(sent);
            }
            sent.forEach(one -> out.append(one).append('\n'));
        }

        /** Looks, once the router has stopped, for what nobody waited for. */
        void finish() {
            List<String> sent = new ArrayList<>();
            collect(false, sent);
            sent.forEach(one -> out.append(one).append('\n'));
        }

        private boolean unread() {
            return interfaces.stream().anyMatch(one -> router.at(one.name()).unread() != 0);
        }

        private boolean collect(boolean start, List<String> sent) {
            boolean any = false;
            for (RouterInterface one : interfaces) {
                for (byte[] packet : router.at(one.name()).takeSent()) {
                    String text = "    %s %s\n        %s"
                            .formatted(
                                    one.name(),
                                    PacketSummary.of(packet, one.link() == RouterInterface.Link.ETHERNET),
                                    HexFormat.of().formatHex(packet));
                    if (announcements.contains(text) || (start && sent.contains(text))) {
                        repeats++;
                    } else {
                        sent.add(text);
                        any = true;
                    }
                }
            }
            if (any && sent.size() > 1) {
                // Interfaces are looked at one after another; only the order on each of them means something.
                sent.sort(Comparator.comparing(text -> text.substring(0, text.indexOf(' ', 4))));
            }
            return any;
        }
    }

    private static String text(RouterCounters counters, int repeats) {
        StringBuilder text = new StringBuilder();
        for (Entry entry : Entry.values()) {
            boolean repeated = entry == Entry.GENERATED || entry == Entry.TRANSMITTED;
            long packets = counters.ledger(entry) - (repeated ? repeats : 0);
            text.append("%-12s %d%n".formatted(entry.name().toLowerCase(Locale.ROOT), packets));
        }
        List<String> rows = new ArrayList<>();
        counters.drops()
                .forEach(row -> rows.add(
                        "drop %s %s %d%n".formatted(row.stage(), row.reason().id(), row.packets())));
        counters.counts()
                .forEach(row -> rows.add(
                        "count %s %s %d%n".formatted(row.stage(), row.counter().id(), row.amount())));
        rows.stream().sorted().forEach(text::append);
        return text.toString();
    }
}
