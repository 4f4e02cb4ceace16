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
        add(results, Pair.TUN_TUN, Quantity.TCP_1, Subject.KERNEL, 24);
        add(results, Pair.TUN_TUN, Quantity.TCP_1, Subject.CULVERT, 12, 9, 30);
        add(results, Pair.TUN_TUN, Quantity.RTT_IDLE_MEDIAN, Subject.CFWD, 60);
        add(results, Pair.TUN_TUN, Quantity.RTT_IDLE_MEDIAN, Subject.CULVERT, 80);
        results.add(new Figure(Bar.PROCESS, Quantity.START, Subject.CULVERT.id()), 650);
        return results;
    }

    private static void add(Results results, Pair pair, Quantity quantity, Subject subject, double... values) {
        for (double value : values) {
            results.add(new Figure(pair.id(), quantity, subject.id()), value);
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
        assertThat(bar(bars, "start to first forwarded packet").verdict()).isEqualTo("met, the reach too");
        assertThat(bar(bars, "CPU while idle").verdict()).isEqualTo("not measured");
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
                        "TCP, 1 stream, Gb/s 12.0 (10.0–20.0) 24.0 12.0 (9.00–30.0) 1.00 0.50");
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
                .contains("## tun-tun")
                .doesNotContain("## tap-tap");
    }
}
