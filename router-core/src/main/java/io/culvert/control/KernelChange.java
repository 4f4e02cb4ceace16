// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import io.culvert.ffi.Errno;
import io.culvert.ffi.KernelLink;
import io.culvert.ffi.KernelRoute;
import io.culvert.ffi.KernelRule;
import io.culvert.ffi.NativeException;
import io.culvert.ffi.Rtnetlink;
import io.culvert.ffi.Sysctl;
import java.io.IOException;
import java.net.InetAddress;
import java.util.Set;

/**
 * One change to the kernel's network configuration that can be taken back. Equal changes do the same.
 *
 * <p>Blocks; used inside the network namespace that it is about. What is there already is taken over, since it can only be
 * left from a run that was killed.
 */
sealed interface KernelChange {
    /**
     * Makes the change.
     *
     * @return what takes it back
     */
    Undo make(Rtnetlink kernel) throws IOException;

    /** Takes a change back. */
    @FunctionalInterface
    interface Undo {
        /** Does it; what is gone by itself, as all of a device goes with it, is no failure. */
        void run(Rtnetlink kernel) throws IOException;
    }

    /** A sysctl of a device has this value. */
    record Parameter(String name, String value) implements KernelChange {
        @Override
        public Undo make(Rtnetlink kernel) throws IOException {
            String former = Sysctl.read(name);
            if (!former.equals(value)) {
                Sysctl.write(name, value);
            }
            return undoing -> {
                if (!former.equals(value) && Sysctl.exists(name)) {
                    Sysctl.write(name, former);
                }
            };
        }
    }

    /** A device has this MTU. */
    record Mtu(int index, int bytes) implements KernelChange {
        @Override
        public Undo make(Rtnetlink kernel) throws IOException {
            int former = kernel.link(index).map(KernelLink::mtu).orElse(bytes);
            kernel.setMtu(index, bytes);
            return undoing -> unlessGone(() -> undoing.setMtu(index, former));
        }
    }

    /** A neighbor on a device has this MAC address. */
    record Neighbor(int index, InetAddress address, long mac) implements KernelChange {
        @Override
        public Undo make(Rtnetlink kernel) throws IOException {
            kernel.setNeighbor(index, address, mac);
            return undoing -> unlessGone(() -> undoing.deleteNeighbor(index, address));
        }
    }

    /** A rule chooses a table. */
    record Rule(KernelRule rule) implements KernelChange {
        @Override
        public Undo make(Rtnetlink kernel) throws IOException {
            unlessThere(() -> kernel.addRule(rule));
            return undoing -> unlessGone(() -> undoing.deleteRule(rule));
        }
    }

    /** A device has this address, and no route comes with it. */
    record Address(int index, InetAddress address) implements KernelChange {
        @Override
        public Undo make(Rtnetlink kernel) throws IOException {
            int bits = address.getAddress().length * Byte.SIZE;
            unlessThere(() -> kernel.addAddress(index, address, bits, false));
            return undoing -> unlessGone(() -> undoing.deleteAddress(index, address, bits));
        }
    }

    /** There is this route. */
    record Route(KernelRoute route) implements KernelChange {
        @Override
        public Undo make(Rtnetlink kernel) throws IOException {
            kernel.replaceRoute(route);
            return undoing -> unlessGone(() -> undoing.deleteRoute(route));
        }
    }

    /** How the kernel says that something to be deleted, or its device, is not there. */
    Set<Integer> GONE = Set.of(Errno.ENOENT, Errno.ESRCH, Errno.ENODEV, Errno.ENXIO, Errno.EADDRNOTAVAIL);

    /** A request to the kernel. */
    @FunctionalInterface
    interface Request {
        void run() throws IOException;
    }

    private static void unlessGone(Request request) throws IOException {
        unless(GONE, request);
    }

    private static void unlessThere(Request request) throws IOException {
        unless(Set.of(Errno.EEXIST), request);
    }

    private static void unless(Set<Integer> fine, Request request) throws IOException {
        try {
            request.run();
        } catch (NativeException refused) {
            if (!fine.contains(refused.errno())) {
                throw refused;
            }
        }
    }
}
