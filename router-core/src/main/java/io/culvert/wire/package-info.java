// SPDX-License-Identifier: Apache-2.0
/**
 * Protocol headers as views over packet bytes, one file per protocol, and the Internet checksum.
 *
 * <p>A view is made once and wrapped around one packet after another; it copies nothing and allocates nothing. Its
 * {@code check} says the first thing wrong with what it is wrapped around; after {@link io.culvert.wire.HeaderCheck#OK}
 * no getter throws, until the packet's window shrinks or a setter changes a length. Getters return values widened to
 * {@code int} or {@code long}: nothing signed leaves this package but an IPv4 address ({@code int}), a MAC address
 * ({@code long}, 48 bits) and the halves of an IPv6 address. The {@code encode} methods write every byte of a header, so
 * that they may be used on memory that holds anything; the caller sees to the packet's window. Setters whose names start
 * with {@code set} leave checksums alone; {@code rewrite}, {@code decrement} and the like repair them.
 *
 * <p>Not for use by two threads at once.
 */
@NullMarked
package io.culvert.wire;

import org.jspecify.annotations.NullMarked;
