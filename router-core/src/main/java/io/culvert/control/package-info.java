// SPDX-License-Identifier: Apache-2.0
/**
 * The actors that run the router, and the socket by which operators reach it.
 *
 * <p>{@link io.culvert.control.ManagementActor} answers requests on a unix socket; what can be asked are
 * {@link io.culvert.spi.ManagementCommand}s, each a file of its own. The wire format is in
 * {@code docs/management-protocol.md}.
 *
 * <p>{@link io.culvert.control.LocalDeliveryActor} keeps the kernel's side of the local-delivery TAP; what that changes in the
 * kernel is in {@code docs/local-delivery.md}.
 */
@NullMarked
package io.culvert.control;

import org.jspecify.annotations.NullMarked;
