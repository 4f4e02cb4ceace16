// SPDX-License-Identifier: Apache-2.0
/** Copies the traffic of an interface to another, for whoever listens there. */
@NullMarked
package io.culvert.plugins.mirror;

import org.jspecify.annotations.NullMarked;
