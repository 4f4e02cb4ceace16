// SPDX-License-Identifier: Apache-2.0
/**
 * {@code culvert bench}: whole routers between two hosts, measured in turn beside bare C forwarders (the yardsticks, in
 * {@code src/main/c}) and the kernel's own forwarding.
 */
@NullMarked
package io.culvert.bench.endtoend;

import org.jspecify.annotations.NullMarked;
