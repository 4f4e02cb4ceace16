// SPDX-License-Identifier: Apache-2.0
/**
 * The part of the plugin API that knows Akka: for plugins that bring a typed actor
 * ({@link io.culvert.spi.akka.ActorPlugin}), or work on packets that needs the operators of Akka Streams
 * ({@link io.culvert.spi.akka.StreamPlugin}). All else is in {@link io.culvert.spi}.
 */
@NullMarked
package io.culvert.spi.akka;

import org.jspecify.annotations.NullMarked;
