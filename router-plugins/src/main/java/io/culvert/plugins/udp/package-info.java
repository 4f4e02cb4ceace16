// SPDX-License-Identifier: Apache-2.0
/**
 * {@code type = udp}: IP packets to one peer, each in a UDP datagram, and nothing else in it. The simplest tunnel; it hides
 * and protects nothing.
 */
@NullMarked
package io.culvert.plugins.udp;

import org.jspecify.annotations.NullMarked;
