// SPDX-License-Identifier: Apache-2.0
package io.culvert.ffi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Asks the C compiler for every size, offset and number that the package has from C headers.
 *
 * <p>Complete by construction: each static int or long of the classes below is either a structure's size or offset with a C
 * expression here, or one of the package's own numbers listed here, or its name is a C name and is compiled as such.
 */
class KernelLayoutTest {
    private static final List<Class<?>> CLASSES = List.of(
            Errno.class,
            Syscalls.class,
            VirtioNetHeader.class,
            MessageVector.class,
            Epoll.class,
            TunDevice.class,
            PacketSocket.class,
            NetlinkMessage.class,
            NetlinkSocket.class,
            IngressFilter.class,
            Rtnetlink.class,
            LinkMonitor.class,
            KernelLink.class,
            KernelAddress.class);

    /** Numbers that no header defines. */
    private static final Set<String> OWN = Set.of(
            "IngressFilter.ARP_TARGET",
            "LinkMonitor.RECEIVE_BUFFER_BYTES",
            "MessageVector.NO_VLAN_TAG",
            "MessageVector.TPID_8021Q",
            "NetlinkMessage.MAX_BYTES",
            "NetlinkSocket.DUMP_ATTEMPTS",
            "NetlinkSocket.RECEIVE_BYTES",
            "PacketSocket.MAC_BYTES",
            "Rtnetlink.MAC_BYTES",
            "TunDevice.ALL_OFFLOADS",
            "TunDevice.MAX_QUEUES");

    /** Macros that headers older than Linux 6.2 lack. */
    private static final Set<String> NEWER = Set.of(
            "PacketSocket.PACKET_FANOUT_FLAG_IGNORE_OUTGOING",
            "TunDevice.TUN_F_USO4",
            "TunDevice.TUN_F_USO6",
            "VirtioNetHeader.VIRTIO_NET_HDR_GSO_UDP_L4");

    private static final Map<String, String> EXPRESSIONS = new TreeMap<>();

    static {
        struct("VirtioNetHeader", "virtio_net_hdr", "BYTES", null, "FLAGS", "flags", "GSO_TYPE", "gso_type");
        struct("VirtioNetHeader", "virtio_net_hdr", "HDR_LEN", "hdr_len", "GSO_SIZE", "gso_size");
        struct("VirtioNetHeader", "virtio_net_hdr", "CSUM_START", "csum_start", "CSUM_OFFSET", "csum_offset");
        struct("VirtioNetHeader", "virtio_net_hdr_mrg_rxbuf", "BYTES_WITH_NUM_BUFFERS", null);
        struct("VirtioNetHeader", "virtio_net_hdr_mrg_rxbuf", "NUM_BUFFERS", "num_buffers");
        struct("MessageVector", "mmsghdr", "MMSGHDR_BYTES", null, "MSG_IOV", "msg_hdr.msg_iov");
        struct("MessageVector", "mmsghdr", "MSG_IOVLEN", "msg_hdr.msg_iovlen", "MSG_CONTROL", "msg_hdr.msg_control");
        struct("MessageVector", "mmsghdr", "MSG_CONTROLLEN", "msg_hdr.msg_controllen");
        struct("MessageVector", "mmsghdr", "MSG_FLAGS", "msg_hdr.msg_flags", "MSG_LEN", "msg_len");
        struct("MessageVector", "iovec", "IOVEC_BYTES", null, "IOV_BASE", "iov_base", "IOV_LEN", "iov_len");
        struct("MessageVector", "cmsghdr", "CMSG_LEVEL", "cmsg_level", "CMSG_TYPE", "cmsg_type");
        EXPRESSIONS.put("MessageVector.CMSG_DATA", "CMSG_LEN(0)");
        EXPRESSIONS.put("MessageVector.CONTROL_BYTES", "CMSG_SPACE(sizeof(struct tpacket_auxdata))");
        struct("MessageVector", "tpacket_auxdata", "AUX_STATUS", "tp_status", "AUX_VLAN_TCI", "tp_vlan_tci");
        struct("MessageVector", "tpacket_auxdata", "AUX_VLAN_TPID", "tp_vlan_tpid");
        struct("Epoll", "epoll_event", "EVENT_BYTES", null, "EVENT_EVENTS", "events", "EVENT_DATA", "data");
        struct("TunDevice", "ifreq", "IFREQ_BYTES", null, "IFR_NAME", "ifr_name", "IFR_FLAGS", "ifr_flags");
        struct("TunDevice", "tun_pi", "PACKET_INFORMATION_BYTES", null);
        struct("PacketSocket", "sockaddr_ll", "SOCKADDR_LL_BYTES", null, "SLL_FAMILY", "sll_family");
        struct("PacketSocket", "sockaddr_ll", "SLL_PROTOCOL", "sll_protocol", "SLL_IFINDEX", "sll_ifindex");
        struct("PacketSocket", "packet_mreq", "PACKET_MREQ_BYTES", null, "MR_IFINDEX", "mr_ifindex");
        struct("PacketSocket", "packet_mreq", "MR_TYPE", "mr_type", "MR_ALEN", "mr_alen", "MR_ADDRESS", "mr_address");
        struct("PacketSocket", "tpacket_stats", "TPACKET_STATS_BYTES", null, "TP_PACKETS", "tp_packets");
        struct("PacketSocket", "tpacket_stats", "TP_DROPS", "tp_drops");
        struct("PacketSocket", "sock_fprog", "SOCK_FPROG_BYTES", null, "FPROG_LEN", "len", "FPROG_FILTER", "filter");
        struct("PacketSocket", "sock_filter", "SOCK_FILTER_BYTES", null);
        struct("LinkMonitor", "pollfd", "POLLFD_BYTES", null, "POLLFD_EVENTS", "events", "POLLFD_REVENTS", "revents");
        struct("NetlinkMessage", "nlmsghdr", "NLMSGHDR_BYTES", null, "NLMSG_LEN", "nlmsg_len");
        struct("NetlinkMessage", "nlmsghdr", "NLMSG_TYPE", "nlmsg_type", "NLMSG_FLAGS", "nlmsg_flags");
        struct("NetlinkMessage", "nlmsghdr", "NLMSG_SEQ", "nlmsg_seq");
        struct("NetlinkMessage", "rtattr", "RTATTR_BYTES", null, "RTA_LEN", "rta_len", "RTA_TYPE", "rta_type");
        EXPRESSIONS.put("NetlinkMessage.NLA_TYPE_MASK", "(unsigned short) NLA_TYPE_MASK");
        struct("NetlinkSocket", "nlmsgerr", "NLMSGERR_BYTES", null);
        struct("NetlinkSocket", "sockaddr_nl", "SOCKADDR_NL_BYTES", null, "NL_FAMILY", "nl_family");
        struct("NetlinkSocket", "sockaddr_nl", "NL_GROUPS", "nl_groups");
        struct("IngressFilter", "iphdr", "IP_DADDR", "daddr");
        struct("IngressFilter", "ip6_hdr", "IP6_DST", "ip6_dst");
        struct("Rtnetlink", "ifinfomsg", "IFINFOMSG_BYTES", null, "IFI_FAMILY", "ifi_family");
        struct("Rtnetlink", "ifinfomsg", "IFI_INDEX", "ifi_index", "IFI_FLAGS", "ifi_flags");
        struct("Rtnetlink", "ifaddrmsg", "IFADDRMSG_BYTES", null, "IFA_PREFIXLEN", "ifa_prefixlen");
        struct("Rtnetlink", "ifaddrmsg", "IFA_INDEX", "ifa_index");
        struct("Rtnetlink", "rtmsg", "RTMSG_BYTES", null, "RTM_FAMILY", "rtm_family", "RTM_DST_LEN", "rtm_dst_len");
        struct("Rtnetlink", "rtmsg", "RTM_TABLE", "rtm_table", "RTM_TYPE", "rtm_type", "RTM_FLAGS", "rtm_flags");
        struct("Rtnetlink", "ndmsg", "NDMSG_BYTES", null);
        struct("Rtnetlink", "fib_rule_hdr", "FIB_RULE_HDR_BYTES", null, "FRH_DST_LEN", "dst_len");
        struct("Rtnetlink", "fib_rule_hdr", "FRH_SRC_LEN", "src_len", "FRH_TABLE", "table");
        struct("Rtnetlink", "rtnl_link_stats64", "STATS_RX_PACKETS", "rx_packets", "STATS_TX_PACKETS", "tx_packets");
        struct("Rtnetlink", "rtnl_link_stats64", "STATS_RX_BYTES", "rx_bytes", "STATS_TX_BYTES", "tx_bytes");
        struct("Rtnetlink", "rtnl_link_stats64", "STATS_RX_ERRORS", "rx_errors", "STATS_TX_ERRORS", "tx_errors");
        struct("Rtnetlink", "rtnl_link_stats64", "STATS_RX_DROPPED", "rx_dropped", "STATS_TX_DROPPED", "tx_dropped");
    }

    @TempDir
    Path directory;

    @Test
    void everyNumberIsWhatTheCompilerSays() throws Exception {
        assumeTrue(runs("gcc", "--version"), "gcc is not installed");
        Map<String, Long> ours = new LinkedHashMap<>();
        for (Class<?> type : CLASSES) {
            for (Field field : type.getDeclaredFields()) {
                boolean number = field.getType() == int.class || field.getType() == long.class;
                int modifiers = field.getModifiers();
                String name = type.getSimpleName() + "." + field.getName();
                boolean address = field.getName().endsWith("_ADDRESS") && field.getType() == long.class;
                if (number
                        && Modifier.isStatic(modifiers)
                        && Modifier.isFinal(modifiers)
                        && !OWN.contains(name)
                        && !address) {
                    field.setAccessible(true);
                    ours.put(name, field.getType() == int.class ? (long) field.getInt(null) : field.getLong(null));
                }
            }
        }
        assertThat(ours.keySet())
                .containsAll(EXPRESSIONS.keySet())
                .containsAll(NEWER)
                .hasSizeGreaterThan(150);

        Map<String, Long> theirs = compiled(ours.keySet());

        Map<String, Long> wrong = new TreeMap<>();
        ours.forEach((name, value) -> {
            Long expected = theirs.get(name);
            if (expected == null ? !NEWER.contains(name) : expected.intValue() != value.intValue()) {
                wrong.put(name + " should be " + expected, value);
            }
        });
        assertThat(wrong).isEmpty();
    }

    @Test
    void describesAnErrnoByNameAndMeaning() {
        assertThat(Errno.describe(Errno.EPERM)).isEqualTo("EPERM (operation not permitted)");
        assertThat(Errno.describe(4000)).isEqualTo("errno 4000");
    }

    @Test
    void everyErrnoHasItsOwnNameInWords() throws Exception {
        for (Field field : Errno.class.getDeclaredFields()) {
            assertThat(Errno.describe(field.getInt(null))).startsWith(field.getName() + " (");
        }
    }

    private Map<String, Long> compiled(Set<String> names) throws Exception {
        List<String> lines = new ArrayList<>();
        for (String name : names) {
            String symbol = name.substring(name.indexOf('.') + 1);
            if (EXPRESSIONS.containsKey(name)) {
                lines.add(line(name, EXPRESSIONS.get(name)));
            } else if (NEWER.contains(name)) {
                lines.add("#ifdef " + symbol);
                lines.add(line(name, symbol));
                lines.add("#endif");
            } else {
                lines.add(line(name, symbol));
            }
        }
        return compile(lines);
    }

    private Map<String, Long> compile(List<String> lines) throws Exception {
        String headers = """
                #define _GNU_SOURCE
                #include <errno.h>
                #include <fcntl.h>
                #include <netinet/ip6.h>
                #include <poll.h>
                #include <sched.h>
                #include <stddef.h>
                #include <stdio.h>
                #include <sys/epoll.h>
                #include <sys/eventfd.h>
                #include <sys/mman.h>
                #include <sys/mount.h>
                #include <sys/socket.h>
                #include <sys/uio.h>
                #include <linux/fib_rules.h>
                #include <linux/filter.h>
                #include <linux/if.h>
                #include <linux/if_addr.h>
                #include <linux/if_ether.h>
                #include <linux/if_link.h>
                #include <linux/if_packet.h>
                #include <linux/if_tun.h>
                #include <linux/neighbour.h>
                #include <linux/ip.h>
                #include <linux/netfilter.h>
                #include <linux/netfilter/nf_tables.h>
                #include <linux/netfilter/nfnetlink.h>
                #include <linux/netlink.h>
                #include <linux/rtnetlink.h>
                #include <linux/veth.h>
                #include <linux/virtio_net.h>
                """;
        Path source = directory.resolve("layout.c");
        Path program = directory.resolve("layout");
        Files.writeString(source, headers + "int main(void) {\n" + String.join("\n", lines) + "\nreturn 0;\n}\n");
        Process gcc = new ProcessBuilder("gcc", "-w", "-o", program.toString(), source.toString())
                .redirectErrorStream(true)
                .start();
        String messages = new String(gcc.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(gcc.waitFor()).as(messages).isZero();
        Process run = new ProcessBuilder(program.toString()).start();
        Map<String, Long> values = new TreeMap<>();
        new String(run.getInputStream().readAllBytes(), StandardCharsets.UTF_8)
                .lines()
                .forEach(output -> {
                    int blank = output.indexOf(' ');
                    values.put(output.substring(0, blank), Long.parseLong(output.substring(blank + 1)));
                });
        assertThat(run.waitFor()).isZero();
        return values;
    }

    private static String line(String name, String expression) {
        return "printf(\"%s %lld\\n\", \"" + name + "\", (long long) (" + expression + "));";
    }

    /** Notes what a class calls a structure's size (null) and members. */
    private static void struct(String owner, String struct, String... namesAndMembers) {
        for (int i = 0; i < namesAndMembers.length; i += 2) {
            String member = namesAndMembers[i + 1];
            String expression = member == null
                    ? "sizeof(struct " + struct + ")"
                    : "offsetof(struct " + struct + ", " + member + ")";
            EXPRESSIONS.put(owner + "." + namesAndMembers[i], expression);
        }
    }

    private static boolean runs(String... command) throws InterruptedException {
        try {
            Process process = new ProcessBuilder(command)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            return process.waitFor(20, TimeUnit.SECONDS) && process.exitValue() == 0;
        } catch (IOException e) {
            return false;
        }
    }
}
