// SPDX-License-Identifier: Apache-2.0
/** Marks packets with the DSCP of their traffic class. */
@NullMarked
package io.culvert.plugins.dscpmark;

import org.jspecify.annotations.NullMarked;
