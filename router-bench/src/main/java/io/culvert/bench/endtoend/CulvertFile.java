// SPDX-License-Identifier: Apache-2.0
package io.culvert.bench.endtoend;

import io.culvert.net.MacAddress;
import java.nio.file.Path;
import java.util.Locale;

/** The configuration of a Culvert that is measured: default settings, two interfaces, and perhaps a file of routes. */
final class CulvertFile {
    private final StringBuilder interfaces = new StringBuilder();
    private final Path socket;
    private String routes = "";

    /** @param socket for the management socket, in a folder of the run */
    CulvertFile(Path socket) {
        this.socket = socket;
    }

    /** Adds an interface that leads to the host of a side. */
    CulvertFile with(Side side, Pair.End end, String hostNamespace) {
        String own = list(side.routerIp4() + "/" + Side.IP4_LENGTH, side.routerIp6() + "/" + Side.IP6_LENGTH);
        String kernel = "addresses = "
                + list(side.hostIp4() + "/" + Side.IP4_LENGTH, side.hostIp6() + "/" + Side.IP6_LENGTH)
                + ", routes = [\"0.0.0.0/0\", \"::/0\"]";
        String rest = switch (end) {
            case TUN -> "device = %s, netns = %s, kernel { %s }".formatted(side.hostDevice(), hostNamespace, kernel);
            case TAP ->
                "device = %s, mac = \"%s\", netns = %s, kernel { mac = \"%s\", %s }"
                        .formatted(
                                side.hostDevice(),
                                MacAddress.toText(side.routerMac()),
                                hostNamespace,
                                MacAddress.toText(side.hostMac()),
                                kernel);
            case PACKET -> "device = " + side.routerDevice();
        };
        interfaces.append("    %s { type = %s, addresses = %s, %s }%n".formatted(side.letter(), end.word(), own, rest));
        return this;
    }

    /** Adds tuns that lead nowhere, each with an address of its own. */
    CulvertFile withIdleTuns(int tuns) {
        for (int i = 0; i < tuns; i++) {
            interfaces.append(
                    "    idle%d { type = tun, device = idle%d, addresses = [\"10.3.%d.1/24\"] }%n".formatted(i, i, i));
        }
        return this;
    }

    CulvertFile withRouteFile(Path file) {
        routes = "  route-files = [\"" + file + "\"]\n";
        return this;
    }

    private static String list(String ip4, String ip6) {
        return String.format(Locale.ROOT, "[\"%s\", \"%s\"]", ip4, ip6);
    }

    /** The text of the file. */
    String text() {
        return "router {\n  name = bench\n  interfaces {\n" + interfaces + "  }\n" + routes
                + "  management { socket = \"" + socket + "\" }\n}\n";
    }
}
