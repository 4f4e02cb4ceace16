// SPDX-License-Identifier: Apache-2.0
package io.culvert.bench.endtoend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigParseOptions;
import com.typesafe.config.ConfigSyntax;
import java.io.StringReader;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.xml.sax.InputSource;

final class ReportTest {
    private static final Machine MACHINE = new Machine(new LinkedHashMap<>(Map.of("kernel", "Linux <6> & \"more\"")));

    private static Results results() {
        Results results = new Results();
        add(results, Pair.TUN_TUN, Quantity.TCP_1, Subject.CFWD, 10, 12, 20);
        add(results, Pair.TUN_TUN, Quantity.TCP_1, Subject.KERNEL, 24, 23, 25);
        add(results, Pair.TUN_TUN, Quantity.TCP_1, Subject.CULVERT, 12, 9, 30);
        add(results, Pair.TUN_TUN, Quantity.RTT_IDLE_MEDIAN, Subject.CFWD, 60, 61);
        add(results, Pair.TUN_TUN, Quantity.RTT_IDLE_MEDIAN, Subject.CULVERT, 79, 82);
        addOwn(results, Bar.PROCESS, Quantity.START, 640, 650);
        addOwn(results, Bar.PROCESS, Quantity.IDLE_MEMORY, 140);
        addOwn(results, Bar.PROCESS, Quantity.LONGEST_PAUSE, 0.5, 12);
        results.remark(Quantity.LONGEST_PAUSE, "The longest was for Cleanup.");
        addOwn(results, Bar.TABLES, Quantity.ROUTE_CHANGES, 600, 550, 620);
        return results;
    }

    private static void add(Results results, Pair pair, Quantity quantity, Subject subject, double... values) {
        for (double value : values) {
            results.add(new Figure(pair.id(), quantity, subject.id()), value);
        }
    }

    private static void addOwn(Results results, String scenario, Quantity quantity, double... values) {
        for (double value : values) {
            results.add(new Figure(scenario, quantity, Subject.CULVERT.id()), value);
        }
    }

    @Test
    void medianLiesInTheMiddleAndPercentilesBetweenNeighbors() {
        assertThat(Series.of(3, 1, 2).median()).isEqualTo(2);
        assertThat(Series.of(4, 1, 3, 2).median()).isEqualTo(2.5);
        assertThat(Series.of(7).percentile(99)).isEqualTo(7);
        assertThat(Series.of(0, 100).percentile(99)).isCloseTo(99, within(1e-9));
        assertThat(Series.of(5, 1, 9).least()).isEqualTo(1);
        assertThat(Series.of(5, 1, 9).most()).isEqualTo(9);
    }

    @Test
    void ratioIsThatOfTheMedians() {
        Figure culvert = new Figure("tun-tun", Quantity.TCP_1, "culvert");
        assertThat(results().ratio(culvert, new Figure("tun-tun", Quantity.TCP_1, "cfwd")))
                .hasValueSatisfying(ratio -> assertThat(ratio).isEqualTo(1.0));
        assertThat(results().ratio(culvert, new Figure("tun-tun", Quantity.TCP_1, "cuso")))
                .isEmpty();
    }

    @Test
    void barsTellWhatIsMetMissedAndNotMeasured() {
        List<Bar> bars = Bar.of(results());
        assertThat(bar(bars, "TCP, 1 stream, tun-tun / cfwd").verdict()).isEqualTo("met");
        assertThat(bar(bars, "TCP, 1 stream, tun-tun / kernel over veth").verdict())
                .isEqualTo("missed");
        assertThat(bar(bars, "RTT, idle, median, tun-tun: added over cfwd").verdict())
                .isEqualTo("missed");
        assertThat(bar(bars, "RTT, idle, median, tun-tun: added over cfwd").value())
                .contains(20.0);
        assertThat(bar(bars, "route changes applied while a thread looks addresses up")
                        .verdict())
                .isEqualTo("met");
        assertThat(bar(bars, "longest stop-the-world pause in 60 s of full load")
                        .value())
                .contains(12.0);
        assertThat(bar(bars, "start to first forwarded packet").verdict()).isEqualTo("met, the reach too");
        assertThat(bar(bars, "CPU while idle").verdict()).isEqualTo("not measured");
    }

    @Test
    void whatWasMeasuredOnceHasNoVerdictUnlessOneMeasurementIsLong() {
        Bar memory = bar(Bar.of(results()), "resident memory, idle, four interfaces");
        assertThat(memory.value()).contains(140.0);
        assertThat(memory.values()).isEqualTo(1);
        assertThat(memory.met()).isFalse();
        assertThat(memory.missed()).isFalse();
        assertThat(memory.verdict()).isEqualTo("no verdict");

        Results once = new Results();
        addOwn(once, Bar.PROCESS, Quantity.LONGEST_PAUSE, 7);
        assertThat(bar(Bar.of(once), "longest stop-the-world pause in 60 s of full load")
                        .verdict())
                .isEqualTo("missed");
        add(once, Pair.TUN_TUN, Quantity.UDP_18, Subject.CUSO, 400, 410, 420);
        add(once, Pair.TUN_TUN, Quantity.UDP_18, Subject.CULVERT, 100);
        assertThat(bar(Bar.of(once), "UDP, 18 bytes, tun-tun / cuso").verdict()).isEqualTo("no verdict");
    }

    @Test
    void shortfallTellsByHowMuchAndWhatTheMeasurementSawOfTheCause() {
        List<Bar> bars = Bar.of(results());
        assertThat(bar(bars, "longest stop-the-world pause in 60 s of full load")
                        .shortfall())
                .startsWith("longest stop-the-world pause in 60 s of full load: 12 ms instead of 5 ms, 140 % too much."
                        + " The longest was for Cleanup. ");
        assertThat(bar(bars, "TCP, 1 stream, tun-tun / kernel over veth").shortfall())
                .contains("0.50 instead of 0.75, 33 % too little")
                .contains("9.00 to 30.0 of culvert with 23.0 to 25.0 of kernel");
        assertThat(bar(bars, "RTT, idle, median, tun-tun: added over cfwd").shortfall())
                .contains("ADR 6")
                .doesNotContain("overlap");
    }

    @Test
    void terminalGetsTheWordsOfLinksAlone() {
        assertThat(Page.withoutLinks("slow ([ADR 4](adr/0004-forwarding-tables.md)), [see](a.md)."))
                .isEqualTo("slow (ADR 4), see.");
    }

    private static Bar bar(List<Bar> bars, String what) {
        return bars.stream().filter(bar -> bar.what().equals(what)).findFirst().orElseThrow();
    }

    @Test
    void tableShowsMediansWithSpreadAndRatios() {
        Table table = PairTable.of(results(), Pair.TUN_TUN).orElseThrow();
        assertThat(table.text().lines().map(line -> line.replaceAll(" +", " ")))
                .startsWith(
                        "tun-tun cfwd kernel culvert culvert/cfwd culvert/kernel",
                        "TCP, 1 stream, Gb/s 12.0 (10.0–20.0) 24.0 (23.0–25.0) 12.0 (9.00–30.0) 1.00 0.50");
        assertThat(table.markdown().lines().skip(1).findFirst()).contains("|---|---:|---:|---:|---:|---:|");
        assertThat(PairTable.of(results(), Pair.TAP_TAP)).isEmpty();
    }

    @Test
    void jsonHoldsEveryValueAndTheBars() {
        String json = JsonReport.of(results(), Plan.full(null), MACHINE);
        Config report =
                ConfigFactory.parseString(json, ConfigParseOptions.defaults().setSyntax(ConfigSyntax.JSON));
        assertThat(report.getString("machine.kernel")).isEqualTo("Linux <6> & \"more\"");
        Config first = report.getConfigList("figures").get(0);
        assertThat(first.getString("quantity")).isEqualTo("tcp-1");
        assertThat(first.getDoubleList("values")).containsExactly(10.0, 12.0, 20.0);
        assertThat(first.getDouble("median")).isEqualTo(12.0);
        assertThat(report.getConfigList("bars")).hasSameSizeAs(Bar.of(results()));
        assertThat(report.getConfigList("bars").get(0).getInt("values")).isEqualTo(3);
        assertThat(report.getConfigList("bars").get(0).getString("verdict")).isEqualTo("met");
    }

    @Test
    void chartIsWellFormedWithAColumnForEachMedianOnWhite() throws Exception {
        Document svg = DocumentBuilderFactory.newInstance()
                .newDocumentBuilder()
                .parse(new InputSource(new StringReader(Chart.of(results()))));
        Element background = (Element) svg.getElementsByTagName("rect").item(0);
        assertThat(background.getAttribute("fill")).isEqualTo("#ffffff");
        assertThat(svg.getElementsByTagName("title").getLength()).isEqualTo(5);
        assertThat(svg.getElementsByTagName("title").item(0).getTextContent()).isEqualTo("cfwd: 12.0 Gb/s");
    }

    @Test
    void pageShowsTablesBarsAndTheMachine() {
        assertThat(Page.of(results(), Plan.quick("tun"), MACHINE))
                .contains("`culvert bench --quick --only tun --rounds 3 --seconds 1`")
                .contains("- kernel: Linux")
                .contains("![Medians](benchmarks.svg)")
                .contains("| CPU while idle | – | ≤ 1 % of a core |")
                .contains("### What is missed, and why\n\n- TCP, 1 stream, tun-tun / kernel over veth: 0.50")
                .doesNotContain("What could not be measured")
                .contains("## tun-tun")
                .doesNotContain("## tap-tap");
        Results failed = results();
        failed.fail("tun-tun/tcp-8 of pmm, round 1: iperf3 does not listen");
        assertThat(Page.of(failed, Plan.full(null), MACHINE))
                .contains("### What could not be measured\n\n- tun-tun/tcp-8 of pmm, round 1: iperf3");
    }

    @Test
    void everyRowOfTheGoalsIsABar() {
        assertThat(Bar.of(new Results()))
                .allMatch(bar -> bar.verdict().equals("not measured"))
                .extracting(Bar::what)
                .contains(
                        "IPv4 lookup among 1,000,000 prefixes",
                        "IPv6 lookup among 250,000 prefixes, one by one",
                        "IPv6 lookup among 250,000 prefixes, in vectors of 64",
                        "route changes applied while a thread looks addresses up",
                        "memory of 1,000,000 IPv4 and 250,000 IPv6 routes",
                        "allocated per forwarded packet",
                        "start to first forwarded packet",
                        "resident memory, idle, four interfaces",
                        "CPU while idle",
                        "UDP, 18 bytes, to 65,536 addresses, tun-tun: a million routes / two");
    }

    @Test
    void subjectsOfOneChartHaveColoursOfTheirOwn() throws Exception {
        Results results = new Results();
        for (Pair pair : Pair.values()) {
            pair.subjects().forEach(subject -> add(results, pair, Quantity.TCP_1, subject, 10));
        }
        Matcher square = Pattern.compile("width=\"12\" height=\"12\" fill=\"(#[0-9a-f]+)\"")
                .matcher(Chart.of(results));
        assertThat(square.results().map(match -> match.group(1)))
                .hasSize(Subject.values().length)
                .doesNotHaveDuplicates();
    }
}
