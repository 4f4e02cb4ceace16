// SPDX-License-Identifier: Apache-2.0
package io.culvert.spi.akka;

import io.culvert.spi.RouterPlugin;
import java.util.List;

/**
 * A plugin that brings stages made of Akka Streams flows, besides those of {@link RouterPlugin#stages()}, if any.
 *
 * @since 0.1
 */
public interface StreamPlugin extends RouterPlugin {
    List<StreamStage> streams();
}
