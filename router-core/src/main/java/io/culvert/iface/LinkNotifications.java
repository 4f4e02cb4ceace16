// SPDX-License-Identifier: Apache-2.0
package io.culvert.iface;

import io.culvert.ffi.LinkMonitor;
import io.culvert.ffi.NativeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells those who have a device open that the kernel has changed it: one thread waits for the link notifications of all
 * namespaces in which somebody has subscribed, and costs nothing while there are none.
 *
 * <p>Notifications that can't be had, be it that the process may not or has too many descriptors, are logged once, and
 * devices have to be looked at instead. Any thread; listeners are called by the one that waits.
 */
final class LinkNotifications {
    private static final Logger LOG = LoggerFactory.getLogger(LinkNotifications.class);
    private static final Path OWN_NAMESPACE = Path.of("/proc/thread-self/ns/net");

    /** Of all routers of this process. */
    static final LinkNotifications THIS_PROCESS = new LinkNotifications(LinkMonitor::open);

    /** Starts to watch the namespace of the calling thread; a seam for tests. */
    @FunctionalInterface
    interface Source {
        LinkMonitor open() throws NativeException;
    }

    /** Is told of one device. It must neither block nor subscribe. */
    interface Listener {
        /** Something has happened to the device. */
        void linkChanged(LinkMonitor.Event event);

        /** Nothing will be told any more. */
        void notificationsEnded();
    }

    /** The subscription of one listener. */
    final class Subscription {
        private final Namespace namespace;
        private final int index;
        private final Listener listener;

        private Subscription(Namespace namespace, int index, Listener listener) {
            this.namespace = namespace;
            this.index = index;
            this.listener = listener;
        }

        /** Whether notifications still come. */
        boolean lasts() {
            synchronized (LinkNotifications.this) {
                return namespace.subscriptions.contains(this);
            }
        }

        void close() {
            synchronized (LinkNotifications.this) {
                if (namespace.subscriptions.remove(this) && namespace.subscriptions.isEmpty()) {
                    namespace.close();
                }
            }
        }
    }

    /** One that devices are watched in, as long as they are. */
    private final class Namespace {
        private final String identity;
        private final LinkMonitor monitor;
        private final EventLoop.Watch watch;
        private final List<Subscription> subscriptions = new ArrayList<>();
        private boolean closed;

        Namespace(String identity, LinkMonitor monitor, EventLoop.Watch watch) {
            this.identity = identity;
            this.monitor = monitor;
            this.watch = watch;
        }

        void read() {
            synchronized (LinkNotifications.this) {
                if (closed) {
                    return;
                }
                try {
                    LinkMonitor.Event event;
                    while ((event = monitor.next(0)) != null) {
                        tell(event);
                    }
                } catch (NativeException | RuntimeException failed) {
                    end(failed);
                    return;
                }
                watch.arm(this::read);
            }
        }

        private void tell(LinkMonitor.Event event) {
            for (Subscription one : subscriptions) {
                if (one.index == event.link().index()) {
                    one.listener.linkChanged(event);
                }
            }
        }

        private void end(Exception failed) {
            List<Subscription> left = List.copyOf(subscriptions);
            subscriptions.clear();
            close();
            unavailable(failed);
            left.forEach(one -> one.listener.notificationsEnded());
        }

        void close() {
            closed = true;
            namespaces.remove(identity);
            watch.close();
            monitor.close();
        }
    }

    private final Source source;
    private final Map<String, Namespace> namespaces = new HashMap<>();
    private @Nullable EventLoop loop;
    private boolean logged;

    LinkNotifications(Source source) {
        this.source = source;
    }

    /** Starts the thread unless it runs. It keeps the namespace of whoever calls this first. */
    synchronized void start() {
        if (loop == null) {
            try {
                EventLoop started = new EventLoop();
                started.start(work -> {
                    Thread thread = new Thread(work, "culvert-links");
                    thread.setDaemon(true);
                    return thread;
                });
                loop = started;
            } catch (NativeException failed) {
                unavailable(failed);
            }
        }
    }

    /**
     * Tells the listener, from now on, of a device in the network namespace of the calling thread.
     *
     * @param index the device's
     * @return null where there are no notifications
     */
    synchronized @Nullable Subscription subscribe(int index, Listener listener) {
        EventLoop running = loop;
        if (running == null) {
            return null;
        }
        try {
            String identity = Files.readSymbolicLink(OWN_NAMESPACE).toString();
            Namespace namespace = namespaces.get(identity);
            if (namespace == null) {
                namespace = open(identity, running);
                namespaces.put(identity, namespace);
            }
            Subscription subscription = new Subscription(namespace, index, listener);
            namespace.subscriptions.add(subscription);
            return subscription;
        } catch (IOException failed) {
            unavailable(failed);
            return null;
        }
    }

    private Namespace open(String identity, EventLoop running) throws NativeException {
        LinkMonitor monitor = source.open();
        try {
            EventLoop.Watch watch = running.watch(monitor.fd());
            Namespace namespace = new Namespace(identity, monitor, watch);
            watch.arm(namespace::read);
            return namespace;
        } catch (NativeException failed) {
            monitor.close();
            throw failed;
        }
    }

    private void unavailable(Exception cause) {
        if (!logged) {
            logged = true;
            LOG.warn(
                    "the kernel does not tell what happens to devices, so they are looked at twice a second: {}",
                    cause.getMessage());
        }
    }
}
