// SPDX-License-Identifier: Apache-2.0
package io.culvert.bench;

import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.graph.BuiltInStages;
import io.culvert.spi.StageDescriptor;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.openjdk.jmh.annotations.Param;

final class StageBenchmarkTest {
    private static final int RUNS = 3;

    private static List<String> benchmarked() throws NoSuchFieldException {
        return List.of(StageBenchmark.class
                .getDeclaredField("stage")
                .getAnnotation(Param.class)
                .value());
    }

    /** That the list of built-in stages has them all, a test of the router itself sees to. */
    @Test
    void measuresEveryBuiltInStage() throws NoSuchFieldException {
        List<String> builtIn =
                BuiltInStages.all().stream().map(StageDescriptor::id).toList();

        assertThat(benchmarked()).containsExactlyInAnyOrderElementsOf(builtIn);
    }

    @ParameterizedTest
    @MethodSource("benchmarked")
    void eachStageDecidesEveryPacketAndKeepsNone(String stage) {
        StageBenchmark benchmark = of(stage);

        for (int run = 0; run < RUNS; run++) {
            benchmark.baseline();
            benchmark.stage();
            assertThat(benchmark.kept()).isZero();
        }
    }

    /** By the sum of its counters and of what it consumes, in one run of 64 packets. */
    @ParameterizedTest
    @CsvSource({
        "device-offload, 192", // 64 cut, into 128 segments
        "device-coalesce, 72", // 8 superpackets from 64
        "ip4-reassembly, 128", // 64 fragments, of which 32 are consumed, become 32 datagrams
        "ip6-reassembly, 160", // 64 fragments, all consumed, become 32 datagrams
        "ip4-refuse, 64", // resets
        "ip6-refuse, 64"
    })
    void aStageOfRarePacketsHasItsWorkToDo(String stage, long counted) {
        StageBenchmark benchmark = of(stage);
        long before = benchmark.stage();

        assertThat(benchmark.stage() - before).isEqualTo(counted);
    }

    private static StageBenchmark of(String stage) {
        StageBenchmark benchmark = new StageBenchmark();
        benchmark.stage = stage;
        benchmark.prepare();
        return benchmark;
    }
}
