// SPDX-License-Identifier: Apache-2.0
package io.culvert.plugins.dscpmark;

import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.plugins.match.IpFields;
import io.culvert.plugins.match.MatchKey;
import io.culvert.plugins.match.PacketMatch;
import io.culvert.spi.Arc;
import io.culvert.spi.BadSettingException;
import io.culvert.spi.ConfigKey;
import io.culvert.spi.ConfigType;
import io.culvert.spi.CounterId;
import io.culvert.spi.OutPort;
import io.culvert.spi.PacketStage;
import io.culvert.spi.Settings;
import io.culvert.spi.StageContext;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.StageSetup;
import io.culvert.spi.Target;
import io.culvert.wire.Ip4View;
import io.culvert.wire.Ip6View;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Sets the DSCP of packets that leave, as the first rule says that is about them (RFC 2474 section 3).
 *
 * <p>In: packets about to leave, in transit or the router's own, with their transmit interface set, the window starting
 * at the IP header. Out: {@code NEXT}, all of them. It stands before ip4-mtu and ip6-mtu: fragments that the router
 * makes all get the mark of the packet, and the segments of a superpacket, too. Writes the six bits of the DSCP, never
 * those of ECN (RFC 3168 section 5), and updates the IPv4 header checksum. Packets that no rule is about keep theirs.
 * State: none.
 *
 * <pre>{@code
 * plugins { dscp-mark { rules = [
 *   { dscp = EF, in = lan, protocol = udp, to-ports = "16384-32767" }
 *   { dscp = CS0, in = wan }
 * ] } }
 * }</pre>
 */
public final class DscpMarkStage implements PacketStage {
    enum Key implements ConfigKey {
        RULES;

        @Override
        public String key() {
            return "rules";
        }

        @Override
        public ConfigType type() {
            return ConfigType.SECTIONS;
        }

        @Override
        public List<ConfigKey> keys() {
            List<ConfigKey> keys = new ArrayList<>(List.of(RuleKey.values()));
            keys.addAll(List.of(MatchKey.values()));
            return keys;
        }

        @Override
        public String defaultText() {
            return "[]";
        }

        @Override
        public String text() {
            return "What to mark; the first rule that is about a packet decides.";
        }
    }

    enum RuleKey implements ConfigKey {
        DSCP(
                "dscp",
                ConfigType.TEXT,
                null,
                "The code point: a name such as EF, AF41, CS0 or LE, or a number from 0 to 63."),
        IN(
                "in",
                ConfigType.INTERFACE,
                "",
                "Only packets that arrived on this interface; empty: any, and the router's own."),
        OUT("out", ConfigType.INTERFACE, "", "Only packets that leave by this interface; empty: any.");

        private final String key;
        private final ConfigType type;
        private final @Nullable String defaultText;
        private final String text;

        RuleKey(String key, ConfigType type, @Nullable String defaultText, String text) {
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
        public @Nullable String defaultText() {
            return defaultText;
        }

        @Override
        public String text() {
            return text;
        }
    }

    enum Out implements OutPort {
        NEXT(Target.next());

        private final Target target;

        Out(Target target) {
            this.target = target;
        }

        @Override
        public Target target() {
            return target;
        }
    }

    enum Count implements CounterId {
        MARKED("Packets whose DSCP was changed."),
        KEPT("Packets that a rule was about, and that had its DSCP already.");

        private final String text;

        Count(String text) {
            this.text = text;
        }

        @Override
        public String text() {
            return text;
        }
    }

    public static final StageDescriptor IP4 = descriptor("ip4-dscp-mark", "IPv4", Arc.IP4_OUTPUT, "ip4-mtu");
    public static final StageDescriptor IP6 = descriptor("ip6-dscp-mark", "IPv6", Arc.IP6_OUTPUT, "ip6-mtu");

    private static StageDescriptor descriptor(String id, String family, Arc arc, String mtuStage) {
        return StageDescriptor.named(id, "Sets the DSCP of " + family + " packets that leave, by rules.")
                .spec("RFC 2474 3", "RFC 3168 5", "RFC 1624 3")
                .arc(arc)
                .before(mtuStage)
                .settings("dscp-mark", Key.values())
                .check(DscpMarkStage::check)
                .outputs(Out.values())
                .counters(Count.values())
                .factory(DscpMarkStage::new);
    }

    private static final int ANY = -1;
    private static final int ECN = 3;

    /** One rule. */
    private record Rule(int dscp, int in, int out, PacketMatch match) {}

    private final Rule[] rules;
    private final boolean readsPackets;

    private final IpFields fields = new IpFields();
    private final Ip4View ip4 = new Ip4View();
    private final Ip6View ip6 = new Ip6View();

    private DscpMarkStage(StageSetup setup) {
        List<Settings> sections = setup.settings().sections(Key.RULES);
        rules = new Rule[sections.size()];
        boolean reads = false;
        for (int i = 0; i < rules.length; i++) {
            Settings section = sections.get(i);
            rules[i] = new Rule(
                    CodePoint.parse(section.text(RuleKey.DSCP)),
                    section.interfaceId(RuleKey.IN),
                    section.interfaceId(RuleKey.OUT),
                    new PacketMatch(section));
            reads |= !rules[i].match.isAll();
        }
        readsPackets = reads;
    }

    private static void check(Settings settings) throws BadSettingException {
        for (Settings rule : settings.sections(Key.RULES)) {
            String text = rule.text(RuleKey.DSCP);
            if (CodePoint.parse(text) == CodePoint.UNKNOWN) {
                throw new BadSettingException(
                        rule,
                        RuleKey.DSCP,
                        "is \"" + text + "\"; expected a name like EF or AF41, or a number from 0 to 63");
            }
            PacketMatch.check(rule);
        }
    }

    @Override
    public void process(PacketVector packets, StageContext context) {
        for (int i = 0; i < packets.size(); i++) {
            mark(packets.get(i), context);
        }
        context.sendAll(packets, Out.NEXT);
    }

    private void mark(PacketBuffer packet, StageContext context) {
        if (readsPackets && !fields.read(packet, packet.start())) {
            return;
        }
        for (Rule rule : rules) {
            if ((rule.in == ANY || rule.in == packet.receiveInterface())
                    && (rule.out == ANY || rule.out == packet.transmitInterface())
                    && rule.match.matches(fields)) {
                context.count(write(packet, rule.dscp) ? Count.MARKED : Count.KEPT, 1);
                return;
            }
        }
    }

    /** Whether the packet's code point was another. */
    private boolean write(PacketBuffer packet, int dscp) {
        if (ip4.wrap(packet, packet.start()).version() == 4) {
            int before = ip4.trafficClass();
            if (before >>> 2 == dscp) {
                return false;
            }
            ip4.rewriteTrafficClass(dscp << 2 | (before & ECN));
            return true;
        }
        int before = ip6.wrap(packet, packet.start()).trafficClass();
        if (before >>> 2 == dscp) {
            return false;
        }
        ip6.setTrafficClass(dscp << 2 | (before & ECN));
        return true;
    }
}
