// SPDX-License-Identifier: Apache-2.0
package io.culvert.spi;

import java.io.IOException;
import java.util.List;

/**
 * A kind of interface: what {@code type = NAME} in {@code interfaces} stands for. Brought by a {@link RouterPlugin}, or by
 * the router itself: tun, tap and packet sockets.
 *
 * <p>A kind says which settings its interfaces have, and opens their devices. Each interface has an actor of its own that
 * calls {@link Opener#open}, hands the device's queues to the lanes, follows its link state, by which routes come and go,
 * opens it again with back-off when it is lost, and closes it; the kind needs to know nothing of actors.
 *
 * @since 0.1
 */
public interface InterfaceKind {
    /** What {@code type} says; in kebab-case, and no other kind's. */
    String type();

    /** One sentence for the operator. */
    String text();

    RouterInterface.Link link();

    /** The settings that its interfaces have beside those of every kind: addresses, mtu, redirects, gso, gro. */
    default List<ConfigKey> keys() {
        return List.of();
    }

    /** For what its transmit queues refuse packets and its receive queues drop them, beside what every kind does. */
    default List<DropReason> drops() {
        return List.of();
    }

    /** What its devices count, see {@link Device.Status#counts}. */
    default List<CounterId> counters() {
        return List.of();
    }

    /**
     * What its settings must be beyond the type and range of each; see {@link SettingsCheck}.
     *
     * @throws BadSettingException naming the key whose line is to be changed
     */
    default void check(Settings settings) throws BadSettingException {}

    /**
     * What stands for the device of an interface while there is none open.
     *
     * @param settings the interface's
     */
    default String device(Settings settings) {
        return type();
    }

    /** Bytes that its devices put in front of and behind each packet, as far as the settings tell. */
    default int overheadBytes(Settings settings) {
        return 0;
    }

    /** What opens the device of one interface. Must not block. */
    Opener opener(InterfaceSetup setup);

    /** Opens a device, on a thread that may block: one call after the other, each after the device before has been closed. */
    @FunctionalInterface
    interface Opener {
        /**
         * Opens it, blocking as long as that takes.
         *
         * @throws IOException with words on what is missing; nothing is left behind, and it is tried again later
         */
        Device open() throws IOException;
    }
}
