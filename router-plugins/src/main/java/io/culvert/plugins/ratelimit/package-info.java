// SPDX-License-Identifier: Apache-2.0
/** Polices traffic by token buckets: per interface, prefix, host or flow. */
@NullMarked
package io.culvert.plugins.ratelimit;

import org.jspecify.annotations.NullMarked;
