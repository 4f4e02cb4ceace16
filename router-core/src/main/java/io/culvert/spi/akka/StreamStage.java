// SPDX-License-Identifier: Apache-2.0
package io.culvert.spi.akka;

import akka.NotUsed;
import akka.stream.javadsl.Flow;
import io.culvert.packet.PacketVector;
import io.culvert.spi.Arc;
import io.culvert.spi.ConfigKey;
import io.culvert.spi.CounterId;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/**
 * A step of the packet path made of an Akka Streams flow, for work that needs its operators: {@code throttle},
 * {@code mapAsync}, {@code buffer}. All that is known of it before it runs, as a {@link io.culvert.spi.StageDescriptor}
 * tells of other stages; it has one output, to the next stage of its arc.
 *
 * <p>Each lane runs a flow of its own, outside the lane, on threads that plugins alone have, so that packets keep the order that
 * the flow leaves them in. The flow gets copies of packets and may do with them whatever it likes: change their bytes, keep
 * them, regroup them in vectors of its own, forget them. The copies cost time (ADR 11): what needs none of Akka's operators
 * should be an {@link io.culvert.spi.PacketStage}.
 *
 * @since 0.1
 */
public final class StreamStage {
    /** How many packets may be in a flow at once unless the stage says otherwise. */
    public static final int DEFAULT_MOST_AWAY = 256;

    /** How long a packet may stay in a flow unless the stage says otherwise. */
    public static final Duration DEFAULT_AWAY_AT_MOST = Duration.ofSeconds(1);

    private static final ConfigKey[] NO_KEYS = {};
    private static final CounterId[] NO_COUNTERS = {};

    private final String id;
    private final String job;
    private final Arc arc;
    private final List<String> specs;
    private final List<String> after;
    private final List<String> before;
    private final ConfigKey[] keys;
    private final CounterId[] counters;
    private final int mostAway;
    private final Duration awayAtMost;
    private final Function<StreamSetup, Flow<PacketVector, PacketVector, NotUsed>> flow;

    private StreamStage(Builder builder, Function<StreamSetup, Flow<PacketVector, PacketVector, NotUsed>> flow) {
        id = builder.id;
        job = builder.job;
        arc = builder.arc;
        specs = List.copyOf(builder.specs);
        after = List.copyOf(builder.after);
        before = List.copyOf(builder.before);
        keys = builder.keys;
        counters = builder.counters;
        mostAway = builder.mostAway;
        awayAtMost = builder.awayAtMost;
        this.flow = flow;
    }

    /**
     * Starts a description.
     *
     * @param id kebab-case, unique in the router
     * @param job one sentence in the third person: what the stage does
     */
    public static Builder named(String id, String job, Arc arc) {
        return new Builder(id, job, arc);
    }

    public String id() {
        return id;
    }

    public String job() {
        return job;
    }

    public Arc arc() {
        return arc;
    }

    public List<String> specs() {
        return specs;
    }

    public List<String> after() {
        return after;
    }

    public List<String> before() {
        return before;
    }

    public List<ConfigKey> keys() {
        return List.of(keys);
    }

    public List<CounterId> counters() {
        return List.of(counters);
    }

    /** How many packets of a lane may be in its flow; what comes beyond is dropped as {@code stream-full}. */
    public int mostAway() {
        return mostAway;
    }

    /** How long a packet may be in the flow until it counts as {@code lost-in-stream}. */
    public Duration awayAtMost() {
        return awayAtMost;
    }

    /** A new flow for a lane; asked for again after it has failed or completed. */
    public Flow<PacketVector, PacketVector, NotUsed> flow(StreamSetup setup) {
        return flow.apply(setup);
    }

    @Override
    public String toString() {
        return id;
    }

    /** Collects what {@link StreamStage} holds. */
    public static final class Builder {
        private final String id;
        private final String job;
        private final Arc arc;
        private final List<String> specs = new ArrayList<>();
        private final List<String> after = new ArrayList<>();
        private final List<String> before = new ArrayList<>();
        private ConfigKey[] keys = NO_KEYS;
        private CounterId[] counters = NO_COUNTERS;
        private int mostAway = DEFAULT_MOST_AWAY;
        private Duration awayAtMost = DEFAULT_AWAY_AT_MOST;

        private Builder(String id, String job, Arc arc) {
            this.id = id;
            this.job = job;
            this.arc = arc;
        }

        /** As {@link io.culvert.spi.StageDescriptor.Builder#spec}. */
        public Builder spec(String... sections) {
            specs.addAll(List.of(sections));
            return this;
        }

        public Builder after(String... ids) {
            after.addAll(List.of(ids));
            return this;
        }

        public Builder before(String... ids) {
            before.addAll(List.of(ids));
            return this;
        }

        /** What the stage's section of the configuration may hold. */
        public Builder settings(ConfigKey[] settingKeys) {
            keys = settingKeys.clone();
            return this;
        }

        public Builder counters(CounterId[] ids) {
            counters = ids.clone();
            return this;
        }

        /**
         * Bounds the packets that are in the flow of a lane at once.
         *
         * @throws IllegalArgumentException unless it is 1 to 65535
         */
        public Builder mostAway(int packets) {
            if (packets < 1 || packets > 0xffff) {
                throw new IllegalArgumentException(
                        "1 to 65535 packets may be in the flow of " + id + ", not " + packets);
            }
            mostAway = packets;
            return this;
        }

        /** Bounds the time that a packet is in the flow; more than the flow delays packets on purpose. */
        public Builder awayAtMost(Duration time) {
            if (time.isNegative() || time.isZero()) {
                throw new IllegalArgumentException("packets can't be in the flow of " + id + " for " + time);
            }
            awayAtMost = time;
            return this;
        }

        /**
         * Completes it with what makes a lane's flow. A packet vector that the flow is given belongs to it; one that it
         * passes on is read, and then no more its own.
         */
        public StreamStage flow(Function<StreamSetup, Flow<PacketVector, PacketVector, NotUsed>> factory) {
            return new StreamStage(this, factory);
        }
    }
}
