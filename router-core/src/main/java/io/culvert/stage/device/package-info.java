// SPDX-License-Identifier: Apache-2.0
/**
 * Where received packets enter the graph: {@link io.culvert.stage.device.DeviceInputStage} sorts frames from bare IP packets.
 */
@NullMarked
package io.culvert.stage.device;

import org.jspecify.annotations.NullMarked;
