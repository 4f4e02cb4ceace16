// SPDX-License-Identifier: Apache-2.0
package io.culvert.testkit;

import java.lang.annotation.ElementType;
import java.lang.annotation.Inherited;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * At the end of each test, ends every {@link StageHarness} and {@link ScriptedRouter} that the test has made and fails when
 * the packets of one do not add up, or a buffer has not come home. The failure says which one, by the line that made it. A
 * router that nobody has closed is closed.
 *
 * <pre>{@code
 * @BalancedAccounts
 * final class TtlGuardStageTest { ... }
 * }</pre>
 *
 * <p>Sees what the test's own thread makes, in its fields, {@code @BeforeEach} methods and the test itself.
 */
@Target(ElementType.TYPE)
@Retention(RetentionPolicy.RUNTIME)
@Inherited
@ExtendWith(AccountsExtension.class)
public @interface BalancedAccounts {}
