// SPDX-License-Identifier: Apache-2.0
package io.culvert.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.culvert.ffi.NetworkNamespace;
import io.culvert.telemetry.LaneLedger;
import io.culvert.testkit.RequiresNamespaces;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The program as an operator or a service manager sees it: a process with its output, its exit code and what it leaves.
 *
 * <pre>
 *  left 10.1.0.2 --- veth --- 10.1.0.1 router 10.2.0.1 --- tun --- 10.2.0.2 right
 * </pre>
 */
@RequiresNamespaces
@Timeout(120)
final class RunIT {
    private static final Duration PATIENCE = Duration.ofSeconds(40);
    private static final String PREFIX = "cvrun" + ProcessHandle.current().pid() + "-";
    private static final String LEFT = PREFIX + "l";
    private static final String ROUTER = PREFIX + "r";
    private static final String RIGHT = PREFIX + "w";
    private static final String READY = "INFO  culvert: cvrun is ready in \\d+ ms: 2 of 2 interfaces up";
    private static final String PACKET = "lan { type = packet, device = eth0, addresses = [\"10.1.0.1/24\"] }";
    private static final String TUN = """
            wan {
              type = tun, device = cvtun, netns = %s, addresses = ["10.2.0.1/24"]
              kernel { addresses = ["10.2.0.2/24"], routes = ["0.0.0.0/0"] }
            }""".formatted(RIGHT);

    @TempDir
    private Path folder;

    private final List<Process> started = new ArrayList<>();

    @BeforeEach
    void makeNetwork() throws Exception {
        for (String namespace : List.of(LEFT, ROUTER, RIGHT)) {
            NetworkNamespace.create(namespace);
        }
        succeed("ip -n " + ROUTER + " link add eth0 type veth peer name eth0 netns " + LEFT);
        succeed("ip -n " + ROUTER + " link set eth0 up");
        succeed("ip -n " + LEFT + " link set eth0 up");
        succeed("ip -n " + LEFT + " addr add 10.1.0.2/24 dev eth0");
        succeed("ip -n " + LEFT + " route add default via 10.1.0.1");
    }

    @AfterEach
    void removeNetwork() throws IOException {
        for (Process process : started) {
            process.destroyForcibly();
            process.onExit().join();
        }
        for (String namespace : List.of(LEFT, ROUTER, RIGHT)) {
            NetworkNamespace.delete(namespace);
        }
    }

    @Test
    void saysWhenItIsReadyAndOnSigtermLeavesNothingButABalancedAccount() throws Exception {
        Process router = start(List.of(), "--stats", config(PACKET, TUN));
        awaitReady(router);
        assertThat(log().lines().filter(line -> line.contains(" is ready ")))
                .singleElement()
                .asString()
                .matches("\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d{3})?Z " + READY);
        assertThat(socket()).exists();
        assertThat(devicesOnTheRight()).contains("cvtun");
        assertForwardsAndAnswers();

        router.destroy();

        assertEndsWith(router, Culvert.EXIT_OK);
        assertNothingIsLeft();
        assertThat(ledger(LaneLedger.Entry.RECEIVED)).isGreaterThanOrEqualTo(3);
        assertThat(ledger(LaneLedger.Entry.TRANSMITTED)).isGreaterThanOrEqualTo(3);
        assertThat(ledger(LaneLedger.Entry.RECEIVED) + ledger(LaneLedger.Entry.GENERATED))
                .as(this::log)
                .isEqualTo(ledger(LaneLedger.Entry.TRANSMITTED)
                        + ledger(LaneLedger.Entry.DROPPED)
                        + ledger(LaneLedger.Entry.PUNTED)
                        + ledger(LaneLedger.Entry.CONSUMED));
    }

    /** Bounds that only a mistake exceeds; what a router takes is measured by the benchmarks. */
    @Test
    void startsAndRestsWithLittle() throws Exception {
        Process router = start(List.of(), config(PACKET, TUN));
        awaitReady(router);

        assertThat(router.info().totalCpuDuration().orElseThrow())
                .as("processor time of the start")
                .isLessThan(Duration.ofSeconds(15));
        assertThat(resident(router)).as("bytes of resident memory").isLessThan(400L << 20);
        String memory = succeed(Path.of(System.getProperty("java.home"), "bin", "java")
                + " -XX:TieredStopAtLevel=1 -cp "
                + System.getProperty("java.class.path") + " " + Culvert.class.getName() + " show memory --socket "
                + socket());
        Matcher lane =
                Pattern.compile("(?m)^lane-0 +\\d+ +(\\d+) +(\\d+) +1024 ").matcher(memory);
        assertThat(lane.find()).as(memory).isTrue();
        assertThat(Long.parseLong(lane.group(1)))
                .as("bytes that packets take")
                .isLessThan(Long.parseLong(lane.group(2)) / 8);
    }

    @Test
    void writesOneJsonObjectPerLineAndEndsWithZeroOnSigint() throws Exception {
        Process router = start(List.of(), "--log-format=json", config(PACKET, TUN));
        awaitReady(router);

        succeed("kill -INT " + router.pid());

        assertEndsWith(router, Culvert.EXIT_OK);
        assertNothingIsLeft();
        List<Map<String, String>> events = new ArrayList<>();
        for (String line : log().lines().toList()) {
            events.add(parse(line));
        }
        assertThat(events).allSatisfy(event -> {
            assertThat(event.get("time")).matches("\\d{4}-\\d\\d-\\d\\dT.*Z");
            assertThat(event.get("level")).isIn("info", "warn", "error");
        });
        assertThat(events)
                .anySatisfy(event -> assertThat(event.get("message")).matches("cvrun is ready in .* interfaces up"));
    }

    @Test
    void leavesTheTimeToTheJournal() throws Exception {
        Process router = start(List.of("env", "JOURNAL_STREAM=8:12345"), config(PACKET, TUN));
        awaitReady(router);

        assertThat(log().lines())
                .anyMatch(line -> line.matches(READY))
                .allMatch(line -> line.matches("[A-Z]+ +\\w+: .*"));
    }

    @Test
    void refusesABadConfigurationAndSaysWhere() throws Exception {
        Path file = Files.writeString(folder.resolve("bad.conf"), "router {\n  lanes = many\n}\n");

        assertEndsWith(start(List.of(), file.toString()), Culvert.EXIT_BAD_CONFIG);

        assertThat(errors()).startsWith(file + ":2: lanes is \"many\"");
        assertThat(log()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({"tun, cvtun: needs CAP_NET_ADMIN", "packet, packet sockets need CAP_NET_RAW"})
    void endsWithoutTheCapabilityThatAnInterfaceNeeds(String type, String reason) throws Exception {
        String config =
                config(type.equals("tun") ? "x { type = tun, device = cvtun }" : "x { type = packet, device = eth0 }");

        Process router = start(
                List.of("setpriv", "--bounding-set=-net_admin,-net_raw", "--inh-caps=-net_admin,-net_raw"), config);

        assertEndsWith(router, Culvert.EXIT_NO_PERMISSION);
        assertThat(log().lines().filter(line -> line.contains("ERROR")))
                .singleElement()
                .asString()
                .contains("interface x: ", reason);
        assertThat(socket()).doesNotExist();
    }

    @Test
    void endsWithoutThePermissionToMakeItsManagementSocket() throws Exception {
        Path closed = Files.createDirectory(folder.resolve("closed"));
        Files.setPosixFilePermissions(closed, PosixFilePermissions.fromString("r-xr-xr-x"));
        Path file = Files.writeString(
                folder.resolve("r.conf"),
                "router { management.socket = \"" + closed.resolve("sock") + "\", interfaces { " + PACKET + " } }\n");

        Process router =
                start(List.of("setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override"), file.toString());

        assertEndsWith(router, Culvert.EXIT_NO_PERMISSION);
        assertThat(log().lines().filter(line -> line.contains("ERROR")))
                .singleElement()
                .asString()
                .contains("can't make management socket", "no permission to write to " + closed);
    }

    @Test
    void reloadsRoutesAndTellsAFileWithMistakesFromOneThatNeedsARestart() throws Exception {
        String file = config(PACKET, TUN);
        String good = Files.readString(Path.of(file));
        awaitReady(start(List.of(), file));

        assertThat(reload()).isEqualTo(Culvert.EXIT_OK);
        Files.writeString(Path.of(file), good.replace("eth0", "eth1"));
        assertThat(reload()).isEqualTo(Culvert.EXIT_FAILED);
        Files.writeString(Path.of(file), good.replace("device", "devise"));
        assertThat(reload()).isEqualTo(Culvert.EXIT_BAD_CONFIG);
    }

    @Test
    void helpNamesAllThatCanBeShown() throws Exception {
        awaitReady(start(List.of(), config(PACKET, TUN)));
        StringWriter list = new StringWriter();
        assertThat(Culvert.commandLine().setOut(new PrintWriter(list)).execute("show", "--socket", socket().toString()))
                .isEqualTo(Culvert.EXIT_OK);

        List<String> shown = list.toString()
                .lines()
                .skip(1)
                .map(line -> line.split(" ", 2)[0])
                .toList();
        String help = Culvert.commandLine()
                .getSubcommands()
                .get("show")
                .getUsageMessage()
                .replaceAll("\\s+", " ");
        assertThat(shown)
                .contains("memory", "version")
                .allSatisfy(what -> assertThat(help).containsPattern("[:,r] " + what + "[,; ]"));
    }

    private int reload() {
        return Culvert.commandLine().execute("reload", "--socket", socket().toString());
    }

    @Test
    void startsAgainAtOnceAfterItWasKilled() throws Exception {
        String config = config(PACKET, TUN);
        Process killed = start(List.of(), config);
        awaitReady(killed);
        killed.destroyForcibly();
        killed.onExit().join();
        assertThat(socket()).as("what a killed process can't remove").exists();

        Process router = start(List.of(), config);
        awaitReady(router);

        assertForwardsAndAnswers();
        router.destroy();
        assertEndsWith(router, Culvert.EXIT_OK);
        assertNothingIsLeft();
    }

    private String config(String... interfaces) throws IOException {
        return Files.writeString(folder.resolve("router.conf"), """
                        router {
                          name = cvrun
                          lanes = 1
                          neighbor { duplicate-probes = 0 }
                          interfaces {
                            %s
                          }
                          management { socket = "%s" }
                        }
                        """.formatted(String.join("\n", interfaces), socket()))
                .toString();
    }

    private Path socket() {
        return folder.resolve("router.sock");
    }

    /** Starts {@code culvert run} with some arguments in the router's namespace, by way of a program that executes it. */
    private Process start(List<String> by, String... arguments) throws IOException {
        List<String> command = new ArrayList<>(List.of("ip", "netns", "exec", ROUTER));
        // A shell ignores SIGINT for what it runs in the background, and all that starts from there inherits it.
        command.addAll(List.of("env", "--unset=JOURNAL_STREAM", "--default-signal=INT"));
        command.addAll(by);
        command.addAll(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                Culvert.class.getName(),
                "run"));
        command.addAll(List.of(arguments));
        Process process = new ProcessBuilder(command)
                .redirectOutput(folder.resolve("out").toFile())
                .redirectError(folder.resolve("err").toFile())
                .start();
        started.add(process);
        return process;
    }

    private static long resident(Process process) throws IOException {
        String status = Files.readString(Path.of("/proc/" + process.pid() + "/status"));
        Matcher line = Pattern.compile("(?m)^VmRSS:\\s+(\\d+) kB$").matcher(status);
        assertThat(line.find()).as(status).isTrue();
        return Long.parseLong(line.group(1)) * 1024;
    }

    private void awaitReady(Process router) {
        await().atMost(PATIENCE).until(() -> !router.isAlive() || log().contains(" is ready "));
        assertThat(router.isAlive()).as(() -> log() + errors()).isTrue();
    }

    private void assertEndsWith(Process router, int exitCode) {
        assertThat(router.onExit()
                        .orTimeout(PATIENCE.toSeconds(), TimeUnit.SECONDS)
                        .join()
                        .exitValue())
                .as(() -> log() + errors())
                .isEqualTo(exitCode);
    }

    private void assertForwardsAndAnswers() throws Exception {
        succeed("ip netns exec " + LEFT + " ping -n -c 1 -W 5 10.1.0.1");
        succeed("ip netns exec " + LEFT + " ping -n -c 1 -W 5 10.2.0.2");
    }

    private void assertNothingIsLeft() throws Exception {
        assertThat(socket()).doesNotExist();
        assertThat(devicesOnTheRight()).doesNotContain("cvtun");
    }

    private static String devicesOnTheRight() throws Exception {
        return succeed("ip -n " + RIGHT + " -br link");
    }

    /** A number of the account that {@code --stats} prints. */
    private long ledger(LaneLedger.Entry entry) {
        Matcher line = Pattern.compile("(?m)^" + entry.name().toLowerCase(Locale.ROOT) + " +(\\d+)$")
                .matcher(log());
        assertThat(line.find()).as(() -> entry + " in " + log()).isTrue();
        return Long.parseLong(line.group(1));
    }

    private String log() {
        return read("out");
    }

    private String errors() {
        return read("err");
    }

    private String read(String file) {
        try {
            return Files.readString(folder.resolve(file));
        } catch (IOException e) {
            return e.toString();
        }
    }

    /** The fields of a line that is one JSON object of strings and nothing else. */
    private static Map<String, String> parse(String line) throws IOException {
        Map<String, String> fields = new HashMap<>();
        try (JsonParser json = new JsonFactory().createParser(line)) {
            assertThat(json.nextToken()).as(line).isEqualTo(JsonToken.START_OBJECT);
            while (json.nextToken() == JsonToken.FIELD_NAME) {
                String name = json.currentName();
                assertThat(json.nextToken()).as(line).isEqualTo(JsonToken.VALUE_STRING);
                fields.put(name, json.getText());
            }
            assertThat(json.currentToken()).as(line).isEqualTo(JsonToken.END_OBJECT);
            assertThat(json.nextToken()).as(line).isNull();
        }
        return fields;
    }

    /** Runs a command to its end and returns what it printed. */
    private static String succeed(String command) throws Exception {
        Process process = new ProcessBuilder(("timeout 20 " + command).split(" ", -1))
                .redirectErrorStream(true)
                .start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(command + ": " + output).isZero();
        return output;
    }
}
