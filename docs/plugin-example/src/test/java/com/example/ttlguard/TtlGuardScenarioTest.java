// SPDX-License-Identifier: Apache-2.0
package com.example.ttlguard;

import io.culvert.testkit.Scenarios;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

// region class
/** Whole routers with the plugin, against golden files: one test for each directory. */
final class TtlGuardScenarioTest {
    @TestFactory
    Stream<DynamicTest> scenarios() {
        return Scenarios.in("src/test/resources/scenarios", new TtlGuardPlugin());
    }
}
// endregion
