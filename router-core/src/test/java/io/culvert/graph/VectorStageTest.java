// SPDX-License-Identifier: Apache-2.0
package io.culvert.graph;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import akka.Done;
import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.stream.Attributes;
import akka.stream.ClosedShape;
import akka.stream.Inlet;
import akka.stream.Materializer;
import akka.stream.SinkShape;
import akka.stream.UniformFanOutShape;
import akka.stream.javadsl.GraphDSL;
import akka.stream.javadsl.RunnableGraph;
import akka.stream.javadsl.Source;
import akka.stream.stage.AbstractInHandler;
import akka.stream.stage.AsyncCallback;
import akka.stream.stage.GraphStage;
import akka.stream.stage.GraphStageLogic;
import io.culvert.packet.BufferPool;
import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.spi.Arc;
import io.culvert.spi.OutPort;
import io.culvert.spi.PacketStage;
import io.culvert.spi.StageContext;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.Target;
import io.culvert.telemetry.LaneLedger.Entry;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.reactivestreams.Publisher;
import org.reactivestreams.Subscriber;
import org.reactivestreams.Subscription;

/**
 * The adapter under every order of what can happen to it: vectors pushed, outlets pulled one by one, signals, a stage that
 * throws, the end and the failure of what is before it, and the loss of an outlet.
 *
 * <p>An order is a word over these letters: {@code p} pushes a vector, {@code x} one on which the stage throws, {@code m}
 * one that becomes more vectors than fit at an outlet, {@code h} one of which the stage holds a packet, {@code s} signals
 * the stage, which sends what it holds; {@code 0 1 2} pull an outlet; {@code e} ends the input, {@code f} fails it,
 * {@code c} cancels outlet 1. In every one of them nothing arrives twice or out of order, and when all has ended all
 * buffers are back and the account is balanced; unless something failed, nothing is lost either.
 */
class VectorStageTest {
    private static final ActorTestKit KIT = ActorTestKit.create();
    private static final Materializer MATERIALIZER = Materializer.createMaterializer(KIT.system());
    private static final int MULTIPLIED = 130;

    private final BufferPool pool = BufferPool.allocate(5 * MULTIPLIED + 64);
    private final List<String> faults = new CopyOnWriteArrayList<>();

    @AfterAll
    static void shutDown() {
        KIT.shutdownTestKit();
    }

    /** Does with each packet what its first byte says; the second byte numbers it. */
    private static final class Scripted implements PacketStage {
        private final List<PacketBuffer> held = new ArrayList<>();
        private final List<? extends OutPort> outputs;

        Scripted(List<? extends OutPort> outputs) {
            this.outputs = outputs;
        }

        @Override
        public void process(PacketVector packets, StageContext context) {
            for (int i = 0; i < packets.size(); i++) {
                PacketBuffer packet = packets.get(i);
                int what = packet.bytes().get(packet.start());
                switch (what) {
                    case 'd' -> context.drop(packet, TestLane.Drop.UNWANTED);
                    case 'c' -> context.consume(packet);
                    case 'u' -> {}
                    case 'x' -> throw new IllegalStateException("told to throw");
                    case 'h' -> {
                        context.hold(packet);
                        held.add(packet);
                    }
                    case 'm' -> multiply(packet, context);
                    default -> context.send(packet, outputs.get((what - '0') % outputs.size()));
                }
            }
        }

        private void multiply(PacketBuffer packet, StageContext context) {
            for (int copy = 0; copy < MULTIPLIED; copy++) {
                PacketBuffer more = context.originate();
                assertThat(more).as("a packet of the pool").isNotNull();
                write(more, '0', packet.bytes().get(packet.start() + 1), copy);
                context.send(more, outputs.get(copy % outputs.size()));
            }
            context.consume(packet);
        }

        @Override
        public void onSignal(StageContext context) {
            held.forEach(packet -> context.send(packet, outputs.get(0)));
            held.clear();
        }

        @Override
        public void onStop(StageContext context) {
            held.forEach(packet -> context.drop(packet, TestLane.Drop.UNWANTED));
            held.clear();
        }
    }

    private static void write(PacketBuffer packet, int what, int number, int copy) {
        packet.setWindow(PacketBuffer.HEADROOM, 3);
        packet.bytes().put(packet.start(), (byte) what);
        packet.bytes().put(packet.start() + 1, (byte) number);
        packet.bytes().put(packet.start() + 2, (byte) copy);
    }

    /** The stage's input, driven by hand. */
    private static final class Input implements Publisher<PacketVector> {
        private final CompletableFuture<Subscriber<? super PacketVector>> subscriber = new CompletableFuture<>();

        @Override
        public void subscribe(Subscriber<? super PacketVector> one) {
            one.onSubscribe(new Subscription() {
                @Override
                public void request(long n) {} // 16 at once, more than any word pushes

                @Override
                public void cancel() {}
            });
            subscriber.complete(one);
        }

        Subscriber<? super PacketVector> get() throws Exception {
            return subscriber.get(5, TimeUnit.SECONDS);
        }
    }

    /** What stands behind an outlet: pulls when told to, and takes packets as transmission would. */
    private static final class Output extends GraphStage<SinkShape<PacketVector>> {
        private final Lane lane;
        private final Inlet<PacketVector> in = Inlet.create("output.in");
        private final List<String> arrived = new CopyOnWriteArrayList<>();
        /** Told how many more vectors to pull; none to cancel. */
        private final CompletableFuture<AsyncCallback<Long>> control = new CompletableFuture<>();

        Output(Lane lane) {
            this.lane = lane;
        }

        void pull(long vectors) throws Exception {
            control.get(5, TimeUnit.SECONDS).invoke(vectors);
        }

        void cancel() throws Exception {
            pull(0);
        }

        @Override
        public SinkShape<PacketVector> shape() {
            return SinkShape.of(in);
        }

        @Override
        public GraphStageLogic createLogic(Attributes attributes) {
            return new GraphStageLogic(shape()) {
                private long demand;

                {
                    setHandler(in, new AbstractInHandler() {
                        @Override
                        public void onPush() {
                            take(grab(in));
                            pullIfWanted();
                        }
                    });
                }

                @Override
                public void preStart() {
                    control.complete(createAsyncCallback(vectors -> {
                        if (vectors == 0) {
                            cancel(in);
                            completeStage();
                        } else {
                            demand += vectors;
                            pullIfWanted();
                        }
                    }));
                }

                private void pullIfWanted() {
                    if (demand > 0 && !hasBeenPulled(in) && !isClosed(in)) {
                        demand--;
                        pull(in);
                    }
                }

                @Override
                public void postStop() {
                    lane.stageStopped();
                }
            };
        }

        private void take(PacketVector vector) {
            for (int i = 0; i < vector.size(); i++) {
                PacketBuffer packet = vector.get(i);
                arrived.add((packet.bytes().get(packet.start() + 1) & 0xff) + "."
                        + (packet.bytes().get(packet.start() + 2) & 0xff));
                lane.pool().release(packet);
                lane.ledger().add(Entry.TRANSMITTED, 1);
            }
            lane.recycle(vector);
        }
    }

    private static List<TestLane.Port> ports(int outlets) {
        List<TestLane.Port> ports = new ArrayList<>();
        for (int i = 0; i < outlets; i++) {
            ports.add(new TestLane.Port("OUT" + i, i, Target.next()));
        }
        return ports;
    }

    private StageDescriptor scripted(int outlets, CompletableFuture<Runnable> signal) {
        return StageDescriptor.named("scripted", "A stage of the test.")
                .arc(Arc.DEVICE_INPUT)
                .outputs(ports(outlets).toArray(new OutPort[0]))
                .drops(TestLane.Drop.values())
                .factory(setup -> {
                    signal.complete(setup.signal());
                    return new Scripted(ports(outlets));
                });
    }

    private void run(String word, int outlets) throws Exception {
        faults.clear();
        Lane lane = TestLane.lane(pool, faults, FaultPolicy.DROP, System::nanoTime);
        CompletableFuture<Runnable> signal = new CompletableFuture<>();
        Input input = new Input();
        List<Output> outputs = new ArrayList<>();
        int[] routes = new int[outlets];
        for (int i = 0; i < outlets; i++) {
            outputs.add(new Output(lane));
            routes[i] = i;
        }
        // Made in advance: from here on the pool is the lane's.
        Map<Integer, PacketVector> vectors = new HashMap<>();
        List<List<String>> expected = new ArrayList<>();
        for (int i = 0; i < outlets; i++) {
            expected.add(new ArrayList<>());
        }
        boolean ended = false;
        for (int number = 0; number < word.length(); number++) {
            char letter = word.charAt(number);
            if ("pxmh".indexOf(letter) >= 0 && !ended) {
                vectors.put(number, vector(lane, letter, number));
                expect(letter, number, expected);
            }
            ended |= letter == 'e' || letter == 'f';
        }
        CompletionStage<Done> stopped = lane.begin(1 + outlets);
        RunnableGraph.fromGraph(GraphDSL.create(builder -> {
                    UniformFanOutShape<PacketVector, PacketVector> stage =
                            builder.add(new VectorStage(lane, scripted(outlets, signal), outlets, routes, -1));
                    builder.from(builder.add(Source.fromPublisher(input))).toInlet(stage.in());
                    for (int i = 0; i < outlets; i++) {
                        builder.from(stage.out(i)).to(builder.add(outputs.get(i)));
                    }
                    return ClosedShape.getInstance();
                }))
                .run(MATERIALIZER);
        play(word, input, outputs, vectors, signal);

        boolean whole = word.indexOf('c') < 0 && word.indexOf('f') < 0;
        for (Output output : outputs) {
            output.pull(1_000_000);
        }
        if (word.indexOf('e') < 0 && word.indexOf('f') < 0) {
            input.get().onComplete();
        }
        stopped.toCompletableFuture().get(5, TimeUnit.SECONDS);

        assertThat(lane.ledger().inFlight())
                .as("packets on their way after %s", word)
                .isZero();
        assertThat(pool.outstanding()).as("buffers in use after %s", word).isZero();
        assertThat(faults).as("faults of %s", word).allMatch(fault -> fault.endsWith("told to throw"));
        for (int i = 0; i < outlets; i++) {
            List<String> arrived = withoutHeld(outputs.get(i).arrived);
            assertThat(arrived).as("at outlet %d after %s", i, word).doesNotHaveDuplicates();
            if (whole) {
                assertThat(arrived).as("at outlet %d after %s", i, word).isEqualTo(expected.get(i));
            } else {
                assertThat(arrived)
                        .as("at outlet %d after %s", i, word)
                        .isEqualTo(expected.get(i)
                                .subList(
                                        0,
                                        Math.min(arrived.size(), expected.get(i).size())));
            }
        }
    }

    /** Held packets leave whenever the signal comes; that they do so once is all that is asked of them. */
    private static List<String> withoutHeld(List<String> arrived) {
        assertThat(arrived).doesNotHaveDuplicates();
        return arrived.stream().filter(one -> !one.endsWith(".9")).toList();
    }

    private PacketVector vector(Lane lane, char letter, int number) {
        String packets = switch (letter) {
            case 'p' -> "0d1c2u0";
            case 'x' -> "01xd2";
            case 'm' -> "1m0";
            default -> "0h1";
        };
        PacketVector vector = lane.takeVector();
        for (int i = 0; i < packets.length(); i++) {
            PacketBuffer packet = pool.take();
            assertThat(packet).isNotNull();
            int copy = packets.charAt(i) == 'h' ? 9 : 200 + i;
            write(packet, packets.charAt(i), number, copy);
            packet.setState(PacketBuffer.State.DECIDED);
            vector.add(packet);
        }
        lane.ledger().add(Entry.RECEIVED, packets.length());
        return vector;
    }

    private static void expect(char letter, int number, List<List<String>> expected) {
        int outlets = expected.size();
        switch (letter) {
            case 'p' -> {
                expected.get(0).add(number + ".200");
                expected.get(1).add(number + ".202");
                expected.get(2 % outlets).add(number + ".204");
                expected.get(0).add(number + ".206");
            }
            case 'm' -> {
                expected.get(1).add(number + ".200");
                for (int copy = 0; copy < MULTIPLIED; copy++) {
                    if (copy != 9) {
                        expected.get(copy % outlets).add(number + "." + copy);
                    }
                }
                expected.get(0).add(number + ".202");
            }
            case 'h' -> {
                expected.get(0).add(number + ".200");
                expected.get(1).add(number + ".202");
            }
            default -> {} // a fault loses its whole vector
        }
    }

    private static void play(
            String word,
            Input input,
            List<Output> outputs,
            Map<Integer, PacketVector> vectors,
            CompletableFuture<Runnable> signal)
            throws Exception {
        boolean ended = false;
        for (int number = 0; number < word.length(); number++) {
            char letter = word.charAt(number);
            PacketVector vector = vectors.get(number);
            if (vector != null) {
                input.get().onNext(vector);
            } else if (letter == 's') {
                signal.get(5, TimeUnit.SECONDS).run();
            } else if (letter == 'c') {
                outputs.get(1).cancel();
            } else if (letter == 'e' && !ended) {
                ended = true;
                input.get().onComplete();
            } else if (letter == 'f' && !ended) {
                ended = true;
                input.get().onError(new IllegalStateException("what is before it failed"));
            } else if (Character.isDigit(letter)) {
                outputs.get(letter - '0').pull(1);
            }
        }
    }

    private void runAll(String letters, int length, int outlets) throws Exception {
        int words = 1;
        for (int i = 0; i < length; i++) {
            words *= letters.length();
        }
        StringBuilder word = new StringBuilder();
        for (int number = 0; number < words; number++) {
            word.setLength(0);
            for (int rest = number, i = 0; i < length; i++, rest /= letters.length()) {
                word.append(letters.charAt(rest % letters.length()));
            }
            run(word.toString(), outlets);
        }
    }

    @Test
    void losesAndRepeatsNothingInAnyOrderOfPushesAndPulls() throws Exception {
        runAll("p01e", 6, 2);
    }

    @Test
    void losesAndRepeatsNothingWithThreeOutlets() throws Exception {
        runAll("p012", 5, 3);
    }

    @Test
    void survivesFaultsAndFloodsAndSignalsInAnyOrder() throws Exception {
        runAll("pxmhs01", 4, 2);
    }

    @Test
    void givesEverythingBackWhenItIsCutOff() throws Exception {
        runAll("pmhs0cfe", 4, 2);
    }

    // --- stages that pass whole vectors on

    /** Runs a stage of two outlets on one full vector, then on another, and answers what arrived at the first. */
    private List<String> runTwice(Lane lane, PacketStage stage) throws Exception {
        Input input = new Input();
        List<Output> outputs = List.of(new Output(lane), new Output(lane));
        List<PacketVector> vectors = List.of(full(lane, 1), full(lane, 2));
        CompletionStage<Done> stopped = lane.begin(3);
        StageDescriptor descriptor = StageDescriptor.named("scripted", "A stage of the test.")
                .arc(Arc.DEVICE_INPUT)
                .outputs(ports(2).toArray(new OutPort[0]))
                .drops(TestLane.Drop.values())
                .factory(setup -> stage);
        RunnableGraph.fromGraph(GraphDSL.create(builder -> {
                    UniformFanOutShape<PacketVector, PacketVector> shape =
                            builder.add(new VectorStage(lane, descriptor, 2, new int[] {0, 1}, -1));
                    builder.from(builder.add(Source.fromPublisher(input))).toInlet(shape.in());
                    builder.from(shape.out(0)).to(builder.add(outputs.get(0)));
                    builder.from(shape.out(1)).to(builder.add(outputs.get(1)));
                    return ClosedShape.getInstance();
                }))
                .run(MATERIALIZER);
        for (PacketVector vector : vectors) {
            input.get().onNext(vector);
        }
        for (Output output : outputs) {
            output.pull(1_000_000);
        }
        input.get().onComplete();
        stopped.toCompletableFuture().get(5, TimeUnit.SECONDS);
        assertThat(lane.ledger().inFlight()).isZero();
        assertThat(pool.outstanding()).isZero();
        assertThat(dropped(lane, "lane-source", GraphDrop.LANE_STOPPED))
                .as("buffers that nobody gave back")
                .isZero();
        return outputs.get(0).arrived;
    }

    private static long dropped(Lane lane, String stage, GraphDrop reason) {
        return lane.stageCounters().stream()
                .filter(counters -> counters.stage().equals(stage))
                .mapToLong(counters -> counters.drops(reason))
                .sum();
    }

    private PacketVector full(Lane lane, int number) {
        PacketVector vector = lane.takeVector();
        while (!vector.isFull()) {
            PacketBuffer packet = pool.take();
            assertThat(packet).isNotNull();
            write(packet, '0', number, vector.size());
            packet.setState(PacketBuffer.State.DECIDED);
            vector.add(packet);
        }
        lane.ledger().add(Entry.RECEIVED, vector.size());
        return vector;
    }

    private static PacketBuffer another(StageContext context) {
        PacketBuffer packet = context.originate();
        assertThat(packet).isNotNull();
        write(packet, '0', 9, 9);
        return packet;
    }

    @Test
    void dropsAnUndecidedPacketOfItsOwnBesideAWholeVector() throws Exception {
        Lane lane = TestLane.lane(pool, faults, FaultPolicy.DROP, System::nanoTime);
        List<String> arrived = runTwice(lane, (packets, context) -> {
            context.sendAll(packets, ports(2).get(0));
            another(context);
        });
        assertThat(arrived).hasSize(128);
        assertThat(dropped(lane, "scripted", GraphDrop.UNDECIDED)).isEqualTo(2);
    }

    @Test
    void sendsMoreBehindAWholeVector() throws Exception {
        Lane lane = TestLane.lane(pool, faults, FaultPolicy.DROP, System::nanoTime);
        List<String> arrived = runTwice(lane, (packets, context) -> {
            context.sendAll(packets, ports(2).get(0));
            context.send(another(context), ports(2).get(0));
        });
        assertThat(arrived).hasSize(130);
        assertThat(arrived.get(64)).isEqualTo("9.9");
    }

    /** What a stage does with packets that it has sent, in its first vector of two; the second one passes. */
    private void losesOneVectorAndKeepsTheOther(PacketStage misuse, String complaint) throws Exception {
        Lane lane = TestLane.lane(pool, faults, FaultPolicy.DROP, System::nanoTime);
        int[] calls = {0};
        List<String> arrived = runTwice(lane, (packets, context) -> {
            if (calls[0]++ == 0) {
                misuse.process(packets, context);
            } else {
                context.sendAll(packets, ports(2).get(0));
            }
        });
        assertThat(faults).singleElement().asString().contains("scripted", complaint);
        assertThat(dropped(lane, "scripted", GraphDrop.STAGE_FAULT)).isEqualTo(64);
        assertThat(arrived).hasSize(64).allMatch(packet -> packet.startsWith("2."));
    }

    private static void sendEach(PacketVector packets, StageContext context, int output) {
        for (int i = 0; i < packets.size(); i++) {
            context.send(packets.get(i), ports(2).get(output));
        }
    }

    @Test
    void catchesAPacketThatIsSentTwiceToOneOutput() throws Exception {
        losesOneVectorAndKeepsTheOther(
                (packets, context) -> {
                    sendEach(packets, context, 0);
                    context.send(packets.get(7), ports(2).get(0));
                },
                "had sent already");
    }

    @Test
    void catchesAPacketThatIsSentToTwoOutputs() throws Exception {
        losesOneVectorAndKeepsTheOther(
                (packets, context) -> {
                    context.send(packets.get(0), ports(2).get(0));
                    sendEach(packets, context, 1);
                },
                "had sent already");
    }

    @Test
    void catchesAPacketThatIsSentBehindItsWholeVector() throws Exception {
        losesOneVectorAndKeepsTheOther(
                (packets, context) -> {
                    context.sendAll(packets, ports(2).get(0));
                    context.send(packets.get(7), ports(2).get(1));
                },
                "had sent already");
    }

    @Test
    void catchesAPacketThatIsHeldConsumedOrDroppedWhenItWasSent() throws Exception {
        losesOneVectorAndKeepsTheOther(
                (packets, context) -> {
                    sendEach(packets, context, 0);
                    context.hold(packets.get(7));
                },
                "had sent already");
        faults.clear();
        losesOneVectorAndKeepsTheOther(
                (packets, context) -> {
                    sendEach(packets, context, 0);
                    context.consume(packets.get(7));
                },
                "had sent already");
        faults.clear();
        losesOneVectorAndKeepsTheOther(
                (packets, context) -> {
                    sendEach(packets, context, 0);
                    context.drop(packets.get(7), TestLane.Drop.UNWANTED);
                },
                "had sent already");
    }

    @Test
    void catchesAPacketThatAnotherStageHolds() throws Exception {
        Lane lane = TestLane.lane(pool, faults, FaultPolicy.DROP, System::nanoTime);
        List<String> arrived = runTwice(lane, (packets, context) -> {
            PacketBuffer elsewhere = another(context);
            elsewhere.hold(-1);
            assertThatIllegalStateException()
                    .isThrownBy(() -> context.send(elsewhere, ports(2).get(0)))
                    .withMessageContaining("another stage holds");
            elsewhere.setState(PacketBuffer.State.PENDING);
            context.consume(elsewhere);
            sendEach(packets, context, 0);
        });
        assertThat(arrived).hasSize(128);
    }

    @Test
    void losesAWholeVectorOnceWhenItThrowsBehindIt() throws Exception {
        Lane lane = TestLane.lane(pool, faults, FaultPolicy.DROP, System::nanoTime);
        int[] calls = {0};
        List<String> arrived = runTwice(lane, (packets, context) -> {
            context.sendAll(packets, ports(2).get(0));
            context.send(another(context), ports(2).get(0));
            if (calls[0]++ == 0) {
                throw new IllegalStateException("told to throw");
            }
        });
        assertThat(arrived).hasSize(65);
        assertThat(dropped(lane, "scripted", GraphDrop.STAGE_FAULT)).isEqualTo(65);
        Set<PacketVector> free = Collections.newSetFromMap(new IdentityHashMap<>());
        for (int i = 0; i < 20; i++) {
            assertThat(free.add(lane.takeVector()))
                    .as("a free vector is free once")
                    .isTrue();
        }
    }
}
