// SPDX-License-Identifier: Apache-2.0
/**
 * From a HOCON file to typed, checked settings: {@link io.culvert.config.ConfigFile} reads a file and answers either a
 * {@link io.culvert.config.RouterConfig} or every mistake in it at once.
 *
 * <p>Each section of the file is declared in one place, as the {@code Key} constants of a {@code ...Section} class: what
 * a key takes, its default and its sentence in the reference documentation.
 */
@NullMarked
package io.culvert.config;

import org.jspecify.annotations.NullMarked;
