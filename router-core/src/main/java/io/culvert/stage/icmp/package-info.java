// SPDX-License-Identifier: Apache-2.0
/**
 * The router's own ICMP messages of both families: errors about packets that other stages refused, and echo replies. They
 * are made in the buffer of the packet that they are about or answer, and recirculated to the lookup, which routes them
 * like any packet that the router originates.
 */
@NullMarked
package io.culvert.stage.icmp;

import org.jspecify.annotations.NullMarked;
