// SPDX-License-Identifier: Apache-2.0
/** The smallest complete plugin: the one to copy when writing another. */
@NullMarked
package io.culvert.plugins.sample;

import org.jspecify.annotations.NullMarked;
