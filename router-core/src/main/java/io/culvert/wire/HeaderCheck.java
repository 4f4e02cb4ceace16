// SPDX-License-Identifier: Apache-2.0
package io.culvert.wire;

/**
 * What a view's {@code check} found: {@link #OK}, or the first thing wrong.
 *
 * @since 0.1
 */
public enum HeaderCheck {
    /** Every getter of the view may be called. */
    OK,
    /** The packet ends before the header does. */
    TOO_SHORT,
    /** The version field names another protocol. */
    BAD_VERSION,
    /** The header claims to be shorter than its fixed part or longer than the packet. */
    BAD_HEADER_LENGTH,
    /** The header claims a payload that the packet does not hold, or a length below its own size. */
    BAD_TOTAL_LENGTH,
    /** The checksum does not agree with the bytes. */
    BAD_CHECKSUM,
    /** A hardware, protocol or message type that this view is not for. */
    BAD_TYPE,
    /** A code that the message type does not have. */
    BAD_CODE,
    /** A hop limit other than the 255 that proves a neighbor sent it (RFC 4861, RFC 5082). */
    BAD_HOP_LIMIT,
    /** A source, destination or target address that the message must not have. */
    BAD_ADDRESS,
    /** An option that runs over the end of its area, has an impossible length, or must not be there. */
    BAD_OPTION
}
