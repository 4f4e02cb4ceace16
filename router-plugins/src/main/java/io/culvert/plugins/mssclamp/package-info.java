// SPDX-License-Identifier: Apache-2.0
/** Lowers the maximum segment size that TCP connections in transit agree on. */
@NullMarked
package io.culvert.plugins.mssclamp;

import org.jspecify.annotations.NullMarked;
