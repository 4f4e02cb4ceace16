// SPDX-License-Identifier: Apache-2.0
package io.culvert.config;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Where operators reach the running router.
 *
 * @param socket path of the unix socket
 * @param mode permission bits of the socket: 0660
 * @param group its group by name or number, or null for the group of the process
 */
public record ManagementConfig(
        Path socket, int mode, @Nullable String group) {}
