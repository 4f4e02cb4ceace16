// SPDX-License-Identifier: Apache-2.0
package io.culvert.spi;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * All interfaces of the router at one moment. Immutable: a change is published as a new table.
 *
 * @since 0.1
 */
public final class InterfaceTable {
    public static final InterfaceTable EMPTY = new InterfaceTable(List.of());

    private final RouterInterface[] byId;
    private final @Nullable RouterInterface localDelivery;

    /** @param interfaces in the order of their ids, without gaps */
    public InterfaceTable(List<RouterInterface> interfaces) {
        byId = interfaces.toArray(RouterInterface[]::new);
        RouterInterface delivery = null;
        for (int id = 0; id < byId.length; id++) {
            if (byId[id].id() != id) {
                throw new IllegalArgumentException(
                        "interface " + byId[id].name() + " has id " + byId[id].id() + " at " + id);
            }
            if (byId[id].role() == RouterInterface.Role.LOCAL_DELIVERY) {
                delivery = byId[id];
            }
        }
        localDelivery = delivery;
    }

    public int size() {
        return byId.length;
    }

    /**
     * The interface with this id.
     *
     * @throws IndexOutOfBoundsException when there is none
     */
    public RouterInterface get(int id) {
        return byId[id];
    }

    /** The TAP that leads to the kernel, or null when the router answers for itself. */
    public @Nullable RouterInterface localDelivery() {
        return localDelivery;
    }

    /** A copy with one interface replaced. */
    public InterfaceTable with(RouterInterface changed) {
        RouterInterface[] copy = byId.clone();
        copy[changed.id()] = changed;
        return new InterfaceTable(List.of(copy));
    }

    public List<RouterInterface> all() {
        return List.of(byId);
    }
}
