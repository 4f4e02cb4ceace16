// SPDX-License-Identifier: Apache-2.0
package io.culvert.plugins.dscpmark;

import java.util.Locale;
import java.util.Map;

/** The names of differentiated services code points (IANA "Differentiated Services Field Codepoints"). */
final class CodePoint {
    static final int UNKNOWN = -1;

    private static final int MOST = 63;

    private static final Map<String, Integer> BY_NAME = Map.ofEntries(
            // RFC 2474 section 4.2.2: class selectors, the precedences of old; the first is the default.
            Map.entry("df", 0),
            Map.entry("be", 0),
            Map.entry("cs0", 0),
            Map.entry("cs1", 8),
            Map.entry("cs2", 16),
            Map.entry("cs3", 24),
            Map.entry("cs4", 32),
            Map.entry("cs5", 40),
            Map.entry("cs6", 48),
            Map.entry("cs7", 56),
            // RFC 2597 section 6: four classes of three drop precedences.
            Map.entry("af11", 10),
            Map.entry("af12", 12),
            Map.entry("af13", 14),
            Map.entry("af21", 18),
            Map.entry("af22", 20),
            Map.entry("af23", 22),
            Map.entry("af31", 26),
            Map.entry("af32", 28),
            Map.entry("af33", 30),
            Map.entry("af41", 34),
            Map.entry("af42", 36),
            Map.entry("af43", 38),
            // RFC 3246 section 2.7.
            Map.entry("ef", 46),
            // RFC 5865.
            Map.entry("voice-admit", 44),
            // RFC 8622.
            Map.entry("le", 1));

    private CodePoint() {}

    /** The code point of a name, in any case, or of a number from 0 to 63; else {@link #UNKNOWN}. */
    static int parse(String text) {
        Integer named = BY_NAME.get(text.toLowerCase(Locale.ROOT));
        if (named != null) {
            return named;
        }
        if (text.isEmpty() || text.length() > 2 || !text.chars().allMatch(c -> c >= '0' && c <= '9')) {
            return UNKNOWN;
        }
        int number = Integer.parseInt(text);
        return number > MOST ? UNKNOWN : number;
    }
}
