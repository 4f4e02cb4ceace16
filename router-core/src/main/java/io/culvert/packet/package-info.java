// SPDX-License-Identifier: Apache-2.0
/**
 * Packet memory: off-heap buffers with headroom and offload state, vectors of them, and the pool they live in.
 *
 * <p>All of it is confined to one lane, that is to one thread at a time; nothing here is synchronised.
 */
@NullMarked
package io.culvert.packet;

import org.jspecify.annotations.NullMarked;
