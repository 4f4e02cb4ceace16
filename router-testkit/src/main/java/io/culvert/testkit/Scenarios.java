// SPDX-License-Identifier: Apache-2.0
package io.culvert.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.ConfigFactory;
import io.culvert.control.RouterCounters;
import io.culvert.spi.RouterInterface;
import io.culvert.spi.RouterPlugin;
import io.culvert.telemetry.LaneLedger.Entry;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;

/**
 * Whole routers against golden files, one directory each:
 *
 * <pre>{@code
 * final class MyScenarioTest {
 *     @TestFactory
 *     Stream<DynamicTest> scenarios() {
 *         return Scenarios.in("src/test/resources/scenarios", new MyPlugin());
 *     }
 * }
 * }</pre>
 *
 * <ul>
 *   <li>{@code router.conf} is what stands in {@code router { ... }}.
 *   <li>{@code in.txt}: each line names an interface and the packet that arrives there, in the words of {@link
 *       Packets#parse}. {@code wait 500ms} lets the router's time pass, which stands still otherwise. {@code #} begins a
 *       comment. Instead there may be {@code in.pcapng}, as Wireshark writes it, its interfaces named as the router's.
 *   <li>{@code out.txt} repeats these lines, each followed by what it made the router send: the interface, what the packet
 *       says, and its bytes.
 *   <li>{@code out.pcapng}, where it is there or the input is a capture too, has the packets sent, for Wireshark. A packet's
 *       second is the number of the step that made the router send it.
 *   <li>{@code counters.txt} holds the ledger, every drop and what stages counted.
 * </ul>
 *
 * <p>{@code -Dgolden.update} writes what the router does now; read the difference before you keep it.
 */
public final class Scenarios {
    private static final boolean UPDATE = System.getProperty("golden.update") != null;

    /** Without a golden file that says how much is to come, so long nothing must have come. */
    private static final long QUIET_NANOS = 150_000_000L;

    private static final long GIVE_UP_NANOS = 5_000_000_000L;

    private Scenarios() {}

    /** A test for each directory in {@code folder}, in the order of their names, with these plugins in the router. */
    public static Stream<DynamicTest> in(String folder, RouterPlugin... plugins) {
        try (Stream<Path> all = Files.list(Path.of(folder))) {
            List<Path> scenarios = all.filter(Files::isDirectory).sorted().toList();
            assertThat(scenarios).as("scenarios in %s", folder).isNotEmpty();
            return scenarios.stream()
                    .map(one -> DynamicTest.dynamicTest(
                            one.getFileName().toString(), one.toUri(), () -> run(one, plugins)));
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }

    private static void run(Path scenario, RouterPlugin... plugins) throws IOException {
        Path outFile = scenario.resolve("out.txt");
        Path countersFile = scenario.resolve("counters.txt");
        Path inCapture = scenario.resolve("in.pcapng");
        Path outCapture = scenario.resolve("out.pcapng");
        String goldenOut = read(outFile);
        String goldenCounters = read(countersFile);
        Run run;
        RouterCounters counters;
        try (ScriptedRouter router =
                ScriptedRouter.steered(Files.readString(scenario.resolve("router.conf")), plugins)) {
            run = new Run(router, goldenOut.lines().toList());
            run.step("# the router starts", () -> {});
            if (Files.exists(inCapture)) {
                for (Capture.Packet packet : Capture.read(inCapture)) {
                    RouterInterface in = run.byName(packet.name());
                    String line = packet.name() + " "
                            + PacketSummary.of(packet.bytes(), in.link() == RouterInterface.Link.ETHERNET);
                    run.step(line, () -> router.arrive(packet.name(), packet.bytes()));
                }
            } else {
                for (String line : Files.readAllLines(scenario.resolve("in.txt"))) {
                    run.step(line, () -> act(router, line));
                }
            }
            counters = router.stop();
            run.finish();
        }
        String out = run.out.toString();
        String counted = text(counters, run.repeats);
        boolean captures = Files.exists(outCapture) || Files.exists(inCapture);
        byte[] capture = Capture.write(run.links(), run.packets);
        if (UPDATE) {
            Files.writeString(outFile, out);
            Files.writeString(countersFile, counted);
            if (captures) {
                Files.write(outCapture, capture);
            }
            return;
        }
        assertThat(out).isEqualTo(goldenOut);
        assertThat(counted).isEqualTo(goldenCounters);
        if (captures) {
            assertThat(outCapture).hasBinaryContent(capture);
        }
    }

    private static void act(ScriptedRouter router, String line) {
        if (line.isBlank() || line.startsWith("#")) {
            return;
        }
        int space = line.indexOf(' ');
        String first = line.substring(0, space);
        String rest = line.substring(space).trim();
        if (first.equals("wait")) {
            router.advance(ConfigFactory.parseString("wait = " + rest).getDuration("wait"));
        } else {
            router.arrive(first, Packets.parse(rest));
        }
    }

    private static String read(Path file) throws IOException {
        return UPDATE && !Files.exists(file) ? "" : Files.readString(file);
    }

    /** One router on its way through a scenario. */
    private static final class Run {
        private final ScriptedRouter router;
        private final List<String> golden;
        private final StringBuilder out = new StringBuilder();
        private final List<Capture.Packet> packets = new ArrayList<>();
        private final List<RouterInterface> interfaces;
        /** What the router says of itself at its start, which it may say again at any time. */
        private final Set<String> announcements = new HashSet<>();

        private int position;
        private int steps;
        /** How often it has: as time goes by, and not by what arrives. */
        private int repeats;

        Run(ScriptedRouter router, List<String> golden) {
            this.router = router;
            this.golden = golden;
            this.interfaces = router.view().interfaces().all();
        }

        RouterInterface byName(String name) {
            return interfaces.stream()
                    .filter(one -> one.name().equals(name))
                    .findFirst()
                    .orElseThrow(() -> new AssertionError(
                            "the capture has packets of interface " + name + ", and the router has none of that name"));
        }

        Map<String, Boolean> links() {
            Map<String, Boolean> links = new TreeMap<>();
            interfaces.forEach(one -> links.put(one.name(), one.link() == RouterInterface.Link.ETHERNET));
            return links;
        }

        void step(String line, Runnable action) {
            boolean start = position == 0;
            position++;
            out.append(line).append('\n');
            if (!start && (line.isBlank() || line.startsWith("#"))) {
                return;
            }
            action.run();
            if (UPDATE) {
                router.advance(Duration.ZERO); // it has dealt with that
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
            long giveUp = quietSince + GIVE_UP_NANOS;
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
            steps++;
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
                        if (!start) {
                            packets.add(new Capture.Packet(one.name(), steps, packet));
                        }
                        any = true;
                    }
                }
            }
            if (any && sent.size() > 1) {
                // Interfaces are looked at one after another; only the order on each of them means something.
                sent.sort(Comparator.comparing(text -> text.substring(0, text.indexOf(' ', 4))));
                packets.sort(Comparator.comparing(Capture.Packet::second).thenComparing(Capture.Packet::name));
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
