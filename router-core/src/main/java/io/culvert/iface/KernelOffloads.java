// SPDX-License-Identifier: Apache-2.0
package io.culvert.iface;

import io.culvert.ffi.NativeMemory;
import io.culvert.ffi.NetworkNamespace;
import io.culvert.packet.BufferPool;
import io.culvert.spi.RouterInterface;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the kernel does right of the offloads that it claims: tested once for each kind of device, on a thread of its own,
 * while the devices are being opened. What is wrong is logged once and then not used; what can't be tested is trusted, and
 * what is not known in time is not used until the device is opened again. Any thread.
 */
final class KernelOffloads {
    private static final Logger LOG = LoggerFactory.getLogger(KernelOffloads.class);

    /** Opening a device waits no longer than this for the test. */
    static final long PATIENCE_MS = 3_000;

    /** Removing devices keeps the kernel from making others for tens of milliseconds, so it waits until those are there. */
    private static final long CLOSE_AFTER_MS = 3_000;

    /** The kernel that this process runs on: it is the same for every router in it. */
    static final KernelOffloads THIS_KERNEL =
            new KernelOffloads("Linux " + System.getProperty("os.version"), PATIENCE_MS, KernelOffloads::testHere);

    /** Tests a kernel; a seam for kernels that are wrong. */
    @FunctionalInterface
    interface Test {
        OffloadTest.Findings run(OffloadKind kind) throws IOException;
    }

    private static final RouterInterface.Offloads ALL = new RouterInterface.Offloads(true, true, true, true);
    private static final RouterInterface.Offloads NONE = new RouterInterface.Offloads(false, false, false, false);

    private final String kernel;
    private final long patienceMs;
    private final Test test;
    private final Map<OffloadKind, CompletableFuture<RouterInterface.Offloads>> results = new ConcurrentHashMap<>();

    /**
     * @param kernel its name and version, for the log
     * @param patienceMs how long opening a device waits for its test
     */
    KernelOffloads(String kernel, long patienceMs, Test test) {
        this.kernel = kernel;
        this.patienceMs = patienceMs;
        this.test = test;
    }

    /** Starts the test of a kind unless it was started before. */
    void start(OffloadKind kind) {
        results.computeIfAbsent(kind, untested -> {
            CompletableFuture<RouterInterface.Offloads> result = new CompletableFuture<>();
            Thread thread = new Thread(() -> result.complete(find(kind)), "culvert-offload-test");
            thread.setDaemon(true);
            thread.start();
            return result;
        });
    }

    /** Of what a device claims, what has not been found wrong. Waits for the test. */
    RouterInterface.Offloads trusted(OffloadKind kind, RouterInterface.Offloads claimed) {
        start(kind);
        RouterInterface.Offloads right = ALL;
        try {
            right = results.getOrDefault(kind, CompletableFuture.completedFuture(ALL))
                    .get(patienceMs, TimeUnit.MILLISECONDS);
        } catch (TimeoutException late) {
            LOG.warn(
                    "offloads of {} are not used until the device is opened again: their test took more than {} ms",
                    kind.text(),
                    patienceMs);
            right = NONE;
        } catch (InterruptedException stopping) {
            Thread.currentThread().interrupt();
        } catch (ExecutionException bug) {
            throw new IllegalStateException(bug);
        }
        return new RouterInterface.Offloads(
                claimed.checksum() && right.checksum(),
                claimed.tcp4() && right.tcp4(),
                claimed.tcp6() && right.tcp6(),
                claimed.udp() && right.udp());
    }

    private RouterInterface.Offloads find(OffloadKind kind) {
        long start = System.nanoTime();
        try {
            OffloadTest.Findings findings = test.run(kind);
            if (!findings.wrong().isEmpty()) {
                findings = test.run(kind); // what comes late on a busy machine looks lost: once is no proof
            }
            for (OffloadTest.Fault fault : findings.wrong()) {
                LOG.warn("offload to {} is off for {} on {}: {}", kind.text(), fault.what(), kernel, fault.seen());
            }
            LOG.debug("offloads of {} were tested in {} µs", kind.text(), (System.nanoTime() - start) / 1_000);
            return findings.right();
        } catch (IOException | RuntimeException impossible) {
            LOG.info("offloads of {} are trusted, as they can't be tested: {}", kind.text(), impossible.getMessage());
            return ALL;
        }
    }

    private static OffloadTest.Findings testHere(OffloadKind kind) throws IOException {
        ByteBuffer memory = NativeMemory.allocate(BufferPool.BUFFER_BYTES);
        BufferPool pool = new BufferPool(memory, NativeMemory.address(memory));
        KernelBench bench = NetworkNamespace.callInNew(() -> KernelBench.open(kind));
        try {
            return new OffloadTest(bench, pool).run();
        } finally {
            CompletableFuture.delayedExecutor(CLOSE_AFTER_MS, TimeUnit.MILLISECONDS)
                    .execute(bench::close);
        }
    }
}
