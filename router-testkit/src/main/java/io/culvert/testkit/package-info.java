// SPDX-License-Identifier: Apache-2.0
/** What tests of stages, tables and whole routers have in common. */
@NullMarked
package io.culvert.testkit;

import org.jspecify.annotations.NullMarked;
