// SPDX-License-Identifier: Apache-2.0
/**
 * Interfaces of the router: an {@link io.culvert.iface.InterfaceActor} owns the descriptors of one device, its receive and
 * transmit queues are what lanes read and write.
 */
@NullMarked
package io.culvert.iface;

import org.jspecify.annotations.NullMarked;
