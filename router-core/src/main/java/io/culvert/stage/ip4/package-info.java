// SPDX-License-Identifier: Apache-2.0
/**
 * The way of an IPv4 packet through the router: {@code ip4-input} and {@code ip4-lookup} on the ip4-unicast arc; then, in
 * transit, {@code ip4-ttl} and {@code ip4-redirect} on ip4-forward and {@code ip4-mtu} on ip4-output; or, for the router
 * itself, {@code ip4-reassembly}, {@code ip4-local-police} and {@code ip4-local} on ip4-local.
 *
 * <p>Every stage here finds the packet's window starting at its IPv4 header, which {@code ip4-input} has checked. A stage
 * that refuses a packet for a reason that the sender should know sets what to say and sends it to {@code icmp4-error},
 * which decides whether anything is said.
 */
@NullMarked
package io.culvert.stage.ip4;

import org.jspecify.annotations.NullMarked;
