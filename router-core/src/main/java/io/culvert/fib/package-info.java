// SPDX-License-Identifier: Apache-2.0
/**
 * Routes: {@link io.culvert.fib.Rib} keeps every candidate and chooses, {@link io.culvert.fib.Fib} holds what was chosen in
 * the form that lanes look addresses up in. One thread writes, any number of lanes read.
 */
@NullMarked
package io.culvert.fib;

import org.jspecify.annotations.NullMarked;
