// SPDX-License-Identifier: Apache-2.0
package io.culvert.bench.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.net.Ip4Prefix;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class RouteFilesTest {
    private static final int SOME = 5_000;

    @TempDir
    private Path folder;

    @Test
    void oneRouteLeadsToWhatTrafficIsSpreadOver() throws Exception {
        Path file = folder.resolve("routes.txt");
        RouteFiles.writeOne(file, Pair.TUN_TUN);
        assertThat(Files.readAllLines(file)).containsExactly("16.0.0.0/4 dev b");
        RouteFiles.writeOne(file, Pair.PACKET_PACKET);
        assertThat(Files.readAllLines(file)).containsExactly("16.0.0.0/4 via 10.2.0.2");
    }

    @Test
    void manyRoutesTakeBothInterfacesInTurnButWithinTheSpreadTheFarOne() throws Exception {
        Path file = folder.resolve("routes.txt");
        RouteFiles.writeMany(file, Pair.TUN_TUN, SOME, SOME);
        List<String> lines = Files.readAllLines(file);
        assertThat(lines).hasSize(1 + 2 * SOME).allMatch(line -> line.matches("[0-9a-f.:]+/\\d+ dev [ab]"));
        assertThat(within(lines)).hasSizeGreaterThan(SOME / 30).allMatch(line -> line.endsWith(" dev b"));
        assertThat(lines).filteredOn(line -> line.endsWith(" dev a")).hasSizeGreaterThan(SOME * 2 / 3);
    }

    @Test
    void manyRoutesShareTheNeighborsOfEthernet() throws Exception {
        Path file = folder.resolve("routes.txt");
        RouteFiles.writeMany(file, Pair.PACKET_PACKET, SOME, SOME);
        List<String> lines = Files.readAllLines(file);
        assertThat(lines)
                .allMatch(line -> line.matches("[0-9.]+/\\d+ via 10\\.[12]\\.0\\.[2-5]|.*:.* via fd0[12]::[2-5]"));
        assertThat(within(lines)).allMatch(line -> line.contains(" via 10.2.0."));
    }

    private static List<String> within(List<String> lines) {
        return lines.stream()
                .filter(line -> !line.contains(":"))
                .filter(line -> RouteFiles.SPREAD.contains(
                        Ip4Prefix.parse(line.substring(0, line.indexOf(' '))).address()))
                .toList();
    }
}
