// SPDX-License-Identifier: Apache-2.0
package io.culvert.iface;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import akka.actor.typed.ActorRef;
import akka.actor.typed.ActorSystem;
import akka.actor.typed.javadsl.AskPattern;
import com.typesafe.config.ConfigFactory;
import io.culvert.config.BadConfigException;
import io.culvert.config.Catalog;
import io.culvert.config.ConfigFile;
import io.culvert.config.InterfaceConfig;
import io.culvert.config.RouterConfig;
import io.culvert.control.RouterActor;
import io.culvert.control.RouterCounters;
import io.culvert.ffi.NetworkNamespace;
import io.culvert.graph.BuiltInStages;
import io.culvert.packet.BufferPool;
import io.culvert.packet.PacketVector;
import io.culvert.spi.Device;
import io.culvert.spi.InterfaceKind;
import io.culvert.spi.InterfaceTable;
import io.culvert.spi.ReceiveQueue;
import io.culvert.spi.RouterInterface;
import io.culvert.telemetry.LaneLedger.Entry;
import java.io.BufferedReader;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * A whole router in this process over the kernel's devices. {@link #close} fails when its accounts are not balanced.
 *
 * <p>Devices of a router that has a namespace are opened inside it, as if its process had been started there.
 */
final class TestRouter implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofSeconds(15);

    /** What one receive queue has read. */
    static final class Seen {
        final AtomicLong packets = new AtomicLong();
        final Set<Long> sourceMacs = ConcurrentHashMap.newKeySet();
    }

    private final RouterConfig config;
    private final Path folder = Files.createTempDirectory("cvit");
    private final Map<String, List<Seen>> seen = new ConcurrentHashMap<>();
    private final ActorSystem<RouterActor.Command> system;

    private TestRouter(String hocon, @Nullable TestHost home, KernelOffloads kernel, LinkNotifications notifications)
            throws IOException {
        Path file = folder.resolve("router.conf");
        Files.writeString(
                file,
                "router {\nname = cvit\n" + (hocon.contains("buffers =") ? "" : "buffers = 512\n")
                        + "management.socket = \"" + folder + "/sock\"\nneighbor.duplicate-probes = 0\n" + hocon
                        + "\n}\n");
        try {
            config = ConfigFile.read(file, Catalog.of(BuiltInStages.all()));
        } catch (BadConfigException bad) {
            throw new AssertionError(bad.problems().toString(), bad);
        }
        CompletableFuture<Integer> ready = new CompletableFuture<>();
        RouterActor.Outcome outcome = new RouterActor.Outcome() {
            @Override
            public void ready(int up, int all) {
                ready.complete(up);
            }

            @Override
            public void ended(InterfaceTable interfaces, RouterCounters counters) {}

            @Override
            public void failed(String what) {
                throw new AssertionError(what);
            }

            @Override
            public void missingRight(String what, IOException cause) {
                ready.completeExceptionally(cause);
            }
        };
        RouterActor.Openers openers = (id, one, mac, loops) -> {
            InterfaceKind.Opener real = InterfaceActor.opener(kernel, notifications, id, one, mac, loops);
            return () -> watched(
                    one,
                    home == null || one instanceof InterfaceConfig.Tun || one instanceof InterfaceConfig.Tap
                            ? real.open()
                            : NetworkNamespace.call(home.namespace, real::open));
        };
        system = ActorSystem.create(
                RouterActor.create(config, () -> config, Catalog.of(BuiltInStages.all()), List.of(), outcome, openers),
                "cvit",
                ConfigFactory.defaultReference());
        ready.orTimeout(PATIENCE.toSeconds(), TimeUnit.SECONDS).join();
    }

    /** Starts a router from what stands inside {@code router { ... }}, and waits until every interface was tried. */
    static TestRouter start(String hocon) throws IOException {
        return new TestRouter("lanes = 1\n" + hocon, null, KernelOffloads.THIS_KERNEL, LinkNotifications.THIS_PROCESS);
    }

    /** The same with packet interfaces on devices of a namespace. */
    static TestRouter startIn(TestHost home, String hocon) throws IOException {
        return new TestRouter("lanes = 1\n" + hocon, home, KernelOffloads.THIS_KERNEL, LinkNotifications.THIS_PROCESS);
    }

    /** The same with two lanes. */
    static TestRouter startTwoLanes(@Nullable TestHost home, String hocon) throws IOException {
        return new TestRouter("lanes = 2\n" + hocon, home, KernelOffloads.THIS_KERNEL, LinkNotifications.THIS_PROCESS);
    }

    /** The same, with one lane, on a kernel that does what the test says of it. */
    static TestRouter startOn(KernelOffloads kernel, TestHost home, String hocon) throws IOException {
        return new TestRouter("lanes = 1\n" + hocon, home, kernel, LinkNotifications.THIS_PROCESS);
    }

    /** The same, with one lane, where the kernel tells what happens to devices as the test has it. */
    static TestRouter startWith(LinkNotifications notifications, String hocon) throws IOException {
        return new TestRouter("lanes = 1\n" + hocon, null, KernelOffloads.THIS_KERNEL, notifications);
    }

    private Device watched(InterfaceConfig one, Device device) {
        List<Seen> queues = seen.computeIfAbsent(one.name(), name -> new ArrayList<>());
        List<ReceiveQueue> receive = new ArrayList<>();
        boolean ethernet = device.link() == RouterInterface.Link.ETHERNET;
        for (int i = 0; i < device.receive().size(); i++) {
            if (queues.size() == i) {
                queues.add(new Seen());
            }
            receive.add(new WatchedQueue(device.receive().get(i), queues.get(i), ethernet));
        }
        return new Device(
                device.name(),
                device.link(),
                device.mtu(),
                device.mac(),
                device.kernelMac(),
                device.offloads(),
                receive,
                device.transmit(),
                device.probe(),
                device.closer());
    }

    private record WatchedQueue(ReceiveQueue queue, Seen seen, boolean ethernet) implements ReceiveQueue {
        @Override
        public int interfaceId() {
            return queue.interfaceId();
        }

        @Override
        public int receive(PacketVector into, BufferPool pool) throws IOException {
            int before = into.size();
            int received = queue.receive(into, pool);
            seen.packets.addAndGet(received);
            for (int i = before; ethernet && i < into.size(); i++) {
                seen.sourceMacs.add(into.get(i).bytes().getLong(into.get(i).start() + 4) & 0xffff_ffff_ffffL);
            }
            return received;
        }

        @Override
        public void arm(Runnable wake) {
            queue.arm(wake);
        }
    }

    /** What each receive queue of an interface has read. */
    List<Seen> seen(String interfaceName) {
        return seen.getOrDefault(interfaceName, List.of());
    }

    RouterActor.View view() {
        return AskPattern.<RouterActor.Command, RouterActor.View>ask(
                        system,
                        (ActorRef<RouterActor.View> replyTo) -> new RouterActor.Inspect(replyTo),
                        PATIENCE,
                        system.scheduler())
                .toCompletableFuture()
                .join();
    }

    /** What {@code culvert show} gets from the router, as JSON. */
    String show(String what) throws IOException {
        try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(folder.resolve("sock")))) {
            channel.write(StandardCharsets.UTF_8.encode("{\"v\":1,\"command\":\"show\",\"what\":\"" + what + "\"}\n"));
            BufferedReader answer = new BufferedReader(Channels.newReader(channel, StandardCharsets.UTF_8));
            return String.valueOf(answer.readLine());
        }
    }

    RouterInterface at(String interfaceName) {
        return view().interfaces().all().stream()
                .filter(one -> one.name().equals(interfaceName))
                .findFirst()
                .orElseThrow();
    }

    TestRouter awaitUp(String interfaceName) {
        await().atMost(PATIENCE).until(() -> at(interfaceName).up());
        return this;
    }

    TestRouter awaitDown(String interfaceName) {
        await().atMost(PATIENCE).until(() -> !at(interfaceName).up());
        return this;
    }

    RouterCounters.InterfaceRow traffic(String interfaceName) {
        RouterActor.View view = view();
        return view.counters().interfaces(view.interfaces().all()).stream()
                .filter(row -> row.name().equals(interfaceName))
                .findFirst()
                .orElseThrow();
    }

    long dropped(String reasonId) {
        return view().counters().drops().stream()
                .filter(row -> row.reason().id().equals(reasonId))
                .mapToLong(RouterCounters.DropRow::packets)
                .sum();
    }

    @Override
    public void close() throws IOException {
        RouterCounters counters = view().counters();
        system.tell(new RouterActor.Stop());
        system.getWhenTerminated()
                .toCompletableFuture()
                .orTimeout(PATIENCE.toSeconds(), TimeUnit.SECONDS)
                .join();
        Files.deleteIfExists(folder.resolve("sock"));
        Files.delete(folder.resolve("router.conf"));
        Files.delete(folder);
        assertThat(counters.ledger(Entry.TRANSMITTED)
                        + counters.ledger(Entry.DROPPED)
                        + counters.ledger(Entry.PUNTED)
                        + counters.ledger(Entry.CONSUMED))
                .as("packets that left, of those that came or were made")
                .isEqualTo(counters.ledger(Entry.RECEIVED) + counters.ledger(Entry.GENERATED));
    }
}
