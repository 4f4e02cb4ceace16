// SPDX-License-Identifier: Apache-2.0
package io.culvert.spi;

import io.culvert.packet.Internal;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * All that the graph, the configuration and the documentation need to know of a stage before an instance exists. Built
 * once, as the constant {@code DESCRIPTOR} of the stage's class.
 *
 * @since 0.1
 */
public final class StageDescriptor {
    private static final OutPort[] NO_OUTPUTS = {};
    private static final DropReason[] NO_DROPS = {};
    private static final CounterId[] NO_COUNTERS = {};
    private static final ConfigKey[] NO_KEYS = {};
    private static final SettingsCheck NO_CHECK = settings -> {};

    private final String id;
    private final String job;
    private final List<String> specs;
    private final @Nullable Arc arc;
    private final List<String> after;
    private final List<String> before;
    private final boolean terminal;
    private final String section;
    private final ConfigKey[] keys;
    private final SettingsCheck check;
    private final OutPort[] outputs;
    private final DropReason[] drops;
    private final CounterId[] counters;
    private final Function<StageSetup, PacketStage> factory;

    private StageDescriptor(Builder builder, Function<StageSetup, PacketStage> factory) {
        id = builder.id;
        job = builder.job;
        specs = List.copyOf(builder.specs);
        arc = builder.arc;
        after = List.copyOf(builder.after);
        before = List.copyOf(builder.before);
        terminal = builder.terminal;
        section = builder.section;
        keys = builder.keys;
        check = builder.check;
        outputs = builder.outputs;
        drops = builder.drops;
        counters = builder.counters;
        this.factory = factory;
    }

    /**
     * Starts a descriptor.
     *
     * @param id kebab-case, unique in the router, {@code <layer>-<what>}: {@code ip4-lookup}
     * @param job one sentence in the third person: what the stage does
     */
    public static Builder named(String id, String job) {
        return new Builder(id, job);
    }

    public String id() {
        return id;
    }

    public String job() {
        return job;
    }

    /** The RFC sections the stage implements, or {@code "local"}. */
    public List<String> specs() {
        return specs;
    }

    /** The arc it stands on, or null for a stage that is reached by its id alone. */
    public @Nullable Arc arc() {
        return arc;
    }

    /**
     * Ids of stages on the same arc that run before this one. Those of plugins' stages that are not in the graph are ignored;
     * one that no stage has is a fault.
     */
    public List<String> after() {
        return after;
    }

    /** Ids of stages on the same arc that run after this one, as in {@link #after}. */
    public List<String> before() {
        return before;
    }

    /** Whether the arc ends with this stage: it has no {@link Target#next()} and runs behind all others. */
    public boolean terminal() {
        return terminal;
    }

    /**
     * The section that holds its settings; its own id unless it says otherwise. That of a built-in stage stands under {@code
     * router}, that of a plugin's stage under {@code router.plugins}, where it puts the stage in the graph.
     */
    public String section() {
        return section;
    }

    public List<ConfigKey> keys() {
        return List.of(keys);
    }

    /** What the stage asks of its settings besides. */
    public SettingsCheck check() {
        return check;
    }

    public List<OutPort> outputs() {
        return List.of(outputs);
    }

    public List<DropReason> drops() {
        return List.of(drops);
    }

    public List<CounterId> counters() {
        return List.of(counters);
    }

    /** A new instance for one lane. */
    @Internal
    public PacketStage create(StageSetup setup) {
        return factory.apply(setup);
    }

    @Override
    public String toString() {
        return id;
    }

    /** Collects what {@link StageDescriptor} holds. */
    public static final class Builder {
        private final String id;
        private final String job;
        private final List<String> specs = new ArrayList<>();
        private @Nullable Arc arc;
        private final List<String> after = new ArrayList<>();
        private final List<String> before = new ArrayList<>();
        private boolean terminal;
        private String section;
        private ConfigKey[] keys = NO_KEYS;
        private SettingsCheck check = NO_CHECK;
        private OutPort[] outputs = NO_OUTPUTS;
        private DropReason[] drops = NO_DROPS;
        private CounterId[] counters = NO_COUNTERS;

        private Builder(String id, String job) {
            this.id = id;
            this.job = job;
            this.section = id;
        }

        /** Names the RFC sections implemented: {@code "RFC 1812 5.3.1"}. */
        public Builder spec(String... sections) {
            specs.addAll(List.of(sections));
            return this;
        }

        public Builder arc(Arc on) {
            arc = on;
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

        public Builder terminal() {
            terminal = true;
            return this;
        }

        /**
         * Reads the settings from the section of a name, which several stages may share; a key that two of them declare has to
         * be the same in both.
         */
        public Builder settings(String sectionName, ConfigKey[] settingKeys) {
            section = sectionName;
            keys = settingKeys.clone();
            return this;
        }

        /** Checks the settings further, when the configuration is read. */
        public Builder check(SettingsCheck settingsCheck) {
            check = settingsCheck;
            return this;
        }

        public Builder outputs(OutPort[] ports) {
            outputs = ports.clone();
            return this;
        }

        public Builder drops(DropReason[] reasons) {
            drops = reasons.clone();
            return this;
        }

        public Builder counters(CounterId[] ids) {
            counters = ids.clone();
            return this;
        }

        /** Completes it with what makes an instance. */
        public StageDescriptor factory(Function<StageSetup, PacketStage> factory) {
            return new StageDescriptor(this, factory);
        }
    }
}
