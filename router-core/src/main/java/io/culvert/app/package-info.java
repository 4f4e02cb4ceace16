// SPDX-License-Identifier: Apache-2.0
/** The main class and the commands of the {@code culvert} command line, one file each. */
@NullMarked
package io.culvert.app;

import org.jspecify.annotations.NullMarked;
