// SPDX-License-Identifier: Apache-2.0
package io.culvert.bench.endtoend;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * The medians of a run as a picture: a panel for each pair of interfaces and each unit, in it a group of columns for each
 * quantity, in that a column for each subject. White behind it, so that it can be read on a dark page too.
 */
final class Chart {
    private static final List<Quantity> TCP = List.of(Quantity.TCP_1, Quantity.TCP_8, Quantity.TCP_1_IP6);
    private static final List<Quantity> UDP =
            List.of(Quantity.UDP_18, Quantity.UDP_512, Quantity.UDP_1400, Quantity.UDP_18_IP6);
    private static final List<Quantity> RTT = List.of(Quantity.RTT_IDLE_MEDIAN, Quantity.RTT_IDLE_P99);

    private static final int WIDTH = 1000;
    private static final int MARGIN = 20;
    private static final int LEGEND_HEIGHT = 60;
    private static final int PANEL_HEIGHT = 210;
    /** Inside a panel, above the columns: title and the value over the highest column. */
    private static final int PANEL_HEAD = 46;
    /** Below the columns: what the groups are. */
    private static final int PANEL_FOOT = 30;

    private static final int GAP = 24;
    private static final double GROUP_SHARE = 0.86;
    private static final double MOST_COLUMN = 36;

    /** Shares of the width: three groups, four groups, two groups. */
    private static final List<List<Quantity>> PANELS = List.of(TCP, UDP, RTT);

    private final Results results;
    private final StringBuilder svg = new StringBuilder();

    private Chart(Results results) {
        this.results = results;
    }

    /** Draws the picture: the text of an SVG file. */
    static String of(Results results) {
        return new Chart(results).draw();
    }

    private String draw() {
        List<Pair> pairs = new ArrayList<>();
        for (Pair pair : Pair.values()) {
            if (PANELS.stream().anyMatch(panel -> !measured(pair, panel).isEmpty())) {
                pairs.add(pair);
            }
        }
        int height = LEGEND_HEIGHT + pairs.size() * (PANEL_HEIGHT + GAP) - GAP + MARGIN / 2;
        line(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\""
                        + " font-family=\"sans-serif\" font-size=\"11\" fill=\"#222222\">",
                WIDTH, height, WIDTH, height);
        line("<rect width=\"%d\" height=\"%d\" fill=\"#ffffff\"/>", WIDTH, height);
        legend();
        int top = LEGEND_HEIGHT;
        for (Pair pair : pairs) {
            row(pair, top);
            top += PANEL_HEIGHT + GAP;
        }
        svg.append("</svg>\n");
        return svg.toString();
    }

    private void legend() {
        Set<Subject> shown = EnumSet.noneOf(Subject.class);
        for (Subject subject : Subject.values()) {
            if (results.figures().stream().anyMatch(figure -> figure.subject().equals(subject.id()))) {
                shown.add(subject);
            }
        }
        text(
                MARGIN,
                22,
                "start",
                14,
                true,
                "Medians; TCP and UDP: more is better, round-trip times (RTT): less is better");
        int left = MARGIN;
        for (Subject subject : shown) {
            line("<rect x=\"%d\" y=\"34\" width=\"12\" height=\"12\" fill=\"%s\"/>", left, colour(subject));
            text(left + 17, 44, "start", 11, false, subject.id());
            left += 34 + 7 * subject.id().length();
        }
    }

    private void row(Pair pair, int top) {
        int groups = PANELS.stream().mapToInt(List::size).sum();
        double unit = (WIDTH - 2.0 * MARGIN - (PANELS.size() - 1) * GAP) / groups;
        double left = MARGIN;
        for (List<Quantity> panel : PANELS) {
            double width = panel.size() * unit;
            List<Quantity> measured = measured(pair, panel);
            if (!measured.isEmpty()) {
                panel(pair, measured, left, top, width);
            }
            left += width + GAP;
        }
    }

    private List<Quantity> measured(Pair pair, List<Quantity> panel) {
        return panel.stream()
                .filter(quantity -> results.figures().stream()
                        .anyMatch(figure -> figure.scenario().equals(pair.id()) && figure.quantity() == quantity))
                .toList();
    }

    private void panel(Pair pair, List<Quantity> quantities, double left, int top, double width) {
        Quantity first = quantities.get(0);
        String kind = TCP.contains(first) ? "TCP" : UDP.contains(first) ? "UDP" : "RTT";
        text(left, top + 14, "start", 13, true, pair.id() + ", " + kind + ", " + first.unit());
        double bottom = top + PANEL_HEIGHT - PANEL_FOOT;
        double room = bottom - top - PANEL_HEAD;
        double most = quantities.stream()
                .flatMap(quantity -> pair.subjects().stream()
                        .flatMap(subject -> results.find(new Figure(pair.id(), quantity, subject.id())).stream()))
                .mapToDouble(Series::median)
                .max()
                .orElse(1);
        double group = width / quantities.size();
        for (int i = 0; i < quantities.size(); i++) {
            Quantity quantity = quantities.get(i);
            List<Subject> subjects = pair.subjects().stream()
                    .filter(subject -> results.find(new Figure(pair.id(), quantity, subject.id()))
                            .isPresent())
                    .toList();
            double column = Math.min(MOST_COLUMN, group * GROUP_SHARE / subjects.size());
            double x = left + i * group + (group - column * subjects.size()) / 2;
            for (Subject subject : subjects) {
                double median = results.find(new Figure(pair.id(), quantity, subject.id()))
                        .orElseThrow()
                        .median();
                double height = Math.max(1, room * median / most);
                line(
                        "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\"><title>%s</title></rect>",
                        x + 1,
                        bottom - height,
                        column - 2,
                        height,
                        colour(subject),
                        escaped(subject.id() + ": " + quantity.written(median) + " " + quantity.unit()));
                text(x + column / 2, bottom - height - 4, "middle", 8, false, shortened(median));
                x += column;
            }
            text(left + (i + 0.5) * group, bottom + 15, "middle", 11, false, name(quantity));
        }
        line(
                "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"#888888\"/>",
                left, bottom, left + width, bottom);
    }

    /** What tells a group from its neighbors. */
    private static String name(Quantity quantity) {
        return switch (quantity) {
            case TCP_1 -> "1 stream";
            case TCP_8 -> "8 streams";
            case TCP_1_IP6 -> "1, IPv6";
            case UDP_18 -> "18 bytes";
            case UDP_512 -> "512 bytes";
            case UDP_1400 -> "1400 bytes";
            case UDP_18_IP6 -> "18, IPv6";
            case RTT_IDLE_MEDIAN -> "median";
            case RTT_IDLE_P99 -> "p99";
            default -> quantity.text();
        };
    }

    /** Two or three digits: there is no room for more over a column. */
    private static String shortened(double value) {
        return String.format(Locale.ROOT, value >= 9.95 ? "%.0f" : "%.1f", value);
    }

    /** Grey and blue for limits between tuns and taps, violets between packet sockets, orange for the kernel, green for Culvert; told apart by brightness too. */
    private static String colour(Subject subject) {
        return switch (subject) {
            case CFWD -> "#9aa5b1";
            case CUSO -> "#4a6fa5";
            case PFWD -> "#c9b8d8";
            case PMM -> "#7b5ea7";
            case KERNEL -> "#e0912f";
            case CULVERT -> "#1b7f4d";
            case CULVERT_MILLION -> "#74c69d";
        };
    }

    private void text(double x, double y, String anchor, int size, boolean bold, String words) {
        line(
                "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" font-size=\"%d\"%s>%s</text>",
                x, y, anchor, size, bold ? " font-weight=\"bold\"" : "", escaped(words));
    }

    private static String escaped(String words) {
        return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
    }

    private void line(String format, Object... values) {
        svg.append(String.format(Locale.ROOT, format, values)).append('\n');
    }
}
