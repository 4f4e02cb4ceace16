// SPDX-License-Identifier: Apache-2.0
/**
 * What a packet stage is written against, built in or brought by a plugin: {@link io.culvert.spi.PacketStage} and its
 * {@link io.culvert.spi.StageDescriptor}, the {@link io.culvert.spi.StageContext} it acts through, and read access to the
 * router's tables. A {@link io.culvert.spi.RouterPlugin} may also have a {@link io.culvert.spi.PluginControl}, with what
 * operators can ask of it, and kinds of interfaces ({@link io.culvert.spi.InterfaceKind}), for which the router opens devices
 * and sockets. Nothing here knows Akka or files; what knows Akka is in {@code io.culvert.spi.akka}.
 */
@NullMarked
package io.culvert.spi;

import org.jspecify.annotations.NullMarked;
