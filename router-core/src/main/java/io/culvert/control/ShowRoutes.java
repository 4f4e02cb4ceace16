// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import io.culvert.fib.RouteStatus;
import io.culvert.spi.InterfaceTable;
import io.culvert.spi.ManagementAnswer;
import io.culvert.spi.ManagementCommand;
import io.culvert.spi.NextHop;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/** {@code show routes}: every route, whether packets follow it, and where they go. */
final class ShowRoutes implements ManagementCommand {
    private final Supplier<CompletionStage<RouteActor.Listing>> routes;
    private final Supplier<InterfaceTable> interfaces;

    ShowRoutes(Supplier<CompletionStage<RouteActor.Listing>> routes, Supplier<InterfaceTable> interfaces) {
        this.routes = routes;
        this.interfaces = interfaces;
    }

    @Override
    public String what() {
        return "routes";
    }

    @Override
    public String summary() {
        return "every route with its source, and whether packets follow it";
    }

    @Override
    public CompletionStage<ManagementAnswer> answer(List<String> arguments) {
        return routes.get().thenApply(listing -> table(listing.routes(), interfaces.get()));
    }

    private static ManagementAnswer table(List<RouteStatus> routes, InterfaceTable interfaces) {
        ManagementAnswer.Builder table = ManagementAnswer.Table.titled("routes")
                .text("prefix")
                .text("action")
                .text("next-hops")
                .text("source")
                .number("preference")
                .number("metric")
                .flag("usable")
                .flag("installed");
        for (RouteStatus route : routes) {
            table.row(
                    route.route().prefix().toString(),
                    route.route().action().name().toLowerCase(Locale.ROOT).replace('_', '-'),
                    route.nextHops().stream().map(hop -> text(hop, interfaces)).collect(Collectors.joining(", ")),
                    route.route().source().name().toLowerCase(Locale.ROOT),
                    (long) route.route().preference(),
                    (long) route.route().metric(),
                    route.usable(),
                    route.installed());
        }
        return table.answer();
    }

    private static String text(NextHop hop, InterfaceTable interfaces) {
        String name = interfaces.get(hop.interfaceId()).name();
        String via = hop.gateway() == null ? name : hop.gateway() + " on " + name;
        return hop.source() == null ? via : via + " src " + hop.source();
    }
}
