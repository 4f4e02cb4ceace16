// SPDX-License-Identifier: Apache-2.0
/**
 * Where counts are kept: written by one lane without synchronisation, read by anyone at any time, added up over lanes when
 * somebody asks.
 */
@NullMarked
package io.culvert.telemetry;

import org.jspecify.annotations.NullMarked;
