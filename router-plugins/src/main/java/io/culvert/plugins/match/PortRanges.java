// SPDX-License-Identifier: Apache-2.0
package io.culvert.plugins.match;

import org.jspecify.annotations.Nullable;

/** The ports of a rule: numbers and ranges, as in {@code "53, 5000-5999"}. Immutable. */
public final class PortRanges {
    private static final int MOST = 0xffff;

    private final int[] first;
    private final int[] last;

    private PortRanges(int[] first, int[] last) {
        this.first = first;
        this.last = last;
    }

    /** Reads them from text; an empty one has none. Null when the text does not name ports. */
    public static @Nullable PortRanges parse(String text) {
        if (text.isBlank()) {
            return new PortRanges(new int[0], new int[0]);
        }
        String[] parts = text.split(",", -1);
        int[] first = new int[parts.length];
        int[] last = new int[parts.length];
        for (int i = 0; i < parts.length; i++) {
            String part = parts[i].trim();
            int dash = part.indexOf('-');
            first[i] = port(dash < 0 ? part : part.substring(0, dash).trim());
            last[i] = dash < 0 ? first[i] : port(part.substring(dash + 1).trim());
            if (first[i] < 0 || last[i] < first[i]) {
                return null;
            }
        }
        return new PortRanges(first, last);
    }

    private static int port(String text) {
        if (text.isEmpty() || text.length() > 5 || !text.chars().allMatch(c -> c >= '0' && c <= '9')) {
            return -1;
        }
        int port = Integer.parseInt(text);
        return port > MOST ? -1 : port;
    }

    public boolean isEmpty() {
        return first.length == 0;
    }

    /** Whether a port is one of them, or there are none; {@link IpFields#NO_PORT} never is one. */
    public boolean allows(int port) {
        for (int i = 0; i < first.length; i++) {
            if (port >= first[i] && port <= last[i]) {
                return true;
            }
        }
        return first.length == 0;
    }
}
