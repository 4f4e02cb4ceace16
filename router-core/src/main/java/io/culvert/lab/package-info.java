// SPDX-License-Identifier: Apache-2.0
/**
 * Labs: network namespaces as hosts, links between them, routers and services inside, and checks that pass or fail. A lab
 * file says it all ({@link io.culvert.config.LabConfig}); {@link io.culvert.lab.Lab} runs it and removes every trace.
 */
@NullMarked
package io.culvert.lab;

import org.jspecify.annotations.NullMarked;
