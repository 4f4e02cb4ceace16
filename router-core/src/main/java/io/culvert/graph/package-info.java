// SPDX-License-Identifier: Apache-2.0
/**
 * From stages to a running graph: {@link io.culvert.graph.ArcOrder} sorts them, {@link io.culvert.graph.RouterGraph} wires
 * them into one Akka Streams blueprint, a {@link io.culvert.graph.Lane} is what one materialisation of it works on, and a
 * {@link io.culvert.graph.LaneActor} keeps it running.
 */
@NullMarked
package io.culvert.graph;

import org.jspecify.annotations.NullMarked;
