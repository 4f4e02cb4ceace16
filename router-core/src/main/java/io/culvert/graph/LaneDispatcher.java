// SPDX-License-Identifier: Apache-2.0
package io.culvert.graph;

import akka.actor.typed.ActorSystem;
import akka.actor.typed.javadsl.Adapter;
import akka.dispatch.Dispatcher;
import akka.dispatch.Dispatchers;
import akka.dispatch.ExecutorServiceFactory;
import akka.dispatch.ExecutorServiceFactoryProvider;
import akka.dispatch.MessageDispatcher;
import akka.dispatch.MessageDispatcherConfigurator;
import io.culvert.iface.EventLoop;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
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

    private LaneDispatcher(String id, String threadName, EventLoop loop, Dispatchers dispatchers) {
        super(dispatchers.defaultDispatcherConfig(), dispatchers.prerequisites()); // read for the mailbox's type alone
        this.threadName = threadName;
        this.loop = loop;
        this.dispatcher = new Dispatcher(this, id, THROUGHPUT, Duration.Zero(), this, SHUTDOWN_TIMEOUT);
    }

    /** Registers the loop of a lane and returns the dispatcher's name. */
    public static String register(ActorSystem<?> system, int lane, EventLoop loop) {
        Dispatchers dispatchers = Adapter.toClassic(system).dispatchers();
        String id = "culvert.lane-" + lane + "-" + REGISTERED.incrementAndGet();
        dispatchers.registerConfigurator(id, new LaneDispatcher(id, "culvert-lane-" + lane, loop, dispatchers));
        return id;
    }

    @Override
    public MessageDispatcher dispatcher() {
        return dispatcher;
    }

    @Override
    public ExecutorServiceFactory createExecutorServiceFactory(String id, ThreadFactory ignored) {
        return () -> loop.start(task -> {
            Thread thread = new Thread(task, threadName);
            thread.setDaemon(true);
            return thread;
        });
    }
}
