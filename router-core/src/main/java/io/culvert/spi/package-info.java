// SPDX-License-Identifier: Apache-2.0
/**
 * What a packet stage is written against, built in or brought by a plugin: {@link io.culvert.spi.PacketStage} and its
 * {@link io.culvert.spi.StageDescriptor}, the {@link io.culvert.spi.StageContext} it acts through, and read access to the
 * router's tables. Nothing here knows Akka, files or sockets.
 */
@NullMarked
package io.culvert.spi;

import org.jspecify.annotations.NullMarked;
