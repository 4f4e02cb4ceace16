// SPDX-License-Identifier: Apache-2.0
package io.culvert.testkit;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Inherited;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * Marks a test class, or a test, that makes network namespaces and tun devices. Where they can't be made it is skipped
 * with the reason; with {@code CI=true} in the environment it fails instead, so that nothing is skipped unnoticed.
 *
 * <p>The launcher's {@code test} command finds out and says so in {@code CULVERT_NETNS} ({@code yes} or {@code no}) and
 * {@code CULVERT_NETNS_WHY}. Without these, as in an IDE, the test runs if the user is root and {@code /dev/net/tun} can
 * be opened.
 */
@Documented
@Inherited
@Retention(RetentionPolicy.RUNTIME)
@Target({ElementType.TYPE, ElementType.METHOD})
@Tag("namespaces")
@ExtendWith(NamespacesCondition.class)
public @interface RequiresNamespaces {}
