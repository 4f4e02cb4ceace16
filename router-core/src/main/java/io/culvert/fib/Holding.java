// SPDX-License-Identifier: Apache-2.0
package io.culvert.fib;

import io.culvert.spi.FibEntry;
import org.jspecify.annotations.Nullable;

/** What the writer's books say of a prefix. Shared by the prefixes of which they say the same. */
interface Holding {
    /** What is to be installed under a prefix of this length; null for nothing. */
    @Nullable
    FibEntry installed(int length);
}
