// SPDX-License-Identifier: Apache-2.0
package io.culvert.wire;

import io.culvert.packet.PacketBuffer;

/**
 * Walks the options of an IPv4 header (RFC 791 section 3.1), which has passed {@link Ip4View#check()}.
 *
 * <p>{@link #next()} steps from option to option, over "no operation" bytes, until the end of the list, of the header, or
 * the first malformed option; it always ends.
 *
 * @since 0.1
 */
public final class Ip4Options extends View {
    public static final int END = 0;
    public static final int NO_OPERATION = 1;
    public static final int RECORD_ROUTE = 7;
    public static final int TIMESTAMP = 68;
    /** Loose source and record route. */
    public static final int LOOSE_SOURCE_ROUTE = 131;
    /** Strict source and record route. */
    public static final int STRICT_SOURCE_ROUTE = 137;
    /** RFC 2113. */
    public static final int ROUTER_ALERT = 148;

    private static final int TYPE = 0;
    private static final int LENGTH = 1;

    private int nextAt;
    private int end;
    private boolean malformed;

    /** Starts before the first option. */
    public Ip4Options wrap(Ip4View ip) {
        return wrap(ip.packet, ip.at + Ip4View.HEADER_BYTES, ip.optionsLength());
    }

    /** Starts before the first option of an area that lies within the packet. */
    public Ip4Options wrap(PacketBuffer packet, int offset, int length) {
        attach(packet, offset);
        nextAt = offset;
        end = offset + length;
        malformed = false;
        return this;
    }

    /** Goes to the next option; false at the end of the list, or when {@link #malformed()}. */
    public boolean next() {
        at = nextAt;
        while (at < end && u8(TYPE) == NO_OPERATION) {
            at++;
        }
        nextAt = at;
        if (at == end || u8(TYPE) == END) {
            return false;
        }
        if (end - at < 2 || u8(LENGTH) < 2 || u8(LENGTH) > end - at) {
            malformed = true;
            return false;
        }
        nextAt = at + u8(LENGTH);
        return true;
    }

    /** Whether the walk ended at an option that has no length, one below 2, or one that leads out of the header. */
    public boolean malformed() {
        return malformed;
    }

    /** The whole type octet of the current option. */
    public int type() {
        return u8(TYPE);
    }

    /** Bytes of the current option with its type and length. */
    public int length() {
        return u8(LENGTH);
    }

    /** Whether the current option belongs into every fragment, not only the first. */
    public boolean copied() {
        return (u8(TYPE) & 0x80) != 0;
    }

    /** Whether the current option is a loose or strict source route. */
    public boolean isSourceRoute() {
        int type = u8(TYPE);
        return type == LOOSE_SOURCE_ROUTE || type == STRICT_SOURCE_ROUTE;
    }

    /**
     * Walks the whole list of a header: {@link HeaderCheck#BAD_OPTION} when it is malformed, else {@link
     * HeaderCheck#OK}. Leaves the walk at its end.
     */
    public HeaderCheck check(Ip4View ip) {
        wrap(ip);
        boolean more = next();
        while (more) {
            more = next();
        }
        return malformed ? HeaderCheck.BAD_OPTION : HeaderCheck.OK;
    }

    /** Whether a source route is among the options of a header, as far as they are well-formed. */
    public boolean hasSourceRoute(Ip4View ip) {
        wrap(ip);
        while (next()) {
            if (isSourceRoute()) {
                return true;
            }
        }
        return false;
    }
}
