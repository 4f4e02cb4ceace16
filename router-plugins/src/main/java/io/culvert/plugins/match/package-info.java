// SPDX-License-Identifier: Apache-2.0
/** What the bundled plugins share to tell which packets a rule means. */
@NullMarked
package io.culvert.plugins.match;

import org.jspecify.annotations.NullMarked;
