// SPDX-License-Identifier: Apache-2.0
package io.culvert.spi;

/** A stage's settings, checked and with defaults filled in before the stage is made. */
public interface Settings {
    /** What {@link #rate} answers for {@code off}. */
    long UNLIMITED = Long.MAX_VALUE;

    boolean bool(ConfigKey key);

    long number(ConfigKey key);

    long durationNanos(ConfigKey key);

    /** Events per second, or {@link #UNLIMITED}. */
    long rate(ConfigKey key);

    String text(ConfigKey key);
}
