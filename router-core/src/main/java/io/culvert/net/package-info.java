// SPDX-License-Identifier: Apache-2.0
/** Addresses, prefixes and identifiers: the nouns every other package speaks. Depends on the JDK alone. */
@NullMarked
package io.culvert.net;

import org.jspecify.annotations.NullMarked;
