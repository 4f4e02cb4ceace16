// SPDX-License-Identifier: Apache-2.0
package io.culvert.spi;

import java.util.Locale;

/**
 * Why a stage drops a packet. Implemented by an enum in the stage's file; the constant names the condition
 * ({@code TTL_EXPIRED}), not the action.
 *
 * @since 0.1
 */
public interface DropReason {
    /** The enum constant's name. */
    String name();

    int ordinal();

    /** One sentence for the operator: what was wrong with the packet. */
    String text();

    /** The kebab-case name used in counters and output. */
    default String id() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
