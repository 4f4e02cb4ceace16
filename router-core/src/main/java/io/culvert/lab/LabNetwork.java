// SPDX-License-Identifier: Apache-2.0
package io.culvert.lab;

import io.culvert.config.InterfaceConfig;
import io.culvert.config.LabConfig;
import io.culvert.ffi.Errno;
import io.culvert.ffi.KernelLink;
import io.culvert.ffi.KernelRoute;
import io.culvert.ffi.NativeException;
import io.culvert.ffi.NetworkNamespace;
import io.culvert.ffi.Rtnetlink;
import io.culvert.ffi.Sysctl;
import io.culvert.net.InterfaceAddress;
import io.culvert.net.IpAddress;
import io.culvert.net.MacAddress;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * The namespaces and links of a lab. Devices are made inside the namespaces, so none ever shows up on the machine itself.
 *
 * <p>Needs CAP_SYS_ADMIN and CAP_NET_ADMIN. Used by one thread.
 */
public final class LabNetwork {
    private static final Path NAMESPACES = Path.of("/run/netns");
    private static final Path PROCESSES = Path.of("/proc");

    private static final long KILLED_WITHIN_MS = 2_000;

    private final LabConfig lab;

    LabNetwork(LabConfig lab) {
        this.lab = lab;
    }

    /** What the kernel calls the lab's namespaces. */
    List<String> namespaces() {
        return lab.namespaces().stream()
                .map(namespace -> lab.kernelName(namespace.name()))
                .toList();
    }

    /** Makes namespaces, then links, parameters and addresses, then routes. */
    void create() throws IOException {
        for (LabConfig.Namespace namespace : lab.namespaces()) {
            String name = lab.kernelName(namespace.name());
            NetworkNamespace.create(name);
            NetworkNamespace.call(name, LabNetwork::behaveAsAHost);
            try (Rtnetlink kernel = Rtnetlink.open(name)) {
                kernel.setUp(index(kernel, "lo"), true);
            }
        }
        for (LabConfig.Link link : lab.links()) {
            try (Rtnetlink kernel = Rtnetlink.open(lab.kernelName(link.a().namespace()))) {
                kernel.addVeth(
                        link.a().device(),
                        link.b().device(),
                        lab.kernelName(link.b().namespace()));
            }
        }
        for (LabConfig.Namespace namespace : lab.namespaces()) {
            String name = lab.kernelName(namespace.name());
            NetworkNamespace.call(name, () -> setParameters(namespace));
        }
        for (LabConfig.Link link : lab.links()) {
            setUp(link.a(), link);
            setUp(link.b(), link);
        }
        for (LabConfig.Namespace namespace : lab.namespaces()) {
            try (Rtnetlink kernel = Rtnetlink.open(lab.kernelName(namespace.name()))) {
                for (InterfaceConfig.KernelRoute route : namespace.routes()) {
                    IpAddress via = route.via();
                    if (via != null) {
                        kernel.addRoute(KernelRoute.to(
                                        route.prefix().first().toInetAddress(),
                                        route.prefix().length())
                                .via(via.toInetAddress()));
                    }
                }
            }
        }
    }

    /** A new namespace may inherit from the machine that it forwards; here the routers do that, and they alone. */
    private static boolean behaveAsAHost() throws IOException {
        Sysctl.write("net/ipv4/ip_forward", "0");
        for (String scope : List.of("all", "default")) {
            String parameters = "net/ipv6/conf/" + scope + "/";
            if (Sysctl.exists(parameters + "forwarding")) {
                Sysctl.write(parameters + "disable_ipv6", "0");
                Sysctl.write(parameters + "forwarding", "0");
                Sysctl.write(parameters + "accept_ra", "0");
                Sysctl.write(parameters + "accept_dad", "0");
            }
        }
        return true;
    }

    private boolean setParameters(LabConfig.Namespace namespace) throws IOException {
        for (LabConfig.Link link : lab.links()) {
            for (LabConfig.End end : List.of(link.a(), link.b())) {
                if (end.namespace().equals(namespace.name()) && end.addresses().isEmpty()) {
                    leaveToRouter(end.device());
                }
            }
        }
        for (LabConfig.Sysctl parameter : namespace.sysctls()) {
            Sysctl.write(parameter.name(), parameter.value());
        }
        return true;
    }

    /** Keeps the kernel from speaking on a device: no link-local address, no answer to ARP for addresses it has elsewhere. */
    private static void leaveToRouter(String device) throws IOException {
        String disable = "net/ipv6/conf/" + device + "/disable_ipv6";
        if (Sysctl.exists(disable)) {
            Sysctl.write(disable, "1");
        }
        Sysctl.write("net/ipv4/conf/" + device + "/arp_ignore", "8");
    }

    private void setUp(LabConfig.End end, LabConfig.Link link) throws IOException {
        try (Rtnetlink kernel = Rtnetlink.open(lab.kernelName(end.namespace()))) {
            int index = index(kernel, end.device());
            MacAddress mac = end.mac();
            if (mac != null) {
                kernel.setMac(index, mac.value());
            }
            if (link.mtu().isPresent()) {
                kernel.setMtu(index, link.mtu().getAsInt());
            }
            kernel.setUp(index, true);
            for (InterfaceAddress address : end.addresses()) {
                kernel.addAddress(index, address.address().toInetAddress(), address.prefixLength(), true);
            }
        }
    }

    private static int index(Rtnetlink kernel, String device) throws IOException {
        return kernel.link(device)
                .map(KernelLink::index)
                .orElseThrow(() -> new IOException("device " + device + " is gone"));
    }

    /**
     * Removes a namespace with all that is in it: processes are killed, devices deleted.
     *
     * @return whether there was one
     */
    public static boolean remove(String name) throws IOException {
        if (!NetworkNamespace.exists(name)) {
            return false;
        }
        List<ProcessHandle> processes = processesIn(name);
        processes.forEach(ProcessHandle::destroyForcibly);
        processes.forEach(LabNetwork::awaitEnd);
        try (Rtnetlink kernel = Rtnetlink.open(name)) {
            for (KernelLink link : kernel.links()) {
                // The kernel would do this too, but some time after the namespace was deleted.
                if (link.kind().equals("veth")) {
                    kernel.deleteLink(link.index());
                }
            }
        } catch (NativeException e) {
            // A name without a namespace: the run was killed between making the two.
            if (e.errno() != Errno.EINVAL) {
                throw e;
            }
        }
        NetworkNamespace.delete(name);
        return true;
    }

    private static void awaitEnd(ProcessHandle process) {
        try {
            process.onExit().get(KILLED_WITHIN_MS, TimeUnit.MILLISECONDS);
        } catch (ExecutionException | TimeoutException e) {
            // It is in a system call that does not end; the namespace's name goes anyhow.
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** The processes whose network is that namespace, whoever started them. */
    static List<ProcessHandle> processesIn(String name) throws IOException {
        Object namespace = fileKey(NAMESPACES.resolve(name)).orElse(name);
        long self = ProcessHandle.current().pid();
        List<ProcessHandle> found = new ArrayList<>();
        try (DirectoryStream<Path> processes = Files.newDirectoryStream(PROCESSES, "[1-9]*")) {
            for (Path process : processes) {
                long pid = Long.parseLong(process.getFileName().toString());
                if (pid != self
                        && fileKey(process.resolve("ns/net"))
                                .filter(namespace::equals)
                                .isPresent()) {
                    ProcessHandle.of(pid).ifPresent(found::add);
                }
            }
        }
        return found;
    }

    private static Optional<Object> fileKey(Path path) {
        try {
            return Optional.ofNullable(
                    Files.readAttributes(path, BasicFileAttributes.class).fileKey());
        } catch (IOException | SecurityException e) {
            return Optional.empty(); // the process ended meanwhile, or is none of ours
        }
    }
}
