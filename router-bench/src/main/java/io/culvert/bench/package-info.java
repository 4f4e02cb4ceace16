// SPDX-License-Identifier: Apache-2.0
/** Benchmarks; nothing of this is shipped. */
@NullMarked
package io.culvert.bench;

import org.jspecify.annotations.NullMarked;
