// SPDX-License-Identifier: Apache-2.0
/**
 * What a device does not finish by itself is finished here: {@link io.culvert.stage.offload.DeviceOffloadStage} cuts
 * superpackets and completes checksums.
 */
@NullMarked
package io.culvert.stage.offload;

import org.jspecify.annotations.NullMarked;
