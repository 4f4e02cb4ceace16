// SPDX-License-Identifier: Apache-2.0
package io.culvert.config;

import java.util.Collection;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Finds what a mistyped word was probably meant to be, and puts lists of words into sentences. */
final class Suggestion {
    private Suggestion() {}

    /** The nearest of {@code known}, or null when none is near. */
    static @Nullable String nearest(String word, Collection<String> known) {
        String best = null;
        // A third of the letters may be wrong: more is a different word.
        int bestDistance = Math.max(1, word.length() / 3) + 1;
        for (String candidate : known) {
            int distance = distance(word, candidate);
            if (distance < bestDistance) {
                bestDistance = distance;
                best = candidate;
            }
        }
        return best;
    }

    /** The end of a message about an unknown word: what was probably meant, or all that there is. */
    static String ofKeys(String word, Collection<String> known) {
        String nearest = nearest(word, known);
        return nearest == null ? "expected " + oneOf(List.copyOf(known)) : "did you mean " + nearest + "?";
    }

    /** "a, b or c". */
    static String oneOf(List<String> words) {
        if (words.isEmpty()) {
            return "nothing";
        }
        int last = words.size() - 1;
        return last == 0 ? words.get(0) : String.join(", ", words.subList(0, last)) + " or " + words.get(last);
    }

    /** Insertions, deletions, replacements and swaps of neighbors that lead from one word to the other. */
    private static int distance(String a, String b) {
        int[][] d = new int[a.length() + 1][b.length() + 1];
        for (int i = 0; i <= a.length(); i++) {
            for (int j = 0; j <= b.length(); j++) {
                if (i == 0 || j == 0) {
                    d[i][j] = i + j;
                    continue;
                }
                int replace = d[i - 1][j - 1] + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                d[i][j] = Math.min(replace, Math.min(d[i - 1][j], d[i][j - 1]) + 1);
                if (i > 1 && j > 1 && a.charAt(i - 1) == b.charAt(j - 2) && a.charAt(i - 2) == b.charAt(j - 1)) {
                    d[i][j] = Math.min(d[i][j], d[i - 2][j - 2] + 1);
                }
            }
        }
        return d[a.length()][b.length()];
    }
}
