// SPDX-License-Identifier: Apache-2.0
package io.culvert.graph;

import io.culvert.spi.NeighborSignals;
import io.culvert.spi.Settings;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.StageSetup;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Makes a stage beside all lanes, to learn whether its factory takes its settings before any lane is told to use them. What is
 * made sees no packets and nothing that lanes share, and is forgotten.
 */
public final class StageTrial implements StageSetup {
    private static final long WITHIN_SECONDS = 5;

    private final Settings settings;
    private final int laneCount;
    private final Map<Class<?>, Object> kept = new HashMap<>();
    private final Map<Class<?>, Object> shared = new HashMap<>();

    private StageTrial(Settings settings, int laneCount) {
        this.settings = settings;
        this.laneCount = laneCount;
    }

    /**
     * Tries; blocks for five seconds at most.
     *
     * @return why the stage can't be made, or null when it can
     */
    public static @Nullable String of(StageDescriptor stage, Settings settings, int laneCount) {
        CompletableFuture<String> made = new CompletableFuture<>();
        Thread trial = new Thread(
                () -> {
                    try {
                        stage.create(new StageTrial(settings, laneCount));
                        made.complete("");
                    } catch (RuntimeException | Error fault) {
                        made.complete(needsLane(fault) ? "" : fault.toString());
                    }
                },
                "trial-of-" + stage.id());
        trial.setDaemon(true);
        trial.start();
        try {
            String fault = made.get(WITHIN_SECONDS, TimeUnit.SECONDS);
            return fault.isEmpty() ? null : fault;
        } catch (TimeoutException late) {
            trial.interrupt();
            return "it was not made within " + WITHIN_SECONDS + " s";
        } catch (ExecutionException | InterruptedException impossible) {
            return impossible.toString();
        }
    }

    /** The graph's own stages ask for more than a {@link StageSetup}, which there is in a lane alone. */
    private static boolean needsLane(Throwable fault) {
        StackTraceElement[] trace = fault.getStackTrace();
        return fault instanceof ClassCastException
                && trace.length != 0
                && trace[0].getClassName().startsWith(StageTrial.class.getPackageName() + ".");
    }

    @Override
    public Settings settings() {
        return settings;
    }

    @Override
    public int lane() {
        return 0;
    }

    @Override
    public int laneCount() {
        return laneCount;
    }

    @Override
    public <T> T kept(Class<T> type, Supplier<T> factory) {
        return type.cast(kept.computeIfAbsent(type, key -> factory.get()));
    }

    @Override
    public <T> T shared(Class<T> type, Supplier<T> factory) {
        return type.cast(shared.computeIfAbsent(type, key -> factory.get()));
    }

    @Override
    public Runnable signal() {
        return () -> {};
    }

    @Override
    public NeighborSignals neighborSignals() {
        return new Unheard();
    }

    /** Takes signals of a stage that has no packets to signal of. */
    private static final class Unheard implements NeighborSignals {
        @Override
        public void resolve4(int interfaceId, int address) {}

        @Override
        public void resolve6(int interfaceId, long high, long low) {}

        @Override
        public void arp(int interfaceId, int senderAddress, long senderMac, boolean reply, boolean mayCreate) {}

        @Override
        public void conflict4(int interfaceId, int address, long mac) {}

        @Override
        public void solicitation(int interfaceId, long sourceHigh, long sourceLow, long mac) {}

        @Override
        public void advertisement(
                int interfaceId,
                long targetHigh,
                long targetLow,
                long mac,
                boolean router,
                boolean solicited,
                boolean override) {}

        @Override
        public void conflict6(int interfaceId, long high, long low) {}

        @Override
        public void routerSolicitation(int interfaceId, long sourceHigh, long sourceLow, long mac) {}

        @Override
        public Runnable onResolution(Runnable signal) {
            return () -> {};
        }
    }
}
