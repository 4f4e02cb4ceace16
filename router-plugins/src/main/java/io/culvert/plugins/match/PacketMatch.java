// SPDX-License-Identifier: Apache-2.0
package io.culvert.plugins.match;

import io.culvert.spi.BadSettingException;
import io.culvert.spi.Settings;
import io.culvert.wire.IpProtocol;
import java.util.Objects;

/** Which packets a rule is about, by addresses, protocol and ports, as {@link MatchKey} says it. Immutable. */
public final class PacketMatch {
    private static final int ANY = -1;
    private static final int ANY_ICMP = -2;
    private static final int UNKNOWN = -3;

    private final PrefixList from;
    private final PrefixList to;
    private final int protocol;
    private final PortRanges fromPorts;
    private final PortRanges toPorts;
    private final boolean all;

    /** Reads a rule's section, which has passed {@link #check}. */
    public PacketMatch(Settings rule) {
        from = new PrefixList(rule.prefixes(MatchKey.FROM));
        to = new PrefixList(rule.prefixes(MatchKey.TO));
        protocol = protocol(rule.text(MatchKey.PROTOCOL));
        fromPorts = Objects.requireNonNull(PortRanges.parse(rule.text(MatchKey.FROM_PORTS)), "checked before");
        toPorts = Objects.requireNonNull(PortRanges.parse(rule.text(MatchKey.TO_PORTS)), "checked before");
        all = from.size() == 0 && to.size() == 0 && protocol == ANY && fromPorts.isEmpty() && toPorts.isEmpty();
    }

    /**
     * Judges a rule's section.
     *
     * @throws BadSettingException naming the key that makes no sense
     */
    public static void check(Settings rule) throws BadSettingException {
        String name = rule.text(MatchKey.PROTOCOL);
        int number = protocol(name);
        if (number == UNKNOWN) {
            throw new BadSettingException(
                    rule,
                    MatchKey.PROTOCOL,
                    "is \"" + name + "\"; expected tcp, udp, sctp, icmp, gre, esp, a number from 0 to 255, or any");
        }
        for (MatchKey key : new MatchKey[] {MatchKey.FROM_PORTS, MatchKey.TO_PORTS}) {
            PortRanges ports = PortRanges.parse(rule.text(key));
            if (ports == null) {
                throw new BadSettingException(
                        rule,
                        key,
                        "is \"" + rule.text(key) + "\"; expected ports from 0 to 65535 like \"53, 5000-5999\"");
            }
            if (!ports.isEmpty() && number != ANY && !IpProtocol.hasPorts(number)) {
                throw new BadSettingException(
                        rule, key, "can't be given with protocol " + name + ", which has no ports");
            }
        }
    }

    private static int protocol(String text) {
        return switch (text) {
            case "any" -> ANY;
            case "icmp" -> ANY_ICMP;
            case "tcp" -> IpProtocol.TCP;
            case "udp" -> IpProtocol.UDP;
            case "sctp" -> IpProtocol.SCTP;
            case "gre" -> IpProtocol.GRE;
            case "esp" -> IpProtocol.ESP;
            default -> number(text);
        };
    }

    private static int number(String text) {
        if (text.isEmpty() || text.length() > 3 || !text.chars().allMatch(c -> c >= '0' && c <= '9')) {
            return UNKNOWN;
        }
        int number = Integer.parseInt(text);
        return number > 0xff ? UNKNOWN : number;
    }

    public PrefixList from() {
        return from;
    }

    public PrefixList to() {
        return to;
    }

    /** Whether it is about every packet, so that none needs to be read for it. */
    public boolean isAll() {
        return all;
    }

    public boolean matches(IpFields packet) {
        return all
                || (matchesProtocol(packet)
                        && fromPorts.allows(packet.sourcePort())
                        && toPorts.allows(packet.destinationPort())
                        && from.allowsSource(packet)
                        && to.allowsDestination(packet));
    }

    private boolean matchesProtocol(IpFields packet) {
        int is = packet.protocol();
        return protocol == ANY
                || protocol == is
                || (protocol == ANY_ICMP && is == (packet.is6() ? IpProtocol.ICMP6 : IpProtocol.ICMP));
    }
}
