// SPDX-License-Identifier: Apache-2.0
/** Stages that come with Culvert and use the plugin API alone, one package each. */
@NullMarked
package io.culvert.plugins;

import org.jspecify.annotations.NullMarked;
