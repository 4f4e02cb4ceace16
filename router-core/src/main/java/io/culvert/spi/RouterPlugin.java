// SPDX-License-Identifier: Apache-2.0
package io.culvert.spi;

import java.util.List;

/**
 * What a plugin brings, found by {@link java.util.ServiceLoader}. Every getter has an empty default, so that a new
 * extension point breaks nobody.
 */
public interface RouterPlugin {
    /** Kebab-case, unique among the loaded plugins. */
    String name();

    default List<StageDescriptor> stages() {
        return List.of();
    }
}
