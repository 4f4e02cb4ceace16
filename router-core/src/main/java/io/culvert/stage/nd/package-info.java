// SPDX-License-Identifier: Apache-2.0
/** Neighbor Discovery's packets (RFC 4861); its tables and timers are elsewhere, behind the neighbor signals. */
@NullMarked
package io.culvert.stage.nd;

import org.jspecify.annotations.NullMarked;
