// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import io.culvert.spi.ManagementCommand.Declined;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeoutException;
import java.util.function.UnaryOperator;

/**
 * Runs the code of one plugin's control side, which may throw anything or never return: each call on a thread of its own,
 * so many at once that no plugin can take all clients of the management socket.
 */
final class PluginCalls {
    private static final int AT_ONCE = 4;

    private final String plugin;
    private final Semaphore free = new Semaphore(AT_ONCE);
    private final Map<Thread, CompletableFuture<?>> underWay = new ConcurrentHashMap<>();

    PluginCalls(String plugin) {
        this.plugin = plugin;
    }

    /**
     * Starts a call.
     *
     * @param failure turns what was thrown into what the result fails with
     * @return its result; whoever loses patience cancels it, or has it time out, which interrupts the call
     */
    @SuppressWarnings("FutureReturnValueIgnored") // interrupting can't fail
    <T> CompletableFuture<T> call(Callable<T> call, UnaryOperator<Throwable> failure) {
        if (!free.tryAcquire()) {
            return CompletableFuture.failedFuture(new Declined(
                    "plugin " + plugin + " is busy: it has not answered " + AT_ONCE + " earlier requests"));
        }
        CompletableFuture<T> result = new CompletableFuture<>();
        Thread thread = new Thread(() -> run(call, failure, result), "plugin-" + plugin);
        thread.setDaemon(true);
        underWay.put(thread, result);
        result.whenComplete((value, problem) -> {
            underWay.remove(thread);
            if (problem instanceof CancellationException || problem instanceof TimeoutException) {
                thread.interrupt();
            }
        });
        thread.start();
        return result;
    }

    /** Gives up what is under way: whoever waits for it need not any more. */
    void end() {
        underWay.values().forEach(call -> call.cancel(true));
    }

    private <T> void run(Callable<T> call, UnaryOperator<Throwable> failure, CompletableFuture<T> result) {
        try {
            result.complete(call.call());
        } catch (InterruptedException given) {
            result.cancel(false);
        } catch (ExecutionException e) {
            result.completeExceptionally(failure.apply(e.getCause() == null ? e : e.getCause()));
        } catch (Exception | Error fault) {
            result.completeExceptionally(failure.apply(fault));
        } finally {
            result.cancel(false); // an error that is not caught here
            free.release();
        }
    }
}
