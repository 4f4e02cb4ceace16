// SPDX-License-Identifier: Apache-2.0
/** Makes links as bad as a lab needs them: delay, jitter, loss, duplicates, corruption, reordering and a rate. */
@NullMarked
package io.culvert.plugins.impair;

import org.jspecify.annotations.NullMarked;
