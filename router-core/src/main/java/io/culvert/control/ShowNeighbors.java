// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import io.culvert.neighbor.NeighborStatus;
import io.culvert.net.MacAddress;
import io.culvert.spi.InterfaceTable;
import io.culvert.spi.ManagementAnswer;
import io.culvert.spi.ManagementCommand;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;

/** {@code show neighbors}: every neighbor known by ARP or neighbor discovery, and its state. */
final class ShowNeighbors implements ManagementCommand {
    private final Supplier<CompletionStage<NeighborActor.Listing>> neighbors;
    private final Supplier<InterfaceTable> interfaces;

    ShowNeighbors(Supplier<CompletionStage<NeighborActor.Listing>> neighbors, Supplier<InterfaceTable> interfaces) {
        this.neighbors = neighbors;
        this.interfaces = interfaces;
    }

    @Override
    public String what() {
        return "neighbors";
    }

    @Override
    public String summary() {
        return "neighbors known by ARP and neighbor discovery, and their states";
    }

    @Override
    public CompletionStage<ManagementAnswer> answer(List<String> arguments) {
        return neighbors.get().thenApply(listing -> table(listing, interfaces.get()));
    }

    private static ManagementAnswer table(NeighborActor.Listing listing, InterfaceTable interfaces) {
        ManagementAnswer.Builder table = ManagementAnswer.Table.titled("neighbors")
                .text("address")
                .text("interface")
                .text("mac")
                .text("state")
                .flag("router");
        for (NeighborStatus neighbor : listing.neighbors()) {
            MacAddress mac = neighbor.mac();
            table.row(
                    neighbor.address().toString(),
                    interfaces.get(neighbor.interfaceId()).name(),
                    mac == null ? null : mac.toString(),
                    neighbor.state().name().toLowerCase(Locale.ROOT),
                    neighbor.router());
        }
        return table.answer();
    }
}
