// SPDX-License-Identifier: Apache-2.0
package io.culvert.iface;

import static org.assertj.core.api.Assertions.assertThat;

import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.actor.testkit.typed.javadsl.FishingOutcomes;
import akka.actor.testkit.typed.javadsl.TestProbe;
import akka.actor.typed.ActorRef;
import io.culvert.spi.CounterId;
import io.culvert.spi.Device;
import io.culvert.spi.InterfaceKind;
import io.culvert.spi.RouterInterface;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.awaitility.Awaitility;
import org.awaitility.core.ConditionFactory;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What an interface's actor makes of a device of any kind. */
final class InterfaceActorTest {
    private static final ActorTestKit KIT = ActorTestKit.create();
    private static final Duration PATIENCE = Duration.ofSeconds(10);
    private static final int ID = 3;

    private enum Counted implements CounterId {
        STRANGERS;

        @Override
        public String text() {
            return "Datagrams of strangers.";
        }
    }

    /** Opens devices that stand as the test says. */
    private static final class Scripted implements InterfaceKind.Opener, Device.Probe {
        private volatile Device.State state = Device.State.USABLE;
        private volatile int mtu;
        private volatile long strangers;
        private volatile long lookAgainNanos = NEVER;
        private volatile boolean missing;
        private volatile boolean buggy;
        private volatile Runnable changed = () -> {};
        private final AtomicInteger opened = new AtomicInteger();
        private final AtomicInteger closed = new AtomicInteger();
        private final AtomicInteger looks = new AtomicInteger();

        @Override
        public Device open() throws IOException {
            if (missing) {
                throw new IOException("there is no scripted device");
            }
            opened.incrementAndGet();
            return new Device(
                    "scripted",
                    RouterInterface.Link.POINT_TO_POINT,
                    1400,
                    0,
                    0,
                    RouterInterface.Offloads.NONE,
                    List.of(),
                    List.of(),
                    this,
                    closed::incrementAndGet);
        }

        @Override
        public Device.Status look() {
            looks.incrementAndGet();
            if (buggy) {
                throw new IllegalStateException("a bug of the kind");
            }
            return new Device.Status(state, 0, mtu, List.of(new Device.Count(Counted.STRANGERS, strangers)));
        }

        @Override
        public boolean onChange(Runnable whenChanged) {
            changed = whenChanged;
            return true;
        }

        @Override
        public long lookAgainNanos() {
            return lookAgainNanos;
        }
    }

    private final Scripted scripted = new Scripted();
    private final TestProbe<InterfaceActor.Event> news = KIT.createTestProbe();
    private final List<ActorRef<InterfaceActor.Command>> actors = new ArrayList<>();

    private ActorRef<InterfaceActor.Command> start() {
        ActorRef<InterfaceActor.Command> actor = KIT.spawn(InterfaceActor.create(ID, scripted, news.ref()));
        actors.add(actor);
        return actor;
    }

    @AfterEach
    void stop() {
        actors.forEach(KIT::stop);
        assertThat(scripted.closed).hasValue(scripted.opened.get());
    }

    @AfterAll
    static void shutDown() {
        KIT.shutdownTestKit();
    }

    private static ConditionFactory waiting() {
        return Awaitility.await().atMost(PATIENCE);
    }

    /** The next event of a type; whatever else comes before is of no interest. */
    private <T extends InterfaceActor.Event> T await(Class<T> type) {
        return type.cast(news.fishForMessage(
                        PATIENCE,
                        event -> type.isInstance(event)
                                ? FishingOutcomes.complete()
                                : FishingOutcomes.continueAndIgnore())
                .get(0));
    }

    @Test
    void isDownWhileThePeerIsSilentAndKeepsTheDevice() {
        ActorRef<InterfaceActor.Command> actor = start();
        assertThat(await(InterfaceActor.Up.class).device().name()).isEqualTo("scripted");

        scripted.state = Device.State.PEER_SILENT;
        scripted.changed.run();
        assertThat(await(InterfaceActor.Down.class).cause()).hasMessage("scripted hears nothing of its peer");
        actor.tell(new InterfaceActor.Released());
        scripted.state = Device.State.USABLE;
        scripted.changed.run();

        await(InterfaceActor.Up.class);
        assertThat(scripted.opened).hasValue(1);
    }

    @Test
    void comesUpOnlyWhenThePeerWasHeardThoughTheDeviceIsOpen() {
        scripted.state = Device.State.PEER_SILENT;
        scripted.lookAgainNanos = Duration.ofMillis(20).toNanos();
        start();
        assertThat(await(InterfaceActor.Unavailable.class).cause()).hasMessage("scripted hears nothing of its peer");

        scripted.state = Device.State.USABLE; // nobody tells

        await(InterfaceActor.Up.class);
    }

    @Test
    void looksAgainWhenTheDeviceWantsItAndNotOtherwise() {
        scripted.lookAgainNanos = Duration.ofMillis(5).toNanos();
        start();
        waiting().until(() -> scripted.looks.get() > 10);

        scripted.lookAgainNanos = Device.Probe.NEVER;
        AtomicInteger before = new AtomicInteger();
        waiting()
                .pollInterval(Duration.ofMillis(200))
                .until(() -> before.getAndSet(scripted.looks.get()) == scripted.looks.get());
    }

    @Test
    void tellsWhenThePathTakesOtherPacketsThanBefore() {
        start();
        assertThat(await(InterfaceActor.Up.class).device().mtu()).isEqualTo(1400);

        scripted.mtu = 1280;
        scripted.changed.run();
        assertThat(await(InterfaceActor.MtuChanged.class)).isEqualTo(new InterfaceActor.MtuChanged(ID, 1280));

        scripted.mtu = 1400;
        scripted.changed.run();
        assertThat(await(InterfaceActor.MtuChanged.class)).isEqualTo(new InterfaceActor.MtuChanged(ID, 1400));
    }

    @Test
    void tellsAnMtuThatChangedWhileItWasDownWhenItIsUpAgain() {
        scripted.state = Device.State.PEER_SILENT;
        start();
        await(InterfaceActor.Unavailable.class);

        scripted.mtu = 1280;
        scripted.changed.run();
        scripted.state = Device.State.USABLE;
        scripted.changed.run();

        await(InterfaceActor.Up.class);
        assertThat(await(InterfaceActor.MtuChanged.class).mtu()).isEqualTo(1280);
    }

    @Test
    void addsUpWhatTheDevicesOfTheInterfaceHaveCounted() {
        ActorRef<InterfaceActor.Command> actor = start();
        await(InterfaceActor.Up.class);
        scripted.strangers = 5;
        scripted.changed.run();
        assertThat(await(InterfaceActor.Counts.class).counts()).containsExactly(new Device.Count(Counted.STRANGERS, 5));

        scripted.missing = true;
        actor.tell(new InterfaceActor.DeviceLost(new IOException("it was pulled out")));
        await(InterfaceActor.Down.class);
        actor.tell(new InterfaceActor.Released());
        await(InterfaceActor.Unavailable.class);
        scripted.strangers = 2;
        scripted.missing = false;

        assertThat(await(InterfaceActor.Counts.class).counts()).containsExactly(new Device.Count(Counted.STRANGERS, 7));
    }

    @Test
    void livesOnWithADeviceThatCanNotBeLookedAt() {
        start();
        await(InterfaceActor.Up.class);

        scripted.buggy = true;
        scripted.changed.run();
        waiting().until(() -> scripted.looks.get() >= 3);
        scripted.buggy = false;
        scripted.state = Device.State.PEER_SILENT;

        assertThat(await(InterfaceActor.Down.class).cause()).hasMessage("scripted hears nothing of its peer");
    }

    @Test
    void triesAgainToOpenADeviceThatCanNotBeLookedAt() {
        scripted.buggy = true;
        start();
        assertThat(await(InterfaceActor.Unavailable.class).cause()).hasMessageContaining("a bug of the kind");

        scripted.buggy = false;

        await(InterfaceActor.Up.class);
    }

    @Test
    void opensADeviceAgainThatIsGoneAndSaysWhatIsMissing() {
        ActorRef<InterfaceActor.Command> actor = start();
        await(InterfaceActor.Up.class);

        scripted.missing = true;
        scripted.state = Device.State.GONE;
        scripted.changed.run();
        assertThat(await(InterfaceActor.Down.class).cause()).hasMessage("scripted is gone");
        actor.tell(new InterfaceActor.Released());
        InterfaceActor.Unavailable unavailable = await(InterfaceActor.Unavailable.class);
        assertThat(unavailable.cause()).hasMessage("there is no scripted device");
        assertThat(scripted.closed).hasValue(1);

        scripted.state = Device.State.USABLE;
        scripted.missing = false;

        await(InterfaceActor.Up.class);
        assertThat(scripted.opened).hasValue(2);
    }

    @Test
    void triesAgainEverMoreSeldomWhileTheQueuesOfADeviceFail() {
        ActorRef<InterfaceActor.Command> actor = start();
        List<Long> pauses = new ArrayList<>();
        await(InterfaceActor.Up.class);
        for (int i = 0; i < 4; i++) {
            actor.tell(new InterfaceActor.DeviceLost(
                    new IOException("its receive queue failed", new IllegalStateException("a bug of the kind"))));
            await(InterfaceActor.Down.class);
            long lost = System.nanoTime();
            actor.tell(new InterfaceActor.Released());
            await(InterfaceActor.Up.class);
            pauses.add((System.nanoTime() - lost) / 1_000_000);
        }
        assertThat(pauses.get(3)).as("pauses in ms: %s", pauses).isGreaterThanOrEqualTo(800);
    }
}
