// SPDX-License-Identifier: Apache-2.0
package io.culvert.spi;

import io.culvert.net.IpAddress;
import io.culvert.net.IpPrefix;
import java.net.InetSocketAddress;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A stage's settings, checked and with defaults filled in before the stage is made. Each method reads keys of its type and
 * throws {@link IllegalArgumentException} for another. Immutable; any thread.
 *
 * @since 0.1
 */
@Provided
public interface Settings {
    /** What {@link #rate} and {@link #bitsPerSecond} answer for {@code off}. */
    long UNLIMITED = Long.MAX_VALUE;

    /** What {@link #interfaceId} answers for no interface. */
    int NO_INTERFACE = -1;

    boolean bool(ConfigKey key);

    long number(ConfigKey key);

    long durationNanos(ConfigKey key);

    /** Events per second, or {@link #UNLIMITED}. */
    long rate(ConfigKey key);

    /** From 0 to 1. */
    double share(ConfigKey key);

    /** Bits per second, or {@link #UNLIMITED}. */
    long bitsPerSecond(ConfigKey key);

    long bytes(ConfigKey key);

    /** One of the key's {@link ConfigKey#choices}. */
    String choice(ConfigKey key);

    /** The id of a configured interface, be it up or down; or {@link #NO_INTERFACE}. */
    int interfaceId(ConfigKey key);

    /** The ids of configured interfaces in the order of the file. The caller's own. */
    int[] interfaceIds(ConfigKey key);

    List<IpPrefix> prefixes(ConfigKey key);

    /** The address, or null for none. */
    @Nullable
    IpAddress address(ConfigKey key);

    /** The address and port, or null for none. */
    @Nullable
    InetSocketAddress endpoint(ConfigKey key);

    /** The sections of a list in the order of the file. */
    List<Settings> sections(ConfigKey key);

    String text(ConfigKey key);
}
