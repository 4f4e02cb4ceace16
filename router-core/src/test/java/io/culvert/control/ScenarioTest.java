// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import io.culvert.testkit.Scenarios;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Whole routers against golden files, which {@link Scenarios} explains. */
class ScenarioTest {
    @TestFactory
    Stream<DynamicTest> sendsAndCountsWhatTheGoldenFilesSay() {
        return Scenarios.in("src/test/resources/scenarios");
    }
}
