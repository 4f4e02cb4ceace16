// SPDX-License-Identifier: Apache-2.0
package io.culvert.bench;

import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.bench.BenchmarkTable.Row;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

final class BenchmarkTableTest {
    @Test
    void makesATableForEachClassAndTakesTheBaselineOfTheSameParametersOff() {
        String tables = BenchmarkTable.tables(List.of(
                new Row("RouteChangeBenchmark", "moves", Map.of("readers", "1"), 2_345_678.9, 54_321, "ops/s", 12.346),
                new Row("StageBenchmark", "baseline", Map.of("stage", "ip4-mtu"), 10.5, 0.25, "ns/op", 0.002),
                new Row("StageBenchmark", "baseline", Map.of("stage", "ip4-ttl"), 11, 0.5, "ns/op", 0.002),
                new Row("StageBenchmark", "stage", Map.of("stage", "ip4-mtu"), 14, 0.25, "ns/op", 0.001),
                new Row("StageBenchmark", "stage", Map.of("stage", "ip4-ttl"), 13.123, 0.5, "ns/op", 1.002)));

        assertThat(tables).isEqualToNormalizingNewlines("""

                | `RouteChangeBenchmark` | per second | ± | bytes allocated |
                |---|---:|---:|---:|
                | `moves 1` | 2350000 | 54300 | 12.35 |

                | `StageBenchmark` | ns | ± | bytes allocated |
                |---|---:|---:|---:|
                | `stage ip4-mtu` | 3.5 | 0.5 | 0.00 |
                | `stage ip4-ttl` | 2.12 | 1 | 1.00 |
                """);
    }
}
