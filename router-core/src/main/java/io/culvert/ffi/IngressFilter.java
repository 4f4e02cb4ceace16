// SPDX-License-Identifier: Apache-2.0
package io.culvert.ffi;

import static io.culvert.ffi.NetlinkMessage.NLM_F_CREATE;

import java.io.Closeable;
import java.io.IOException;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * Keeps packets that arrive at network devices from the kernel's own protocols, while packet sockets still receive them:
 * what a driver in user space does to a device, for a part of the traffic.
 *
 * <p>It is an nf_tables table of the family {@code netdev}, whose ingress hook the kernel runs after packet sockets have
 * had their copy. The table is owned by this instance's netlink socket (NFT_TABLE_F_OWNER, Linux 5.12): nobody else can
 * change it, and the kernel removes it when the process ends, however that comes about. {@code nft list ruleset} shows it.
 *
 * <p>It is about the network namespace of the thread that opened it. One thread at a time. Source: {@code
 * linux/netfilter/nf_tables.h}, {@code linux/netfilter/nfnetlink.h}.
 */
public final class IngressFilter implements Closeable {
    static final int NLM_F_APPEND = 0x800;
    static final int NFNL_MSG_BATCH_BEGIN = 0x10;
    static final int NFNL_MSG_BATCH_END = 0x11;
    static final int NFNL_SUBSYS_NFTABLES = 10;
    static final int NFPROTO_NETDEV = 5;
    static final int NF_NETDEV_INGRESS = 0;
    static final int NF_DROP = 0;
    static final int NF_ACCEPT = 1;
    static final int NFT_MSG_NEWTABLE = 0;
    static final int NFT_MSG_DELTABLE = 2;
    static final int NFT_MSG_NEWCHAIN = 3;
    static final int NFT_MSG_NEWRULE = 6;
    static final int NFTA_TABLE_NAME = 1;
    static final int NFTA_TABLE_FLAGS = 2;
    static final int NFT_TABLE_F_OWNER = 0x2;
    static final int NFTA_CHAIN_TABLE = 1;
    static final int NFTA_CHAIN_NAME = 3;
    static final int NFTA_CHAIN_HOOK = 4;
    static final int NFTA_CHAIN_POLICY = 5;
    static final int NFTA_CHAIN_TYPE = 7;
    static final int NFTA_HOOK_HOOKNUM = 1;
    static final int NFTA_HOOK_PRIORITY = 2;
    static final int NFTA_HOOK_DEV = 3;
    static final int NFTA_RULE_TABLE = 1;
    static final int NFTA_RULE_CHAIN = 2;
    static final int NFTA_RULE_EXPRESSIONS = 4;
    static final int NFTA_LIST_ELEM = 1;
    static final int NFTA_EXPR_NAME = 1;
    static final int NFTA_EXPR_DATA = 2;
    static final int NFTA_META_DREG = 1;
    static final int NFTA_META_KEY = 2;
    static final int NFT_META_PROTOCOL = 1;
    static final int NFTA_PAYLOAD_DREG = 1;
    static final int NFTA_PAYLOAD_BASE = 2;
    static final int NFTA_PAYLOAD_OFFSET = 3;
    static final int NFTA_PAYLOAD_LEN = 4;
    static final int NFT_PAYLOAD_NETWORK_HEADER = 1;
    static final int NFTA_CMP_SREG = 1;
    static final int NFTA_CMP_OP = 2;
    static final int NFTA_CMP_DATA = 3;
    static final int NFT_CMP_EQ = 0;
    static final int NFTA_DATA_VALUE = 1;
    static final int NFTA_DATA_VERDICT = 2;
    static final int NFTA_VERDICT_CODE = 1;
    static final int NFTA_IMMEDIATE_DREG = 1;
    static final int NFTA_IMMEDIATE_DATA = 2;
    static final int NFT_REG_VERDICT = 0;
    static final int NFT_REG_1 = 1;

    static final int ETH_P_IP = 0x0800;
    static final int ETH_P_ARP = 0x0806;
    static final int ETH_P_IPV6 = 0x86dd;
    static final int IP_DADDR = 16;
    static final int IP6_DST = 24;

    /** Where ARP for IPv4 over Ethernet has the address that it asks for (RFC 826). */
    static final int ARP_TARGET = 24;

    /**
     * Packets of one EtherType, all of them or those that carry a value at an offset from the start of the network header.
     */
    public static final class Match {
        private final int etherType;
        private final int offset;
        private final byte[] value;

        private Match(int etherType, int offset, byte[] value) {
            this.etherType = etherType;
            this.offset = offset;
            this.value = value;
        }

        /** All IPv4, ARP and IPv6 packets. */
        public static List<Match> internetProtocols() {
            List<Match> all = new ArrayList<>();
            for (int etherType : new int[] {ETH_P_IP, ETH_P_ARP, ETH_P_IPV6}) {
                all.add(new Match(etherType, 0, new byte[0]));
            }
            return all;
        }

        /** Packets to an address, and ARP that asks for it. */
        public static List<Match> destination(InetAddress address) {
            byte[] value = address.getAddress();
            return address instanceof Inet4Address
                    ? List.of(new Match(ETH_P_IP, IP_DADDR, value), new Match(ETH_P_ARP, ARP_TARGET, value))
                    : List.of(new Match(ETH_P_IPV6, IP6_DST, value));
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof Match match
                    && etherType == match.etherType
                    && offset == match.offset
                    && Arrays.equals(value, match.value);
        }

        @Override
        public int hashCode() {
            return 31 * (31 * etherType + offset) + Arrays.hashCode(value);
        }
    }

    private final NetlinkSocket socket;
    private final String table;

    private IngressFilter(NetlinkSocket socket, String table) {
        this.socket = socket;
        this.table = table;
    }

    /**
     * Prepares a filter, which filters nothing yet.
     *
     * @param table a name that no other table of the namespace has
     */
    public static IngressFilter open(String table) throws NativeException {
        return new IngressFilter(NetlinkSocket.open(NetlinkSocket.NETLINK_NETFILTER, 0), table);
    }

    /**
     * Drops exactly this from now on, in one step.
     *
     * @param drops by device name
     * @throws NativeException if the kernel has no nf_tables or a device is not there; then all is as before. Needs
     *     CAP_NET_ADMIN
     */
    public void replace(Map<String, List<Match>> drops) throws NativeException {
        List<NetlinkMessage> batch = new ArrayList<>();
        batch.add(message(NFNL_MSG_BATCH_BEGIN, 0, 0, NFNL_SUBSYS_NFTABLES));
        // There must be a table so that it can be deleted.
        batch.add(newTable());
        batch.add(nftables(NFT_MSG_DELTABLE).attribute(NFTA_TABLE_NAME, table));
        batch.add(newTable());
        drops.forEach((device, matches) -> {
            batch.add(newChain(device));
            matches.forEach(match -> batch.add(newRule(device, match)));
        });
        batch.add(message(NFNL_MSG_BATCH_END, 0, 0, NFNL_SUBSYS_NFTABLES));
        socket.transaction(batch, "NFT_MSG_NEWRULE", "filter what arrives at " + String.join(", ", drops.keySet()));
    }

    /** Filters no longer. */
    @Override
    public void close() throws IOException {
        socket.close();
    }

    private NetlinkMessage newTable() {
        return nftables(NFT_MSG_NEWTABLE)
                .attribute(NFTA_TABLE_NAME, table)
                .attribute(NFTA_TABLE_FLAGS, bigEndian(NFT_TABLE_F_OWNER));
    }

    private NetlinkMessage newChain(String device) {
        NetlinkMessage chain =
                nftables(NFT_MSG_NEWCHAIN).attribute(NFTA_CHAIN_TABLE, table).attribute(NFTA_CHAIN_NAME, device);
        int hook = chain.begin(NFTA_CHAIN_HOOK);
        chain.attribute(NFTA_HOOK_HOOKNUM, bigEndian(NF_NETDEV_INGRESS))
                .attribute(NFTA_HOOK_PRIORITY, bigEndian(0))
                .attribute(NFTA_HOOK_DEV, device)
                .end(hook);
        return chain.attribute(NFTA_CHAIN_POLICY, bigEndian(NF_ACCEPT)).attribute(NFTA_CHAIN_TYPE, "filter");
    }

    private NetlinkMessage newRule(String device, Match match) {
        NetlinkMessage rule =
                nftables(NFT_MSG_NEWRULE).attribute(NFTA_RULE_TABLE, table).attribute(NFTA_RULE_CHAIN, device);
        int expressions = rule.begin(NFTA_RULE_EXPRESSIONS);
        expression(
                rule,
                "meta",
                () -> rule.attribute(NFTA_META_KEY, bigEndian(NFT_META_PROTOCOL))
                        .attribute(NFTA_META_DREG, bigEndian(NFT_REG_1)));
        compare(rule, new byte[] {(byte) (match.etherType >>> 8), (byte) match.etherType});
        if (match.value.length > 0) {
            expression(
                    rule,
                    "payload",
                    () -> rule.attribute(NFTA_PAYLOAD_DREG, bigEndian(NFT_REG_1))
                            .attribute(NFTA_PAYLOAD_BASE, bigEndian(NFT_PAYLOAD_NETWORK_HEADER))
                            .attribute(NFTA_PAYLOAD_OFFSET, bigEndian(match.offset))
                            .attribute(NFTA_PAYLOAD_LEN, bigEndian(match.value.length)));
            compare(rule, match.value);
        }
        expression(rule, "immediate", () -> {
            rule.attribute(NFTA_IMMEDIATE_DREG, bigEndian(NFT_REG_VERDICT));
            int data = rule.begin(NFTA_IMMEDIATE_DATA);
            int verdict = rule.begin(NFTA_DATA_VERDICT);
            rule.attribute(NFTA_VERDICT_CODE, bigEndian(NF_DROP)).end(verdict).end(data);
        });
        return rule.end(expressions);
    }

    private static void compare(NetlinkMessage rule, byte[] value) {
        expression(rule, "cmp", () -> {
            rule.attribute(NFTA_CMP_SREG, bigEndian(NFT_REG_1)).attribute(NFTA_CMP_OP, bigEndian(NFT_CMP_EQ));
            int data = rule.begin(NFTA_CMP_DATA);
            rule.attribute(NFTA_DATA_VALUE, value).end(data);
        });
    }

    private static void expression(NetlinkMessage rule, String name, Runnable data) {
        int element = rule.begin(NFTA_LIST_ELEM);
        rule.attribute(NFTA_EXPR_NAME, name);
        int start = rule.begin(NFTA_EXPR_DATA);
        data.run();
        rule.end(start).end(element);
    }

    private static NetlinkMessage nftables(int type) {
        return message(NFNL_SUBSYS_NFTABLES << 8 | type, NLM_F_CREATE | NLM_F_APPEND, NFPROTO_NETDEV, 0);
    }

    /** With nfgenmsg: u8 family, u8 version, u16 resource in network order. */
    private static NetlinkMessage message(int type, int flags, int family, int resource) {
        return new NetlinkMessage(type, flags)
                .u8(family)
                .u8(0)
                .u8(resource >>> 8)
                .u8(resource);
    }

    /** Unlike the rest of netlink, nf_tables has its numbers in network order. */
    private static byte[] bigEndian(int value) {
        return ByteBuffer.allocate(Integer.BYTES).putInt(value).array();
    }
}
