// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import io.culvert.config.RouteConfig;
import io.culvert.config.RouterConfig;
import io.culvert.fib.Route;
import io.culvert.fib.RouteSource;
import io.culvert.net.VrfId;
import java.util.ArrayList;
import java.util.List;

/** The operator's {@code routes} as the route actor takes them: interfaces by their ids. */
final class StaticRoutes {
    private StaticRoutes() {}

    static List<Route> of(RouterConfig config) {
        List<Route> all = new ArrayList<>();
        for (RouteConfig route : config.routes()) {
            List<Route.Via> vias = new ArrayList<>();
            for (RouteConfig.Hop hop : route.nextHops()) {
                vias.add(new Route.Via(hop.via(), interfaceId(config, hop.interfaceName()), route.source()));
            }
            all.add(new Route(
                    VrfId.DEFAULT.value(),
                    route.prefix(),
                    RouteSource.STATIC,
                    route.preference(),
                    route.metric(),
                    route.action(),
                    vias));
        }
        return all;
    }

    private static int interfaceId(RouterConfig config, String name) {
        for (int id = 0; id < config.interfaces().size(); id++) {
            if (config.interfaces().get(id).name().equals(name)) {
                return id;
            }
        }
        throw new IllegalArgumentException("no interface " + name);
    }
}
