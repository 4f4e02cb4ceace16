// SPDX-License-Identifier: Apache-2.0
package io.culvert.wire;

import io.culvert.packet.PacketBuffer;

/**
 * Walks the options of an IPv6 Hop-by-Hop or Destination Options header (RFC 8200 sections 4.2, 4.3 and 4.6).
 *
 * <pre>
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * |  Next header  |  Hdr ext len  | Option type   | Option length |
 * |                          option data ...                      |
 * </pre>
 *
 * <p>The header must have passed {@link #check()}, or have been found whole by {@link Ip6ExtensionChain}. {@link #next()}
 * steps from option to option, over padding, until the end of the header or the first malformed option; it always ends.
 *
 * @since 0.1
 */
public final class Ip6OptionsView extends View {
    public static final int PAD1 = 0;
    public static final int PADN = 1;
    /** RFC 2711. */
    public static final int ROUTER_ALERT = 5;
    /** RFC 2675. */
    public static final int JUMBO_PAYLOAD = 0xc2;

    /** What {@link #action()} says about an option that a node does not know: pass over it. */
    public static final int SKIP = 0;
    /** Discard the packet. */
    public static final int DISCARD = 1;
    /** Discard the packet and send a parameter problem, code 2, pointing at the option type. */
    public static final int DISCARD_AND_REPORT = 2;
    /** As {@link #DISCARD_AND_REPORT}, but report only when the destination is not a multicast address. */
    public static final int DISCARD_AND_REPORT_UNICAST = 3;

    private static final int NEXT_HEADER = 0;
    private static final int LENGTH = 1;
    private static final int OPTIONS = 2;

    private int option;
    private int nextOption;
    private int end;
    private boolean malformed;

    /** Starts before the first option of the header at an absolute position. */
    public Ip6OptionsView wrap(PacketBuffer packet, int offset) {
        attach(packet, offset);
        option = offset;
        nextOption = offset + OPTIONS;
        end = nextOption;
        malformed = false;
        return this;
    }

    /**
     * {@link HeaderCheck#TOO_SHORT} when the packet does not hold the whole header, {@link HeaderCheck#BAD_OPTION} when
     * an option runs out of it, or {@link HeaderCheck#OK}. Leaves the walk before the first option.
     */
    public HeaderCheck check() {
        int available = available();
        if (available < 8 || headerBytes() > available) {
            return HeaderCheck.TOO_SHORT;
        }
        wrap(packet, at);
        boolean more = next();
        while (more) {
            more = next();
        }
        boolean bad = malformed;
        wrap(packet, at);
        return bad ? HeaderCheck.BAD_OPTION : HeaderCheck.OK;
    }

    public int nextHeader() {
        return u8(NEXT_HEADER);
    }

    public int headerBytes() {
        return (u8(LENGTH) + 1) << 3;
    }

    /** Goes to the next option that is not padding; false at the end of the header, or when {@link #malformed()}. */
    public boolean next() {
        end = at + headerBytes();
        while (nextOption < end && !malformed) {
            option = nextOption;
            if (type() == PAD1) {
                nextOption = option + 1;
                continue;
            }
            if (end - option < 2 || dataLength() > end - option - 2) {
                malformed = true;
                break;
            }
            nextOption = option + 2 + dataLength();
            if (type() != PADN) {
                return true;
            }
        }
        return false;
    }

    /** Whether the walk ended at an option that leads out of the header. */
    public boolean malformed() {
        return malformed;
    }

    /** The current option's whole type octet. */
    public int type() {
        return u8(option - at);
    }

    /** What a node that does not know the current option does, from its two highest bits: {@link #SKIP} and so on. */
    public int action() {
        return type() >>> 6;
    }

    /** Position of the current option's type: what a parameter problem points at. */
    public int optionOffset() {
        return option;
    }

    /** Bytes of the current option's data. */
    public int dataLength() {
        return u8(option - at + 1);
    }

    /** Position of the current option's data. */
    public int dataOffset() {
        return option + 2;
    }

    /** Whether the current option is a Router Alert of the right size (RFC 2711 section 2.1). */
    public boolean isRouterAlert() {
        return type() == ROUTER_ALERT && dataLength() == 2;
    }
}
