// SPDX-License-Identifier: Apache-2.0
package com.example.ttlguard;

import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.spi.Arc;
import io.culvert.spi.ConfigKey;
import io.culvert.spi.ConfigType;
import io.culvert.spi.CounterId;
import io.culvert.spi.DropReason;
import io.culvert.spi.OutPort;
import io.culvert.spi.PacketStage;
import io.culvert.spi.Settings;
import io.culvert.spi.StageContext;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.Target;
import io.culvert.wire.Ip4View;

// region class
/**
 * Drops IPv4 packets in transit that arrive with a low TTL: they have come a longer way than the operator expects.
 *
 * <p>In: checked IPv4 packets that a route was found for. Out: {@code NEXT}, untouched. State: none.
 */
public final class TtlGuardStage implements PacketStage {
    // endregion
    // region settings
    /** The settings, in section {@code plugins { ttl-guard { ... } }}. */
    enum Key implements ConfigKey {
        LEAST_TTL("least-ttl", ConfigType.NUMBER, "2", "The lowest TTL with which a packet may arrive.");

        private final String key;
        private final ConfigType type;
        private final String defaultText;
        private final String text;

        Key(String key, ConfigType type, String defaultText, String text) {
            this.key = key;
            this.type = type;
            this.defaultText = defaultText;
            this.text = text;
        }

        @Override
        public String key() {
            return key;
        }

        @Override
        public ConfigType type() {
            return type;
        }

        @Override
        public String defaultText() {
            return defaultText;
        }

        @Override
        public String text() {
            return text;
        }

        @Override
        public long most() {
            return 255;
        }
    }

    // endregion
    // region outputs
    /** Where packets go: on along the arc. */
    enum Out implements OutPort {
        NEXT;

        @Override
        public Target target() {
            return Target.next();
        }
    }

    // endregion
    // region drops
    /** Operators see these in kebab-case: {@code ttl-too-low}. */
    enum Drop implements DropReason {
        TTL_TOO_LOW("The packet arrived with a TTL below least-ttl.");

        private final String text;

        Drop(String text) {
            this.text = text;
        }

        @Override
        public String text() {
            return text;
        }
    }

    // endregion
    // region counters
    /** What is counted besides drops. */
    enum Count implements CounterId {
        PASSED("Packets whose TTL was high enough.");

        private final String text;

        Count(String text) {
            this.text = text;
        }

        @Override
        public String text() {
            return text;
        }
    }

    // endregion
    // region descriptor
    public static final StageDescriptor DESCRIPTOR = StageDescriptor.named(
                    "ttl-guard", "Drops packets that arrive with a low TTL.")
            .spec("RFC 791 3.1")
            .arc(Arc.IP4_FORWARD)
            .before("ip4-ttl")
            .settings("ttl-guard", Key.values())
            .outputs(Out.values())
            .drops(Drop.values())
            .counters(Count.values())
            .factory(setup -> new TtlGuardStage(setup.settings()));

    // endregion
    // region process
    private final Ip4View ip = new Ip4View();
    private final long leastTtl;

    private TtlGuardStage(Settings settings) {
        leastTtl = settings.number(Key.LEAST_TTL);
    }

    @Override
    public void process(PacketVector packets, StageContext context) {
        int passed = 0;
        for (int i = 0; i < packets.size(); i++) {
            PacketBuffer packet = packets.get(i);
            ip.wrap(packet, packet.start());
            if (ip.ttl() < leastTtl) {
                context.drop(packet, Drop.TTL_TOO_LOW);
            } else {
                context.send(packet, Out.NEXT);
                passed++;
            }
        }
        if (passed != 0) {
            context.count(Count.PASSED, passed);
        }
    }
    // endregion
}
