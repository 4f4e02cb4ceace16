// SPDX-License-Identifier: Apache-2.0
package io.culvert.config;

import io.culvert.net.InterfaceAddress;
import io.culvert.net.MacAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.OptionalInt;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A lab: hosts and routers, each in a network namespace, the links between them, and what shall be seen to work.
 *
 * @param name prefix of the namespaces' names
 * @param title what the lab shows, for people
 * @param file where it was read from, absolute; paths in commands are relative to its folder
 * @param checks in the order in which they run
 */
public record LabConfig(
        String name,
        String title,
        Path file,
        List<Namespace> namespaces,
        List<Link> links,
        List<Router> routers,
        List<Service> services,
        List<Check> checks) {
    public LabConfig {
        namespaces = List.copyOf(namespaces);
        links = List.copyOf(links);
        routers = List.copyOf(routers);
        services = List.copyOf(services);
        checks = List.copyOf(checks);
    }

    /** What the kernel calls a namespace of this lab. */
    public String kernelName(String namespace) {
        return name + "-" + namespace;
    }

    /**
     * A network namespace: one host.
     *
     * @param routes the kernel's, each with a gateway
     */
    public record Namespace(String name, List<Sysctl> sysctls, List<InterfaceConfig.KernelRoute> routes) {
        public Namespace {
            sysctls = List.copyOf(sysctls);
            routes = List.copyOf(routes);
        }
    }

    /**
     * A kernel parameter.
     *
     * @param name a path below {@code /proc/sys}
     */
    public record Sysctl(String name, String value) {}

    /**
     * A virtual Ethernet cable.
     *
     * @param mtu of both ends, or empty for the kernel's 1500
     */
    public record Link(End a, End b, OptionalInt mtu) {}

    /**
     * One end of a cable.
     *
     * @param addresses the kernel's; without any the kernel leaves the device to a router in user space
     * @param mac null for the kernel's choice
     */
    public record End(
            String namespace,
            String device,
            List<InterfaceAddress> addresses,
            @Nullable MacAddress mac) {
        public End {
            addresses = List.copyOf(addresses);
        }
    }

    /**
     * A Culvert process.
     *
     * @param file its configuration, or null if that stands in the lab file
     * @param text its configuration where it stands in the lab file, else null
     */
    public record Router(
            String name,
            String namespace,
            @Nullable Path file,
            @Nullable String text) {}

    /**
     * A program that runs while the checks do.
     *
     * @param listens the TCP port that it opens when it is ready, or empty if it counts as ready once started
     */
    public record Service(String name, String namespace, List<String> command, OptionalInt listens) {
        public Service {
            command = List.copyOf(command);
        }
    }

    /**
     * A program that ends by itself and whose outcome says whether something works.
     *
     * @param title what is seen to work
     * @param within how long it may take
     * @param exit the exit code that is right
     * @param expect what must be found in its output, each of them
     * @param figure what to tell about a success, with {@code $1}, {@code $2} ... for what the groups of {@code expect}
     *     caught, counted through; may be empty
     * @param show whether the output is worth reading as a whole
     */
    public record Check(
            String title,
            String namespace,
            List<String> command,
            Duration within,
            int exit,
            List<Pattern> expect,
            String figure,
            boolean show) {
        public Check {
            command = List.copyOf(command);
            expect = List.copyOf(expect);
        }
    }
}
