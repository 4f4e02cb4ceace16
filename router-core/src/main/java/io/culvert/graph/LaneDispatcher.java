// SPDX-License-Identifier: Apache-2.0
package io.culvert.graph;

import akka.actor.Cell;
import akka.actor.typed.ActorSystem;
import akka.actor.typed.javadsl.Adapter;
import akka.dispatch.Dispatcher;
import akka.dispatch.Dispatchers;
import akka.dispatch.ExecutorServiceFactory;
import akka.dispatch.ExecutorServiceFactoryProvider;
import akka.dispatch.Mailbox;
import akka.dispatch.MailboxType;
import akka.dispatch.MessageDispatcher;
import akka.dispatch.MessageDispatcherConfigurator;
import io.culvert.iface.EventLoop;
import java.util.Arrays;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import scala.concurrent.duration.Duration;
import scala.concurrent.duration.FiniteDuration;

/** Has Akka run a lane's graph on the lane's own {@link EventLoop} and nowhere else. */
public final class LaneDispatcher extends MessageDispatcherConfigurator implements ExecutorServiceFactoryProvider {
    /** After each message other tasks of the loop get their turn, and its descriptors a look. */
    private static final int THROUGHPUT = 1;

    /** How long the loop's thread stays when no graph runs: a lane that starts again soon finds it. */
    private static final FiniteDuration SHUTDOWN_TIMEOUT = Duration.create(1, TimeUnit.SECONDS);

    private static final AtomicInteger REGISTERED = new AtomicInteger();

    private final String threadName;
    private final EventLoop loop;
    private final MessageDispatcher dispatcher;

    /** Of the actors that run here: those of the lane's graph. */
    private volatile Mailbox[] mailboxes = {};

    private final BooleanSupplier hasMessages = this::hasMessages;
    private volatile EventLoop.@Nullable Tasks tasks;

    private LaneDispatcher(String id, String threadName, EventLoop loop, Dispatchers dispatchers) {
        super(dispatchers.defaultDispatcherConfig(), dispatchers.prerequisites()); // read for the mailbox's type alone
        this.threadName = threadName;
        this.loop = loop;
        this.dispatcher = new RousingDispatcher(id);
    }

    /** Registers the loop of a lane, which is to wait there, and returns the dispatcher's name. */
    public static String register(ActorSystem<?> system, Lane lane, EventLoop loop) {
        Dispatchers dispatchers = Adapter.toClassic(system).dispatchers();
        String id = "culvert.lane-" + lane.number() + "-" + REGISTERED.incrementAndGet();
        LaneDispatcher registered = new LaneDispatcher(id, "culvert-lane-" + lane.number(), loop, dispatchers);
        dispatchers.registerConfigurator(id, registered);
        lane.waitBy(registered::awaitDevices);
        loop.alarm(lane.timers());
        return id;
    }

    private boolean awaitDevices() {
        EventLoop.Tasks running = tasks;
        return running != null && running.awaitCallbacks(hasMessages);
    }

    private boolean hasMessages() {
        for (Mailbox mailbox : mailboxes) {
            if (!mailbox.isClosed() && (mailbox.hasMessages() || mailbox.hasSystemMessages())) {
                return true;
            }
        }
        return false;
    }

    /** While the source waits its actor counts as running, and nobody would hand the loop a task for a message to it. */
    private final class RousingDispatcher extends Dispatcher {
        RousingDispatcher(String id) {
            super(LaneDispatcher.this, id, THROUGHPUT, Duration.Zero(), LaneDispatcher.this, SHUTDOWN_TIMEOUT);
        }

        @Override
        public Mailbox createMailbox(Cell actor, MailboxType type) {
            Mailbox mailbox = super.createMailbox(actor, type);
            synchronized (LaneDispatcher.this) {
                mailboxes = Stream.concat(Arrays.stream(mailboxes).filter(one -> !one.isClosed()), Stream.of(mailbox))
                        .toArray(Mailbox[]::new);
            }
            return mailbox;
        }

        /** A graph that started while this was being decided has no thread now, and its devices tell a thread alone. */
        @Override
        public void shutdown() {
            super.shutdown();
            if (inhabitants() != 0) {
                executorService().execute(() -> {});
            }
        }

        @Override
        public boolean registerForExecution(Mailbox mailbox, boolean hasMessage, boolean hasSystemMessage) {
            boolean registered = super.registerForExecution(mailbox, hasMessage, hasSystemMessage);
            EventLoop.Tasks running = tasks;
            if (running != null) {
                running.rouse();
            }
            return registered;
        }
    }

    @Override
    public MessageDispatcher dispatcher() {
        return dispatcher;
    }

    @Override
    public ExecutorServiceFactory createExecutorServiceFactory(String id, ThreadFactory ignored) {
        return () -> {
            EventLoop.Tasks started = loop.start(task -> {
                Thread thread = new Thread(task, threadName);
                thread.setDaemon(true);
                return thread;
            });
            tasks = started;
            return started;
        };
    }
}
