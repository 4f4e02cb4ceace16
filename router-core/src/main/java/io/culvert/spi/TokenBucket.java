// SPDX-License-Identifier: Apache-2.0
package io.culvert.spi;

import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Limits how often something happens: a steady rate, and a burst of at most a tenth of a second's worth, or one. Full when
 * new.
 *
 * <p>Safe on every lane, without locks: all of its state is the moment at which the bucket will be full again (the
 * generic cell rate algorithm, ITU-T I.371 annex A). Allocates nothing.
 *
 * @since 0.1
 */
public final class TokenBucket {
    private static final long SECOND_NANOS = 1_000_000_000L;
    private static final int BURSTS_PER_SECOND = 10;
    /** Before the first call no time is known, and monotonic time may start anywhere. */
    private static final long NEVER = Long.MIN_VALUE;

    private final long perSecond;
    private final long tokenNanos;
    private final long burstNanos;
    private final AtomicLong fullAt = new AtomicLong(NEVER);

    /** @param perSecond events per second, 0 for none at all, or {@link Settings#UNLIMITED} */
    public TokenBucket(long perSecond) {
        if (perSecond < 0) {
            throw new IllegalArgumentException("a rate is 0 or more, got " + perSecond);
        }
        this.perSecond = perSecond;
        tokenNanos = perSecond == 0 ? 0 : Math.max(1, SECOND_NANOS / perSecond);
        burstNanos = Math.max(1, perSecond / BURSTS_PER_SECOND) * tokenNanos;
    }

    /**
     * The bucket of this name and rate that all lanes and stages of the router draw from, made by the first that asks. A
     * rate that changes with the configuration makes another, full one.
     *
     * @param name the path of the setting that limits it: {@code icmp.rate-limit}
     * @param perSecond as for the constructor
     */
    public static TokenBucket shared(StageSetup setup, String name, long perSecond) {
        return setup.shared(Named.class, Named::new)
                .buckets
                .computeIfAbsent(new Name(name, perSecond), key -> new TokenBucket(perSecond));
    }

    /**
     * Takes a token if there is one.
     *
     * @param nowNanos monotonic time, which may differ a little between the lanes that call
     */
    public boolean tryTake(long nowNanos) {
        if (perSecond == Settings.UNLIMITED || perSecond == 0) {
            return perSecond != 0;
        }
        while (true) {
            long before = fullAt.get();
            long from = before == NEVER || before - nowNanos < 0 ? nowNanos : before;
            long after = from + tokenNanos;
            if (after - nowNanos > burstNanos) {
                return false;
            }
            if (fullAt.compareAndSet(before, after)) {
                return true;
            }
        }
    }

    private record Name(String path, long perSecond) {}

    /** What {@link StageSetup#shared} holds, as it tells objects apart by type alone. */
    private static final class Named {
        final ConcurrentHashMap<Name, TokenBucket> buckets = new ConcurrentHashMap<>();
    }
}
