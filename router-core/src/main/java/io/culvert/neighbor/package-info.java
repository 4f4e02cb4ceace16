// SPDX-License-Identifier: Apache-2.0
/**
 * The link addresses of neighbors: a bounded table that one thread writes and every lane reads. What is entered when is
 * decided by NeighborActor in {@code control}.
 */
@NullMarked
package io.culvert.neighbor;

import org.jspecify.annotations.NullMarked;
