// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import io.culvert.ffi.IngressFilter;
import io.culvert.ffi.KernelAddress;
import io.culvert.ffi.KernelLink;
import io.culvert.ffi.KernelRoute;
import io.culvert.ffi.KernelRule;
import io.culvert.ffi.NativeException;
import io.culvert.ffi.NetworkNamespace;
import io.culvert.ffi.Rtnetlink;
import io.culvert.ffi.Sysctl;
import io.culvert.net.Ip4Address;
import io.culvert.net.Ip6Address;
import io.culvert.net.IpAddress;
import java.io.IOException;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;

/**
 * The kernel's side of local delivery: makes the kernel as a {@link LocalDeliveryPlan} wants it, and all as it was.
 *
 * <p>On the TAP it puts the router's addresses as host addresses, a permanent neighbor for each family that is the router,
 * and {@code accept_local}, without which the kernel takes ICMP errors that the router sends from one of its addresses for
 * forgeries. What has a source among the addresses leaves through the TAP, whatever other routes the kernel has: a rule
 * each looks up a table with only a default route to the router. That makes the reverse-path filter content, too, in its
 * strict mode. What has no source yet gets one by routes of the main table to the networks that the router knows; their
 * metric is so high that they give way to any other.
 *
 * <p>One number per TAP, {@link #mark}, is the table and the metric, so that several routers in a namespace keep apart and
 * what a killed one has left behind is found: all but the rules goes with the TAP, and the rules go at the next start.
 *
 * <p>Network devices that packet interfaces use are kept from the kernel by an {@link IngressFilter}. A kernel takes a
 * packet for one of its addresses from any device, so it would get those for the router twice, answer ARP besides the
 * router, and, where it forwards, forward a second time. On a device that has addresses of the kernel's own, only what is for
 * the router is kept from it.
 *
 * <p>Blocks. Confined to one actor.
 */
final class LocalDelivery {
    /** Before the main table and the rules that VPNs put in front of it, after the kernel's own addresses. */
    static final int RULE_PRIORITY = 4300;

    /** Where the tables, and metrics, of routers start. */
    static final int FIRST_MARK = 430_000_000;

    static final int MARKS = 10_000_000;

    /**
     * The router, as the kernel sees it. Nothing else can have the IPv4 address: RFC 3927 section 2.1 reserves the first 256
     * link-local ones. No packet carries either; they stand for a MAC address.
     */
    static final InetAddress GATEWAY4 = Ip4Address.parse("169.254.0.1").toInetAddress();

    static final InetAddress GATEWAY6 = Ip6Address.parse("fe80::1").toInetAddress();

    private static final InetAddress ANY4 = new Ip4Address(0).toInetAddress();
    private static final InetAddress ANY6 = Ip6Address.UNSPECIFIED.toInetAddress();

    /** Kinds of devices that take frames from the one they stand on. */
    private static final Set<String> UPPER_KINDS = Set.of("vlan", "macvlan", "macvtap", "ipvlan", "ipvtap");

    private final @Nullable String namespace;
    private final Logger log;
    private final Map<KernelChange, KernelChange.Undo> made = new LinkedHashMap<>();
    private final Set<String> told = new HashSet<>();
    private int index;
    private Set<InetAddress> announced = Set.of();
    private @Nullable IngressFilter filter;
    private List<FilteredDevice> filtered = List.of();

    /** The index tells a device that came back from the one that went. */
    private record FilteredDevice(int index, String name, List<IngressFilter.Match> drops) {}

    /**
     * Changes nothing yet.
     *
     * @param namespace of the TAP; null for this process's
     */
    LocalDelivery(@Nullable String namespace, Logger log) {
        this.namespace = namespace;
        this.log = log;
    }

    /** The number of the table and of the metric of a TAP. */
    static int mark(int index) {
        return FIRST_MARK + index % MARKS;
    }

    /**
     * Makes the kernel as planned: does what is missing and takes back what the plan before had and this one has not.
     *
     * @throws IOException when the kernel refuses something; what was done before stays, and the next call goes on from there
     */
    void apply(LocalDeliveryPlan plan) throws IOException {
        inNamespace(() -> {
            try (Rtnetlink kernel = Rtnetlink.open()) {
                KernelLink tap = kernel.link(plan.device())
                        .orElseThrow(() -> new IOException("there is no device " + plan.device()));
                setLoopbackUp(kernel);
                if (tap.index() != index) {
                    takeBack(kernel, Set.of());
                    index = tap.index();
                    sweep(kernel);
                }
                Set<KernelChange> wanted = changes(plan, index, hasIp6(plan));
                takeBack(kernel, wanted);
                for (KernelChange change : wanted) {
                    if (!made.containsKey(change)) {
                        made.put(change, make(change, kernel));
                    }
                }
                keepFromKernel(plan, kernel);
            }
            return null;
        });
        announce(plan);
    }

    /**
     * Without it the kernel refuses routes to its own addresses, and a new namespace has it down. It is not set down again:
     * other programs may have come to use it.
     */
    private void setLoopbackUp(Rtnetlink kernel) throws IOException {
        KernelLink loopback = kernel.link("lo").orElse(null);
        if (loopback == null || loopback.isUp()) {
            return;
        }
        try {
            kernel.setUp(loopback.index(), true);
            log.info("the loopback device{} was down and has been set up, as local delivery needs it", where());
        } catch (NativeException refused) {
            warnOnce(
                    "the loopback device" + where() + " is down, which local delivery can't do with, and may not be set"
                            + " up by the router: do so with \"ip" + (namespace == null ? "" : " -n " + namespace)
                            + " link set lo up\" (" + refused.getMessage() + ")");
        }
    }

    private String where() {
        return namespace == null ? " of this host" : " of namespace " + namespace;
    }

    /**
     * Takes back what was made for the TAP, which may be gone, the last first. Devices of packet interfaces stay kept from
     * the kernel: the router goes on with them.
     *
     * @throws IOException when something could not be taken back; all else was
     */
    void release() throws IOException {
        index = 0;
        announced = Set.of();
        if (!made.isEmpty()) {
            inNamespace(() -> {
                try (Rtnetlink kernel = Rtnetlink.open()) {
                    takeBack(kernel, Set.of());
                }
                return null;
            });
        }
    }

    /** Takes everything back. */
    void close() throws IOException {
        try {
            release();
        } finally {
            IngressFilter open = filter;
            filter = null;
            filtered = List.of();
            if (open != null) {
                open.close();
            }
        }
    }

    /**
     * The changes on the TAP, in an order in which no packet takes a wrong way: the way back is there before the address.
     *
     * @param ip6 whether the kernel has IPv6
     */
    static Set<KernelChange> changes(LocalDeliveryPlan plan, int index, boolean ip6) {
        Set<KernelChange> changes = new LinkedHashSet<>();
        int mark = mark(index);
        plan.mtu().ifPresent(mtu -> changes.add(new KernelChange.Mtu(index, mtu)));
        List<InetAddress> addresses = new ArrayList<>();
        for (IpAddress address : plan.addresses()) {
            InetAddress inet = address.toInetAddress();
            if (ip6 || !(inet instanceof Inet6Address)) {
                addresses.add(inet);
            }
        }
        if (addresses.stream().anyMatch(address -> !(address instanceof Inet6Address))) {
            changes.add(new KernelChange.Parameter("net/ipv4/conf/" + plan.device() + "/accept_local", "1"));
            changes.add(new KernelChange.Neighbor(index, GATEWAY4, plan.routerMac()));
            changes.add(new KernelChange.Route(throughRouter(ANY4, 0, index).inTable(mark)));
        }
        if (addresses.stream().anyMatch(Inet6Address.class::isInstance)) {
            changes.add(new KernelChange.Parameter(ip6Parameter(plan.device()), "0"));
            changes.add(new KernelChange.Neighbor(index, GATEWAY6, plan.routerMac()));
            changes.add(new KernelChange.Route(throughRouter(ANY6, 0, index).inTable(mark)));
        }
        for (InetAddress address : addresses) {
            int bits = address.getAddress().length * Byte.SIZE;
            changes.add(new KernelChange.Rule(KernelRule.from(address, bits, mark, RULE_PRIORITY)));
        }
        for (InetAddress address : addresses) {
            changes.add(new KernelChange.Address(index, address));
        }
        plan.broadcasts().forEach((broadcast, own) -> {
            KernelRoute route = KernelRoute.to(broadcast.toInetAddress(), broadcast.bits())
                    .ofType(KernelRoute.Type.BROADCAST)
                    .out(index)
                    .inTable(KernelRoute.LOCAL_TABLE)
                    .from(own.toInetAddress());
            changes.add(new KernelChange.Route(route));
        });
        plan.sources().forEach((prefix, source) -> {
            InetAddress own = source.toInetAddress();
            if (addresses.contains(own)) {
                KernelRoute route = throughRouter(prefix.first().toInetAddress(), prefix.length(), index);
                changes.add(new KernelChange.Route(route.withMetric(mark).from(own)));
            }
        });
        return changes;
    }

    private static KernelRoute throughRouter(InetAddress destination, int length, int index) {
        KernelRoute route = KernelRoute.to(destination, length).out(index);
        // The kernel takes an IPv6 link-local gateway for on link anyway, and does not say so when asked.
        return destination instanceof Inet6Address
                ? route.via(GATEWAY6)
                : route.via(GATEWAY4).onLink();
    }

    private boolean hasIp6(LocalDeliveryPlan plan) throws IOException {
        String disabled = ip6Parameter(plan.device());
        boolean has = Sysctl.exists(disabled) && (Sysctl.read(disabled).equals("0") || Sysctl.isWritable(disabled));
        if (!has && plan.addresses().stream().anyMatch(Ip6Address.class::isInstance)) {
            warnOnce("IPv6 is off on " + plan.device() + ": programs can't use the router's IPv6 addresses; set"
                    + " net.ipv6.conf.default.disable_ipv6 to 0 before the router starts");
        }
        return has;
    }

    /** Where sysctls are read-only, as in many containers, all else is of use without them. */
    private KernelChange.Undo make(KernelChange change, Rtnetlink kernel) throws IOException {
        if (change instanceof KernelChange.Parameter parameter
                && !Sysctl.read(parameter.name()).equals(parameter.value())
                && !Sysctl.isWritable(parameter.name())) {
            warnOnce("sysctl " + parameter.name() + " is not " + parameter.value() + " and may not be written: programs"
                    + " don't hear of ICMP errors that the router itself sends them");
            return undoing -> {};
        }
        return change.make(kernel);
    }

    private static String ip6Parameter(String device) {
        return "net/ipv6/conf/" + device + "/disable_ipv6";
    }

    private void takeBack(Rtnetlink kernel, Set<KernelChange> except) throws IOException {
        List<KernelChange> last = new ArrayList<>(made.keySet());
        IOException failure = null;
        for (int i = last.size() - 1; i >= 0; i--) {
            KernelChange.Undo undo = except.contains(last.get(i)) ? null : made.remove(last.get(i));
            if (undo == null) {
                continue;
            }
            try {
                undo.run(kernel);
            } catch (IOException refused) {
                if (failure == null) {
                    failure = refused;
                } else {
                    failure.addSuppressed(refused);
                }
            }
        }
        if (failure != null) {
            throw failure;
        }
    }

    /** Removes what routers that were killed have left: this TAP's, if it outlived its router, and rules of TAPs that did not. */
    private void sweep(Rtnetlink kernel) throws IOException {
        Set<Integer> marks = new HashSet<>();
        for (KernelLink link : kernel.links()) {
            marks.add(mark(link.index()));
        }
        int own = mark(index);
        for (boolean ip6 : new boolean[] {false, true}) {
            for (KernelRule rule : kernel.rules(ip6)) {
                boolean routers = rule.priority() == RULE_PRIORITY
                        && rule.table() >= FIRST_MARK
                        && rule.table() < FIRST_MARK + MARKS;
                if (routers && (rule.table() == own || !marks.contains(rule.table()))) {
                    log.info("removing what a router that was killed has left behind: rule {}", rule);
                    kernel.deleteRule(rule);
                }
            }
        }
        for (KernelRoute route : kernel.routes(KernelRoute.MAIN_TABLE)) {
            if (route.metric() == own && route.interfaceIndex() == index) {
                kernel.deleteRoute(route);
            }
        }
        for (KernelRoute route : kernel.routes(own)) {
            kernel.deleteRoute(route);
        }
        for (KernelAddress address : kernel.addresses(index)) {
            int bits = address.address().getAddress().length * Byte.SIZE;
            if (address.prefixLength() == bits && !address.hasPrefixRoute()) {
                kernel.deleteAddress(index, address.address(), bits);
            }
        }
    }

    // --- devices of packet interfaces

    private void keepFromKernel(LocalDeliveryPlan plan, Rtnetlink kernel) throws IOException {
        List<KernelLink> links = kernel.links();
        List<FilteredDevice> wanted = new ArrayList<>();
        for (LocalDeliveryPlan.SharedDevice shared : plan.shared()) {
            for (KernelLink link : links) {
                if (link.name().equals(shared.name())) {
                    wanted.add(new FilteredDevice(link.index(), link.name(), drops(plan, shared, link, links, kernel)));
                }
            }
        }
        if (wanted.equals(filtered)) {
            return;
        }
        Map<String, List<IngressFilter.Match>> drops = new LinkedHashMap<>();
        wanted.forEach(device -> drops.put(device.name(), device.drops()));
        try {
            IngressFilter open = filter;
            if (open == null) {
                open = IngressFilter.open("culvert-" + plan.device());
                filter = open;
            }
            open.replace(drops);
            filtered = wanted;
        } catch (NativeException refused) {
            warnOnce("programs on this host get packets for the router's addresses twice, from " + plan.device()
                    + " and from " + String.join(", ", drops.keySet())
                    + ", which needs nf_tables of Linux 5.12 to be prevented: " + refused.getMessage());
        }
    }

    private List<IngressFilter.Match> drops(
            LocalDeliveryPlan plan,
            LocalDeliveryPlan.SharedDevice shared,
            KernelLink link,
            List<KernelLink> links,
            Rtnetlink kernel)
            throws IOException {
        String use = kernelUse(link, links, kernel);
        if (use == null) {
            return IngressFilter.Match.internetProtocols();
        }
        if (!shared.ownMac()) {
            warnOnce(
                    "the kernel uses " + link.name() + " too (" + use + "): where it forwards, it may forward a second"
                            + " time what the router forwards; free the device, or give the router's interface a mac of its own");
        }
        List<IngressFilter.Match> drops = new ArrayList<>();
        for (IpAddress address : plan.addresses()) {
            drops.addAll(IngressFilter.Match.destination(address.toInetAddress()));
        }
        return drops;
    }

    /** What the kernel needs a device for, or null. */
    private static @Nullable String kernelUse(KernelLink link, List<KernelLink> links, Rtnetlink kernel)
            throws IOException {
        for (KernelAddress address : kernel.addresses(link.index())) {
            if (!(address.address() instanceof Inet6Address ip6 && ip6.isLinkLocalAddress())) {
                return "it has " + address + " there";
            }
        }
        if (link.master() != 0) {
            return "it is a port of another device";
        }
        for (KernelLink upper : links) {
            if (upper.parent() == link.index() && UPPER_KINDS.contains(upper.kind())) {
                return upper.name() + " stands on it";
            }
        }
        return null;
    }

    // ---

    private void announce(LocalDeliveryPlan plan) {
        Set<InetAddress> now = new LinkedHashSet<>();
        plan.addresses().forEach(address -> now.add(address.toInetAddress()));
        if (!now.equals(announced)) {
            announced = now;
            log.info(
                    "programs{} can use the router's addresses {} on {}",
                    namespace == null ? " on this host" : " in namespace " + namespace,
                    plan.addresses(),
                    plan.device());
        }
    }

    private void warnOnce(String text) {
        if (told.add(text)) {
            log.warn("{}", text);
        }
    }

    private void inNamespace(Callable<@Nullable Void> work) throws IOException {
        if (namespace != null) {
            NetworkNamespace.call(namespace, work);
            return;
        }
        try {
            work.call();
        } catch (IOException | RuntimeException failed) {
            throw failed;
        } catch (Exception impossible) {
            throw new IllegalStateException(impossible);
        }
    }
}
