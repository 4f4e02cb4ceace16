// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import static org.assertj.core.api.Assertions.assertThat;

import akka.Done;
import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.actor.testkit.typed.javadsl.ManualTime;
import akka.actor.testkit.typed.javadsl.TestProbe;
import akka.actor.typed.ActorRef;
import akka.actor.typed.javadsl.Adapter;
import akka.testkit.ExplicitlyTriggeredScheduler;
import io.culvert.neighbor.NeighborState;
import io.culvert.neighbor.NeighborStatus;
import io.culvert.neighbor.NeighborTable;
import io.culvert.net.InterfaceAddress;
import io.culvert.net.Ip4Address;
import io.culvert.net.Ip6Address;
import io.culvert.net.IpAddress;
import io.culvert.net.MacAddress;
import io.culvert.spi.NeighborView;
import io.culvert.testkit.InterfaceBuilder;
import io.culvert.testkit.PacketBuilder;
import io.culvert.testkit.Packets;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.random.RandomGenerator;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Time stands still but where a test lets it pass; frames are compared byte by byte. */
final class NeighborActorTest {
    private static final ActorTestKit KIT = ActorTestKit.create(ManualTime.config());
    private static final ExplicitlyTriggeredScheduler TIME =
            (ExplicitlyTriggeredScheduler) Adapter.toClassic(KIT.system()).scheduler();

    private static final int LAN = 1;
    private static final String MAC = "02:00:00:00:00:01";
    private static final String LINK_LOCAL = "fe80::ff:fe00:1";
    private static final String HOST_MAC = "02:00:00:00:00:99";
    private static final String OTHER_MAC = "02:00:00:00:00:aa";
    private static final String BROADCAST = "ff:ff:ff:ff:ff:ff";
    private static final String HOST4 = "10.0.0.7";
    private static final String HOST6 = "fd00:1::7";

    private static final Duration PATIENCE = Duration.ofSeconds(20);

    /** What random draws between two bounds yields their middle. */
    private static final RandomGenerator MIDDLE = () -> Long.MIN_VALUE;

    private final AtomicLong clock = new AtomicLong();
    private final ConcurrentLinkedQueue<Sent> sent = new ConcurrentLinkedQueue<>();
    private final AtomicInteger resolutions = new AtomicInteger();
    private final TestProbe<NeighborActor.Event> owner = KIT.createTestProbe();
    private final TestProbe<NeighborActor.Listing> listing = KIT.createTestProbe();
    private NeighborTable table = new NeighborTable(8, 1);
    private NeighborMailbox mailbox = new NeighborMailbox(table, NeighborMailbox.DEFAULT_LIMIT);
    private @Nullable ActorRef<NeighborActor.Command> actor;

    private record Sent(int interfaceId, byte[] frame) {}

    @AfterEach
    void stop() {
        if (actor != null) {
            KIT.stop(actor);
        }
    }

    @AfterAll
    static void shutDown() {
        KIT.shutdownTestKit();
    }

    // ---- resolution ---------------------------------------------------------------------------------------------

    @Test
    void asksThreeTimesASecondApartThenRefusesAndLaterForgets() {
        up();
        resolve(HOST4);
        byte[] request = Packets.arpRequest(MAC, "10.0.0.1", HOST4).bytes();
        assertSent(request);
        assertThat(state(HOST4)).isEqualTo(NeighborState.INCOMPLETE);
        assertThat(lookup(HOST4)).isEqualTo(NeighborView.UNRESOLVED);
        pass(900);
        assertSent();
        pass(100);
        assertSent(request);
        pass(1000);
        assertSent(request);
        assertThat(resolutions).hasValue(0);
        pass(1000);
        assertSent();
        assertThat(state(HOST4)).isEqualTo(NeighborState.FAILED);
        assertThat(lookup(HOST4)).isEqualTo(NeighborView.FAILED);
        assertThat(resolutions).hasValue(1);
        resolve(HOST4);
        assertSent();
        pass(3000);
        assertThat(state(HOST4)).isNull();
        resolve(HOST4);
        assertSent(request);
    }

    @Test
    void asksForAnIp6NeighborByItsSolicitedNodeGroupFromTheAddressOfItsNetwork() {
        up();
        resolve(HOST6);
        byte[] fromNetwork = Packets.ethernet(MAC, "33:33:ff:00:00:07")
                .ip6()
                .from("fd00:1::1")
                .to("ff02::1:ff00:7")
                .neighborSolicitation(HOST6)
                .sourceLinkLayer(MAC)
                .bytes();
        assertSent(fromNetwork);
        resolve("fe80::7");
        assertSent(Packets.ethernet(MAC, "33:33:ff:00:00:07")
                .ip6()
                .from(LINK_LOCAL)
                .to("ff02::1:ff00:7")
                .neighborSolicitation("fe80::7")
                .sourceLinkLayer(MAC)
                .bytes());
        resolve("2001:db8::7");
        assertSent(Packets.ethernet(MAC, "33:33:ff:00:00:07")
                .ip6()
                .from(LINK_LOCAL)
                .to("ff02::1:ff00:7")
                .neighborSolicitation("2001:db8::7")
                .sourceLinkLayer(MAC)
                .bytes());
        pass(2000);
        assertThat(sent).hasSize(6);
        pass(1000);
        assertThat(state(HOST6)).isEqualTo(NeighborState.FAILED);
    }

    @Test
    void asksFromTheFirstAddressForANeighborOfNoOwnNetwork() {
        up();
        resolve("172.16.0.9");
        assertSent(Packets.arpRequest(MAC, "10.0.0.1", "172.16.0.9").bytes());
    }

    @Test
    void anAnswerResolvesAndSignalsTheWaitingStages() {
        up();
        resolve(HOST4);
        arp(HOST4, HOST_MAC, true, true);
        assertThat(lookup(HOST4)).isEqualTo(mac(HOST_MAC));
        assertThat(state(HOST4)).isEqualTo(NeighborState.REACHABLE);
        assertThat(resolutions).hasValue(1);
        sent.clear();
        pass(5000);
        assertSent();
    }

    @Test
    void aReplyIsAnAnswerWhileOneIsWaitedForWhoeverItWasSentTo() {
        up();
        resolve(HOST4);
        arp(HOST4, HOST_MAC, true, false);
        assertThat(state(HOST4)).isEqualTo(NeighborState.REACHABLE);
        pass(30_000);
        arp(HOST4, HOST_MAC, true, false);
        assertThat(state(HOST4)).as("nobody had asked").isEqualTo(NeighborState.STALE);
        lookup(HOST4);
        pass(6000);
        arp(HOST4, HOST_MAC, true, false);
        assertThat(state(HOST4)).isEqualTo(NeighborState.REACHABLE);
    }

    @Test
    void aLateAnswerResolvesEvenAFailedNeighbor() {
        up();
        resolve(HOST4);
        pass(3000);
        arp(HOST4, HOST_MAC, true, true);
        assertThat(state(HOST4)).isEqualTo(NeighborState.REACHABLE);
        pass(4000);
        assertThat(state(HOST4)).isEqualTo(NeighborState.REACHABLE);
    }

    @Test
    void asksOnceForManyPackets() {
        up();
        for (int i = 0; i < 5; i++) {
            resolve(HOST4);
        }
        assertSent(Packets.arpRequest(MAC, "10.0.0.1", HOST4).bytes());
    }

    @Test
    void signalsAtOnceWhenTheNeighborWasResolvedMeanwhile() {
        up();
        reachable(HOST4);
        int before = resolutions.get();
        resolve(HOST4);
        assertSent();
        assertThat(resolutions).hasValue(before + 1);
    }

    @Test
    void asksNeverForOwnMulticastOrMeaninglessAddressesNorOnUnknownInterfaces() {
        up();
        Stream.of("10.0.0.1", "0.0.0.0", "255.255.255.255", "224.0.0.5", "127.0.0.1", "fd00:1::1", "::", "ff02::5")
                .forEach(this::resolve);
        mailbox.resolve4(7, ip4(HOST4));
        assertSent();
        assertThat(inspect().neighbors()).isEmpty();
    }

    // ---- reachability -------------------------------------------------------------------------------------------

    @Test
    void aReachableNeighborGetsStaleAndStaysSoWhileNobodyUsesIt() {
        up();
        reachable(HOST4);
        pass(29_900);
        assertThat(state(HOST4)).isEqualTo(NeighborState.REACHABLE);
        pass(100);
        assertThat(state(HOST4)).isEqualTo(NeighborState.STALE);
        pass(60_000);
        assertThat(state(HOST4)).isEqualTo(NeighborState.STALE);
        assertSent();
    }

    @Test
    void aStaleNeighborInUseIsDelayedThenProbedThenForgotten() {
        up();
        reachable(HOST4);
        pass(30_000);
        assertThat(lookup(HOST4)).isEqualTo(mac(HOST_MAC));
        pass(1000);
        assertThat(state(HOST4)).isEqualTo(NeighborState.DELAY);
        assertSent();
        pass(5000);
        assertThat(state(HOST4)).isEqualTo(NeighborState.PROBE);
        byte[] probe = Packets.ethernet(MAC, HOST_MAC)
                .arp(1, MAC, "10.0.0.1", "00:00:00:00:00:00", HOST4)
                .bytes();
        assertSent(probe);
        assertThat(lookup(HOST4)).isEqualTo(mac(HOST_MAC));
        pass(2000);
        assertSent(probe, probe);
        pass(1000);
        assertSent();
        assertThat(state(HOST4)).isNull();
    }

    @Test
    void probesAnIp6NeighborAtItsOwnAddress() {
        up();
        reachable(HOST6);
        pass(30_000);
        lookup(HOST6);
        pass(6000);
        assertSent(Packets.ethernet(MAC, HOST_MAC)
                .ip6()
                .from("fd00:1::1")
                .to(HOST6)
                .neighborSolicitation(HOST6)
                .sourceLinkLayer(MAC)
                .bytes());
    }

    @Test
    void anAnswerWhileDelayedOrProbedMakesItReachableAgain() {
        up();
        reachable(HOST4);
        pass(30_000);
        lookup(HOST4);
        pass(1000);
        arp(HOST4, HOST_MAC, true, true);
        assertThat(state(HOST4)).isEqualTo(NeighborState.REACHABLE);
        pass(30_000);
        lookup(HOST4);
        pass(6000);
        assertThat(state(HOST4)).isEqualTo(NeighborState.PROBE);
        arp(HOST4, HOST_MAC, true, true);
        assertThat(state(HOST4)).isEqualTo(NeighborState.REACHABLE);
        sent.clear();
        pass(20_000);
        assertSent();
    }

    @Test
    void forgetsAStaleNeighborThatNobodyUsesForTenMinutes() {
        up();
        reachable(HOST4);
        pass(30_000);
        pass(599_000, 1000);
        assertThat(state(HOST4)).isEqualTo(NeighborState.STALE);
        pass(1000);
        assertThat(state(HOST4)).isNull();
    }

    // ---- ARP merge (RFC 826) ------------------------------------------------------------------------------------

    @Test
    void entersTheSenderOfARequestForTheRouterAsStaleAndNoOther() {
        up();
        arp(HOST4, HOST_MAC, false, true);
        assertThat(state(HOST4)).isEqualTo(NeighborState.STALE);
        arp("10.0.0.8", HOST_MAC, false, false);
        assertThat(state("10.0.0.8")).isNull();
        arp("10.0.0.9", HOST_MAC, true, false);
        assertThat(state("10.0.0.9")).isNull();
    }

    @Test
    void entersNoSenderFromAnotherNetworkNorAProbeNorAForgedOne() {
        up();
        arp("172.16.0.9", HOST_MAC, false, true);
        arp("0.0.0.0", HOST_MAC, false, true);
        arp("10.0.0.1", HOST_MAC, false, true);
        arp("10.0.0.8", BROADCAST, false, true);
        arp("10.0.0.8", "01:00:5e:00:00:01", false, true);
        arp("10.0.0.8", "00:00:00:00:00:00", false, true);
        assertThat(inspect().neighbors()).isEmpty();
    }

    @Test
    void takesANewMacFromAnyArpPacketOfAKnownSender() {
        up();
        reachable(HOST4);
        arp(HOST4, HOST_MAC, false, false);
        assertThat(state(HOST4)).isEqualTo(NeighborState.REACHABLE);
        arp(HOST4, OTHER_MAC, false, false);
        assertThat(lookup(HOST4)).isEqualTo(mac(OTHER_MAC));
        assertThat(state(HOST4)).isEqualTo(NeighborState.STALE);
        arp(HOST4, HOST_MAC, true, true);
        assertThat(lookup(HOST4)).isEqualTo(mac(HOST_MAC));
        assertThat(state(HOST4)).isEqualTo(NeighborState.REACHABLE);
    }

    @Test
    void aRequestFromTheAwaitedNeighborResolvesIt() {
        up();
        resolve(HOST4);
        arp(HOST4, HOST_MAC, false, false);
        assertThat(lookup(HOST4)).isEqualTo(mac(HOST_MAC));
        assertThat(state(HOST4)).isEqualTo(NeighborState.STALE);
        assertThat(resolutions).hasValue(1);
    }

    // ---- neighbor discovery (RFC 4861 section 7.2, appendix C) --------------------------------------------------

    @Test
    void entersTheSourceOfASolicitationAsStale() {
        up();
        solicitation(HOST6, HOST_MAC);
        assertThat(state(HOST6)).isEqualTo(NeighborState.STALE);
        solicitation("2001:db8::9", HOST_MAC);
        assertThat(state("2001:db8::9")).isNull();
        solicitation("fe80::9", HOST_MAC);
        assertThat(state("fe80::9")).isEqualTo(NeighborState.STALE);
    }

    @Test
    void aSolicitationWithAnotherMacMakesTheNeighborStaleAndOneWithTheSameDoesNot() {
        up();
        reachable(HOST6);
        solicitation(HOST6, HOST_MAC);
        assertThat(state(HOST6)).isEqualTo(NeighborState.REACHABLE);
        solicitation(HOST6, OTHER_MAC);
        assertThat(state(HOST6)).isEqualTo(NeighborState.STALE);
        assertThat(lookup(HOST6)).isEqualTo(mac(OTHER_MAC));
    }

    @Test
    void discardsAnAdvertisementOfAStranger() {
        up();
        advertisement(HOST6, HOST_MAC, "RSO");
        assertThat(inspect().neighbors()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({
        // from, told MAC, flags, to, MAC then
        "INCOMPLETE, HOST, S,   REACHABLE, HOST",
        "INCOMPLETE, HOST, '',  STALE,     HOST",
        "INCOMPLETE, HOST, O,   STALE,     HOST",
        "INCOMPLETE, NONE, S,   INCOMPLETE, NONE",
        "FAILED,     HOST, S,   REACHABLE, HOST",
        "REACHABLE,  HOST, '',  REACHABLE, HOST",
        "REACHABLE,  HOST, SO,  REACHABLE, HOST",
        "REACHABLE,  NEW,  '',  STALE,     HOST",
        "REACHABLE,  NEW,  S,   STALE,     HOST",
        "REACHABLE,  NEW,  O,   STALE,     NEW",
        "REACHABLE,  NEW,  SO,  REACHABLE, NEW",
        "REACHABLE,  NONE, S,   REACHABLE, HOST",
        "STALE,      HOST, S,   REACHABLE, HOST",
        "STALE,      HOST, O,   STALE,     HOST",
        "STALE,      NEW,  S,   STALE,     HOST",
        "STALE,      NEW,  SO,  REACHABLE, NEW",
        "STALE,      NONE, S,   REACHABLE, HOST",
        "DELAY,      HOST, S,   REACHABLE, HOST",
        "DELAY,      HOST, O,   DELAY,     HOST",
        "PROBE,      HOST, S,   REACHABLE, HOST",
        "PROBE,      NEW,  S,   PROBE,     HOST",
        "PROBE,      NEW,  O,   STALE,     NEW",
        "PROBE,      NEW,  SO,  REACHABLE, NEW",
    })
    void anAdvertisementDoesWhatItsFlagsSay(
            NeighborState from, String told, String flags, NeighborState to, String then) {
        up();
        bring(HOST6, from);
        advertisement(HOST6, told.equals("HOST") ? HOST_MAC : told.equals("NEW") ? OTHER_MAC : null, flags);
        assertThat(state(HOST6)).isEqualTo(to);
        NeighborStatus status = status(HOST6);
        assertThat(status.mac())
                .isEqualTo(then.equals("NONE") ? null : MacAddress.parse(then.equals("HOST") ? HOST_MAC : OTHER_MAC));
    }

    @Test
    void remembersWhetherANeighborIsARouter() {
        up();
        resolve(HOST6);
        advertisement(HOST6, HOST_MAC, "RSO");
        assertThat(status(HOST6).router()).isTrue();
        advertisement(HOST6, OTHER_MAC, "");
        assertThat(status(HOST6).router())
                .as("an advertisement that may not override changes nothing")
                .isTrue();
        advertisement(HOST6, HOST_MAC, "S");
        assertThat(status(HOST6).router()).isFalse();
        advertisement(HOST6, HOST_MAC, "RS");
        routerSolicitation(HOST6, HOST_MAC);
        assertThat(status(HOST6).router())
                .as("routers do not search for routers")
                .isFalse();
    }

    // ---- limits -------------------------------------------------------------------------------------------------

    @Test
    void aScanEvictsTheOldestUnansweredAndNeverAReachableNeighbor() {
        up();
        reachable("10.0.0.7");
        arp("10.0.0.8", HOST_MAC, false, true);
        for (int i = 0; i < 40; i++) {
            resolve("10.0.0." + (100 + i));
            pass(10);
        }
        assertThat(state("10.0.0.7")).isEqualTo(NeighborState.REACHABLE);
        assertThat(state("10.0.0.8")).as("unanswered ones go before stale ones").isEqualTo(NeighborState.STALE);
        assertThat(state("10.0.0.100")).isNull();
        assertThat(state("10.0.0.139")).isEqualTo(NeighborState.INCOMPLETE);
        NeighborActor.Listing now = inspect();
        assertThat(now.neighbors()).hasSize(8);
        assertThat(now.evicted()).isEqualTo(34);
    }

    @Test
    void refusesStrangersWhenAllNeighborsAreInUse() {
        up();
        for (int i = 0; i < 8; i++) {
            reachable("10.0.0." + (100 + i));
        }
        resolve("10.0.0.200");
        arp("10.0.0.201", HOST_MAC, false, true);
        assertSent();
        NeighborActor.Listing now = inspect();
        assertThat(now.neighbors()).hasSize(8).allMatch(row -> row.state() == NeighborState.REACHABLE);
        assertThat(now.refused()).isEqualTo(2);
    }

    @Test
    void asksForNoMoreNewNeighborsPerSecondThanAllowed() {
        table = new NeighborTable(1000, 1);
        NeighborSettings few = with(20, 0);
        start(few);
        bringUp();
        sent.clear();
        for (int i = 0; i < 100; i++) {
            resolve("10.0.0." + (100 + i));
        }
        // A tenth of a second's worth at once, then one every 50 ms.
        assertThat(sent).hasSize(2);
        pass(100);
        resolve("10.0.0.250");
        assertThat(sent).hasSize(3);
        assertThat(inspect().limited()).isEqualTo(98);
    }

    @Test
    void losesSignalsBeyondTheMailboxesLimitAndCountsThem() {
        TestProbe<NeighborActor.Command> slow = KIT.createTestProbe();
        NeighborMailbox small = new NeighborMailbox(table, 2);
        small.resolve4(LAN, 1);
        assertThat(small.lost()).as("nobody there yet").isOne();
        small.attach(slow.ref());
        for (int i = 0; i < 5; i++) {
            small.resolve4(LAN, i);
        }
        assertThat(small.lost()).isEqualTo(4);
        slow.receiveMessage();
        small.taken();
        small.conflict6(LAN, 0, 1);
        assertThat(small.lost()).isEqualTo(4);
    }

    @Test
    void doesNotEvenTellTheActorAboutANeighborThatIsAskedForOrHasFailed() {
        TestProbe<NeighborActor.Command> probe = KIT.createTestProbe();
        mailbox.attach(probe.ref());
        table.add(LAN, IpAddress.parse(HOST4), 0);
        table.fail(table.add(LAN, IpAddress.parse(HOST6), 0), 0);
        mailbox.resolve4(LAN, ip4(HOST4));
        mailbox.resolve6(LAN, ip6(HOST6).high(), ip6(HOST6).low());
        mailbox.resolve4(LAN, ip4("10.0.0.8"));
        assertThat(probe.receiveMessage()).isEqualTo(new NeighborActor.Resolve(LAN, IpAddress.parse("10.0.0.8")));
    }

    // ---- own addresses ------------------------------------------------------------------------------------------

    @Test
    void announcesAnIp4AddressTwiceTwoSecondsApart() {
        start(NeighborSettings.DEFAULTS);
        tell(new NeighborActor.InterfaceUp(
                InterfaceBuilder.ethernet(LAN).build(), List.of(InterfaceAddress.parse("10.0.0.1/24")), null));
        byte[] announcement = Packets.arpRequest(MAC, "10.0.0.1", "10.0.0.1").bytes();
        assertThat(framesOfType(0x0806)).containsExactly(announcement);
        sent.clear();
        pass(1900);
        assertThat(framesOfType(0x0806)).isEmpty();
        pass(100);
        assertThat(framesOfType(0x0806)).containsExactly(announcement);
        sent.clear();
        pass(10_000);
        assertThat(framesOfType(0x0806)).isEmpty();
        assertThat(owner.receiveMessage(PATIENCE))
                .isEqualTo(new NeighborActor.AddressUsable(LAN, InterfaceAddress.parse("10.0.0.1/24")));
    }

    @Test
    void usesAnIp6AddressOnlyAfterNobodyObjectedForASecondThenAnnouncesIt() {
        start(NeighborSettings.DEFAULTS);
        tell(new NeighborActor.InterfaceUp(
                InterfaceBuilder.ethernet(LAN).build(), List.of(InterfaceAddress.parse("fe80::1/64")), null));
        assertSent(Packets.ethernet(MAC, "33:33:ff:00:00:01")
                .ip6()
                .from("::")
                .to("ff02::1:ff00:1")
                .neighborSolicitation("fe80::1")
                .bytes());
        assertThat(inspect().addresses())
                .containsExactly(
                        new AddressStatus(LAN, InterfaceAddress.parse("fe80::1/64"), AddressStatus.State.TENTATIVE, 0));
        pass(900);
        assertSent();
        owner.expectNoMessage(Duration.ZERO);
        pass(100);
        assertThat(owner.receiveMessage(PATIENCE))
                .isEqualTo(new NeighborActor.AddressUsable(LAN, InterfaceAddress.parse("fe80::1/64")));
        byte[] advertisement = Packets.ethernet(MAC, "33:33:00:00:00:01")
                .ip6()
                .from("fe80::1")
                .to("ff02::1")
                .neighborAdvertisement("fe80::1", "RO")
                .targetLinkLayer(MAC)
                .bytes();
        assertSent(advertisement);
        pass(2000);
        assertSent(advertisement);
        pass(10_000);
        assertSent();
    }

    @Test
    void makesALinkLocalAddressFromTheMac() {
        up();
        assertThat(inspect().addresses())
                .extracting(row -> row.address().toString() + " " + row.state())
                .containsExactly(LINK_LOCAL + "/64 USABLE", "10.0.0.1/24 USABLE", "fd00:1::1/64 USABLE");
    }

    @ParameterizedTest
    @CsvSource({"true", "false"})
    void neverUsesAnAddressThatAnotherNodeUsesOrProbesFor(boolean advertised) {
        start(NeighborSettings.DEFAULTS);
        tell(new NeighborActor.InterfaceUp(
                InterfaceBuilder.ethernet(LAN).build(),
                List.of(InterfaceAddress.parse("fe80::1/64"), InterfaceAddress.parse("fd00:1::1/64")),
                null));
        pass(500);
        sent.clear();
        if (advertised) {
            advertisement("fd00:1::1", OTHER_MAC, "O");
        } else {
            mailbox.conflict6(LAN, ip6("fd00:1::1").high(), ip6("fd00:1::1").low());
        }
        assertThat(inspect().addresses())
                .contains(new AddressStatus(
                        LAN, InterfaceAddress.parse("fd00:1::1/64"), AddressStatus.State.DUPLICATE, 1));
        pass(10_000);
        assertThat(owner.receiveMessage(PATIENCE))
                .isEqualTo(new NeighborActor.AddressDuplicate(LAN, InterfaceAddress.parse("fd00:1::1/64")));
        assertThat(owner.receiveMessage(PATIENCE))
                .isEqualTo(new NeighborActor.AddressUsable(LAN, InterfaceAddress.parse("fe80::1/64")));
        owner.expectNoMessage(Duration.ZERO);
        assertThat(sent).as("two announcements of the other address").hasSize(2);
    }

    @Test
    void withoutDetectionAnIp6AddressIsUsedAtOnce() {
        start(with(1000, 0));
        tell(new NeighborActor.InterfaceUp(
                InterfaceBuilder.ethernet(LAN).build(), List.of(InterfaceAddress.parse("fe80::1/64")), null));
        assertThat(owner.receiveMessage(PATIENCE))
                .isEqualTo(new NeighborActor.AddressUsable(LAN, InterfaceAddress.parse("fe80::1/64")));
    }

    @Test
    void defendsItsAddressesNoOftenerThanEveryTenSeconds() {
        up();
        byte[] announcement = Packets.arpRequest(MAC, "10.0.0.1", "10.0.0.1").bytes();
        conflict4("10.0.0.1");
        assertSent(announcement);
        conflict4("10.0.0.1");
        pass(9000);
        conflict4("10.0.0.1");
        assertSent();
        pass(1000);
        conflict4("10.0.0.1");
        assertSent(announcement);
        conflict4("10.0.0.77");
        assertSent();
        assertThat(inspect().addresses())
                .contains(new AddressStatus(LAN, InterfaceAddress.parse("10.0.0.1/24"), AddressStatus.State.USABLE, 4));
        mailbox.conflict6(LAN, ip6("fd00:1::1").high(), ip6("fd00:1::1").low());
        assertSent(Packets.ethernet(MAC, "33:33:00:00:00:01")
                .ip6()
                .from("fd00:1::1")
                .to("ff02::1")
                .neighborAdvertisement("fd00:1::1", "RO")
                .targetLinkLayer(MAC)
                .bytes());
    }

    @Test
    void asksForNobodyWhileItHasNoUsableAddressToAskWith() {
        start(NeighborSettings.DEFAULTS);
        bringUp();
        sent.clear();
        resolve(HOST6);
        assertSent();
        pass(2000);
        assertThat(framesOfType(0x86dd)).as("then it has").anyMatch(frame -> frame[54] == (byte) 135);
    }

    // ---- router advertisements ----------------------------------------------------------------------------------

    @Test
    void advertisesItselfWithItsPrefixesThriceQuicklyThenFromTimeToTime() {
        advertise("10.0.0.1/24", "fd00:1::1/64", "fd00:2::1/56");
        pass(1000);
        sent.clear();
        pass(200);
        assertThat(advertisements()).isEmpty();
        pass(50);
        assertThat(advertisements()).containsExactly(routerAdvertisement(1800));
        sent.clear();
        pass(15_900);
        assertThat(advertisements()).isEmpty();
        pass(100);
        assertThat(advertisements()).hasSize(1);
        pass(16_000);
        assertThat(advertisements()).hasSize(2);
        sent.clear();
        pass(399_000, 1000);
        assertThat(advertisements()).isEmpty();
        pass(1000);
        assertThat(advertisements()).containsExactly(routerAdvertisement(1800));
    }

    @Test
    void answersARouterSolicitationWithinHalfASecondAndMultipleOnesWithOne() {
        advertise("10.0.0.1/24", "fd00:1::1/64", "fd00:2::1/56");
        pass(60_000, 500);
        sent.clear();
        routerSolicitation("fe80::9", HOST_MAC);
        routerSolicitation("fe80::8", HOST_MAC);
        routerSolicitation("::", null);
        assertThat(advertisements()).isEmpty();
        assertThat(state("fe80::9")).isEqualTo(NeighborState.STALE);
        pass(250);
        assertThat(advertisements()).containsExactly(routerAdvertisement(1800));
        sent.clear();
        routerSolicitation("fe80::9", HOST_MAC);
        pass(3200);
        assertThat(advertisements()).as("no two within three seconds").isEmpty();
        pass(50);
        assertThat(advertisements()).hasSize(1);
    }

    @Test
    void withdrawsItselfWhenTheInterfaceGoesDownAndWhenItStops() {
        advertise("10.0.0.1/24", "fd00:1::1/64", "fd00:2::1/56");
        pass(2000);
        sent.clear();
        tell(new NeighborActor.InterfaceDown(LAN));
        assertThat(advertisements()).containsExactly(routerAdvertisement(0));
        bringUpAdvertising("10.0.0.1/24", "fd00:1::1/64", "fd00:2::1/56");
        pass(2000);
        sent.clear();
        TestProbe<Done> stopped = KIT.createTestProbe();
        actor.tell(new NeighborActor.Stop(stopped.ref()));
        stopped.receiveMessage(PATIENCE);
        assertThat(advertisements()).containsExactly(routerAdvertisement(0));
        stopped.expectTerminated(actor);
        mailbox.resolve4(LAN, ip4(HOST4));
        assertThat(mailbox.lost()).isOne();
    }

    @Test
    void advertisesNothingUnlessConfigured() {
        up();
        routerSolicitation("fe80::9", HOST_MAC);
        pass(700_000, 5000);
        assertThat(advertisements()).isEmpty();
    }

    // ---- interfaces ---------------------------------------------------------------------------------------------

    @ParameterizedTest
    @CsvSource({"true", "false"})
    void saysNothingOnPointToPointAndLocalDeliveryInterfaces(boolean pointToPoint) {
        start(NeighborSettings.DEFAULTS);
        InterfaceBuilder builder = pointToPoint ? InterfaceBuilder.pointToPoint(2) : InterfaceBuilder.localDelivery(2);
        tell(new NeighborActor.InterfaceUp(
                builder.build(),
                List.of(InterfaceAddress.parse("10.0.5.1/30"), InterfaceAddress.parse("fd00:5::1/64")),
                RouterAdvertisement.DEFAULTS));
        assertThat(owner.receiveMessage(PATIENCE))
                .isEqualTo(new NeighborActor.AddressUsable(2, InterfaceAddress.parse("10.0.5.1/30")));
        assertThat(owner.receiveMessage(PATIENCE))
                .isEqualTo(new NeighborActor.AddressUsable(2, InterfaceAddress.parse("fd00:5::1/64")));
        mailbox.resolve4(2, ip4("10.0.5.2"));
        mailbox.arp(2, ip4("10.0.5.2"), mac(HOST_MAC), false, true);
        mailbox.solicitation(2, ip6("fd00:5::2").high(), ip6("fd00:5::2").low(), mac(HOST_MAC));
        mailbox.routerSolicitation(2, ip6("fe80::2").high(), ip6("fe80::2").low(), mac(HOST_MAC));
        pass(10_000);
        assertSent();
        assertThat(inspect().neighbors()).isEmpty();
    }

    @Test
    void forgetsTheNeighborsOfAnInterfaceThatIsDownAndNoOthers() {
        up();
        tell(new NeighborActor.InterfaceUp(
                InterfaceBuilder.ethernet(2).build(), List.of(InterfaceAddress.parse("10.0.2.1/24")), null));
        mailbox.arp(2, ip4("10.0.2.9"), mac(HOST_MAC), false, true);
        reachable(HOST4);
        resolve("10.0.0.50");
        sent.clear();
        int before = resolutions.get();
        tell(new NeighborActor.InterfaceDown(LAN));
        assertThat(inspect().neighbors())
                .extracting(NeighborStatus::interfaceId)
                .containsExactly(2);
        assertThat(resolutions).as("who waits for them is told").hasValue(before + 1);
        pass(5000);
        sent.removeIf(frame -> frame.interfaceId == 2);
        assertSent();
        resolve(HOST4);
        assertSent();
        bringUp();
        resolve(HOST4);
        assertThat(framesOfType(0x0806)).hasSize(2);
    }

    @Test
    void startsWithAnEmptyTable() {
        table.add(LAN, IpAddress.parse(HOST4), 0);
        start(NeighborSettings.DEFAULTS);
        assertThat(inspect().neighbors()).isEmpty();
    }

    // ---- tools --------------------------------------------------------------------------------------------------

    private void start(NeighborSettings settings) {
        mailbox = new NeighborMailbox(table, NeighborMailbox.DEFAULT_LIMIT);
        mailbox.onResolution(resolutions::incrementAndGet);
        actor = KIT.spawn(NeighborActor.create(
                mailbox,
                (interfaceId, frame) -> sent.add(new Sent(interfaceId, frame)),
                settings,
                owner.ref(),
                clock::get,
                MIDDLE));
        inspect();
    }

    /** Starts with one interface up and all it says at start said. */
    private void up() {
        start(NeighborSettings.DEFAULTS);
        bringUp();
        pass(5000);
        sent.clear();
    }

    private void bringUp() {
        tell(new NeighborActor.InterfaceUp(
                InterfaceBuilder.ethernet(LAN).build(),
                List.of(InterfaceAddress.parse("10.0.0.1/24"), InterfaceAddress.parse("fd00:1::1/64")),
                null));
    }

    private void advertise(String... addresses) {
        start(NeighborSettings.DEFAULTS);
        bringUpAdvertising(addresses);
    }

    private void bringUpAdvertising(String... addresses) {
        tell(new NeighborActor.InterfaceUp(
                InterfaceBuilder.ethernet(LAN).build(),
                Stream.of(addresses).map(InterfaceAddress::parse).toList(),
                RouterAdvertisement.DEFAULTS));
    }

    private static NeighborSettings with(int newPerSecond, int duplicateProbes) {
        NeighborSettings d = NeighborSettings.DEFAULTS;
        return new NeighborSettings(
                d.solicitations(),
                d.retransmit(),
                d.reachable(),
                d.delayFirstProbe(),
                d.failedHold(),
                d.staleHold(),
                newPerSecond,
                d.announcements(),
                d.announceInterval(),
                d.defendInterval(),
                duplicateProbes);
    }

    private void tell(NeighborActor.Command command) {
        actor.tell(command);
        inspect();
    }

    /** Asks the actor, which answers only when it has done all it was told before. */
    private NeighborActor.Listing inspect() {
        actor.tell(new NeighborActor.Inspect(listing.ref()));
        return listing.receiveMessage(PATIENCE);
    }

    private void pass(int millis) {
        pass(millis, 50);
    }

    /**
     * Lets time pass in steps, each done with before the next, as timers set timers. What ManualTime does, but without
     * its sleep of 100 ms at each step: the actor's answer shows that a step is done with.
     */
    private void pass(int millis, int stepMillis) {
        for (int left = millis; left > 0; left -= stepMillis) {
            int step = Math.min(left, stepMillis);
            clock.addAndGet(step * 1_000_000L);
            // The scheduler's time is that of the last task it has run.
            TIME.scheduleOnce(Duration.ofMillis(step), () -> {}, KIT.system().executionContext());
            TIME.executeTasks(TIME.currentTimeMs() + step);
            inspect();
        }
    }

    private void resolve(String text) {
        if (IpAddress.parse(text) instanceof Ip4Address) {
            mailbox.resolve4(LAN, ip4(text));
        } else {
            mailbox.resolve6(LAN, ip6(text).high(), ip6(text).low());
        }
        inspect();
    }

    private void arp(String sender, String mac, boolean reply, boolean mayCreate) {
        mailbox.arp(LAN, ip4(sender), mac(mac), reply, mayCreate);
        inspect();
    }

    private void conflict4(String address) {
        mailbox.conflict4(LAN, ip4(address), mac(OTHER_MAC));
        inspect();
    }

    private void solicitation(String source, String mac) {
        mailbox.solicitation(LAN, ip6(source).high(), ip6(source).low(), mac(mac));
        inspect();
    }

    private void advertisement(String target, @Nullable String mac, String flags) {
        mailbox.advertisement(
                LAN,
                ip6(target).high(),
                ip6(target).low(),
                mac == null ? -1 : mac(mac),
                flags.contains("R"),
                flags.contains("S"),
                flags.contains("O"));
        inspect();
    }

    private void routerSolicitation(String source, @Nullable String mac) {
        mailbox.routerSolicitation(LAN, ip6(source).high(), ip6(source).low(), mac == null ? -1 : mac(mac));
        inspect();
    }

    private void reachable(String address) {
        resolve(address);
        if (IpAddress.parse(address) instanceof Ip4Address) {
            arp(address, HOST_MAC, true, true);
        } else {
            advertisement(address, HOST_MAC, "SO");
        }
        assertThat(state(address)).isEqualTo(NeighborState.REACHABLE);
        sent.clear();
    }

    private void bring(String address, NeighborState state) {
        if (state == NeighborState.INCOMPLETE || state == NeighborState.FAILED) {
            resolve(address);
            pass(state == NeighborState.FAILED ? 3000 : 0);
        } else {
            reachable(address);
            if (state != NeighborState.REACHABLE) {
                pass(30_000, 1000);
            }
            if (state == NeighborState.DELAY || state == NeighborState.PROBE) {
                lookup(address);
                pass(state == NeighborState.DELAY ? 1000 : 6000);
            }
        }
        assertThat(state(address)).isEqualTo(state);
    }

    private @Nullable NeighborStatus status(String address) {
        return inspect().neighbors().stream()
                .filter(row -> row.interfaceId() == LAN && row.address().equals(IpAddress.parse(address)))
                .findFirst()
                .orElse(null);
    }

    private @Nullable NeighborState state(String address) {
        NeighborStatus status = status(address);
        return status == null ? null : status.state();
    }

    private long lookup(String text) {
        return IpAddress.parse(text) instanceof Ip4Address
                ? table.lookup4(LAN, ip4(text))
                : table.lookup6(LAN, ip6(text).high(), ip6(text).low());
    }

    /** The frames sent since the last time are exactly these. */
    private void assertSent(byte[]... frames) {
        inspect();
        List<byte[]> taken = new ArrayList<>();
        for (Sent frame = sent.poll(); frame != null; frame = sent.poll()) {
            assertThat(frame.interfaceId).isEqualTo(LAN);
            taken.add(frame.frame);
        }
        assertThat(taken).containsExactly(frames);
    }

    private List<byte[]> framesOfType(int etherType) {
        return sent.stream()
                .map(Sent::frame)
                .filter(frame -> ByteBuffer.wrap(frame).getShort(12) == (short) etherType)
                .toList();
    }

    private List<byte[]> advertisements() {
        return framesOfType(0x86dd).stream()
                .filter(frame -> frame[54] == (byte) 134)
                .toList();
    }

    private static byte[] routerAdvertisement(int lifetime) {
        PacketBuilder packet = Packets.ethernet(MAC, "33:33:00:00:00:01")
                .ip6()
                .from(LINK_LOCAL)
                .to("ff02::1")
                .routerAdvertisement(64, lifetime)
                .sourceLinkLayer(MAC)
                .append(new byte[] {5, 1, 0, 0, 0, 0, 0x05, (byte) 0xdc});
        return packet.append(prefix(64, 0xc0, "fd00:1::"))
                .append(prefix(56, 0x80, "fd00:2::"))
                .bytes();
    }

    private static byte[] prefix(int length, int flags, String prefix) {
        return ByteBuffer.allocate(32)
                .put((byte) 3)
                .put((byte) 4)
                .put((byte) length)
                .put((byte) flags)
                .putInt(2_592_000)
                .putInt(604_800)
                .putInt(0)
                .putLong(ip6(prefix).high())
                .putLong(ip6(prefix).low())
                .array();
    }

    private static int ip4(String text) {
        return Ip4Address.parse(text).value();
    }

    private static Ip6Address ip6(String text) {
        return Ip6Address.parse(text);
    }

    private static long mac(String text) {
        return MacAddress.parse(text).value();
    }
}
