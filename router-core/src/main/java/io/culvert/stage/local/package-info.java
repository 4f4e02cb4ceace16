// SPDX-License-Identifier: Apache-2.0
/**
 * The way to the kernel: {@link io.culvert.stage.local.LocalDeliveryStage} frames packets for the router's own addresses
 * for the TAP that leads there.
 */
@NullMarked
package io.culvert.stage.local;

import org.jspecify.annotations.NullMarked;
