// SPDX-License-Identifier: Apache-2.0
package io.culvert.testkit;

/** The Internet checksum (RFC 1071), word by word: slow, and another program than the one under test. */
final class PlainChecksum {
    private PlainChecksum() {}

    /** The one's-complement sum of some bytes, padded to whole words, added to {@code sum}. */
    static int add(int sum, byte[] bytes, int from, int to) {
        int result = sum;
        for (int i = from; i < to; i += 2) {
            int low = i + 1 < to ? bytes[i + 1] & 0xff : 0;
            result += (bytes[i] & 0xff) << 8 | low;
            if (result > 0xffff) {
                result -= 0xffff;
            }
        }
        return result;
    }

    static int add(int sum, byte[] bytes) {
        return add(sum, bytes, 0, bytes.length);
    }

    /** The sum of the pseudo header: IPv4 when the addresses have 4 bytes, IPv6 when they have 16. */
    static int pseudoHeader(byte[] source, byte[] destination, int protocol, int length) {
        byte[] rest = {0, (byte) protocol, 0, (byte) (length >>> 16), (byte) (length >>> 8), (byte) length};
        return add(add(add(0, source), destination), rest);
    }

    static int complement(int sum) {
        return ~sum & 0xffff;
    }
}
