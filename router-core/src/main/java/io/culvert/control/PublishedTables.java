// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import io.culvert.graph.Lane;
import io.culvert.spi.FibView;
import io.culvert.spi.InterfaceTable;
import io.culvert.spi.NeighborView;

/** The tables as lanes see them: forwarding and neighbors change in place, interfaces are replaced as a whole. */
final class PublishedTables implements Lane.Tables {
    private final FibView fib;
    private final NeighborView neighbors;
    private volatile InterfaceTable interfaces = InterfaceTable.EMPTY;

    PublishedTables(FibView fib, NeighborView neighbors) {
        this.fib = fib;
        this.neighbors = neighbors;
    }

    @Override
    public FibView fib() {
        return fib;
    }

    @Override
    public NeighborView neighbors() {
        return neighbors;
    }

    @Override
    public InterfaceTable interfaces() {
        return interfaces;
    }

    void publish(InterfaceTable table) {
        interfaces = table;
    }
}
