// SPDX-License-Identifier: Apache-2.0
//
// What the yardsticks share: they open two devices and carry packets from each to the other, with nothing of a router but
// the step of the TTL. An end is named on the command line as
//
//   tun,DEVICE                a tun device, made here
//   tap,DEVICE,OWN,PEER       a tap device, made here; frames leave it from the MAC address OWN to the MAC address PEER
//   packet,DEVICE,OWN,PEER    a packet socket on a device that exists
//
// Each end has virtio headers of 10 bytes (struct virtio_net_hdr), and takes superpackets and unfilled checksums.
#ifndef CULVERT_YARDSTICK_H
#define CULVERT_YARDSTICK_H

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

// Newer than the headers of Debian 12: TUN_F_USO4 | TUN_F_USO6 of linux/if_tun.h (Linux 6.2).
#define OFFLOAD_USO 0x60

enum {
    VNET = 10,         // bytes of the virtio header
    ETHERNET = 14,     // bytes of the Ethernet header
    MOST_BYTES = 70000 // the largest superpacket with its headers, and some
};

// The virtio header, struct virtio_net_hdr of linux/virtio_net.h.
struct vnet_header {
    unsigned char flags;
    unsigned char gso_type;
    unsigned short header_bytes;
    unsigned short gso_size;
    unsigned short checksum_start;
    unsigned short checksum_offset;
};

struct end {
    int fd;
    int l2; // bytes before the IP header: ETHERNET or none
    unsigned char own[6], peer[6];
};

struct direction {
    struct end *in, *out;
};

__attribute__((noreturn)) static void fail(const char *what) {
    perror(what);
    exit(1);
}

static int open_tun(const char *device, int kind) {
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
    if (fd < 0) fail("/dev/net/tun");
    struct ifreq request;
    memset(&request, 0, sizeof request);
    request.ifr_flags = kind | IFF_NO_PI | IFF_VNET_HDR;
    snprintf(request.ifr_name, IFNAMSIZ, "%s", device);
    if (ioctl(fd, TUNSETIFF, &request)) fail("TUNSETIFF");
    int bytes = VNET;
    ioctl(fd, TUNSETVNETHDRSZ, &bytes);
    if (ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | OFFLOAD_USO)) fail("TUNSETOFFLOAD");
    return fd;
}

static int open_packet(const char *device) {
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, htons(ETH_P_ALL));
    if (fd < 0) fail("packet socket");
    int on = 1, buffer = 32 << 20;
    if (setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof on)) fail("PACKET_VNET_HDR");
    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on);
    setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof buffer);
    struct sockaddr_ll address = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = if_nametoindex(device)};
    if (bind(fd, (struct sockaddr *)&address, sizeof address)) fail(device);
    return fd;
}

static void parse_mac(const char *text, unsigned char *mac) {
    if (!text || sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", mac, mac + 1, mac + 2, mac + 3, mac + 4, mac + 5) != 6) {
        fprintf(stderr, "%s is no MAC address\n", text ? text : "nothing");
        exit(2);
    }
}

static struct end open_end(char *words) {
    struct end end;
    memset(&end, 0, sizeof end);
    const char *kind = strtok(words, ","), *device = strtok(0, ",");
    if (!kind || !device) {
        fprintf(stderr, "expected tun,DEVICE or tap,DEVICE,OWN,PEER or packet,DEVICE,OWN,PEER\n");
        exit(2);
    }
    if (strcmp(kind, "tun")) {
        end.l2 = ETHERNET;
        parse_mac(strtok(0, ","), end.own);
        parse_mac(strtok(0, ","), end.peer);
    }
    end.fd = !strcmp(kind, "packet") ? open_packet(device) : open_tun(device, end.l2 ? IFF_TAP : IFF_TUN);
    return end;
}

// Whether an Ethernet frame holds IPv4 or IPv6.
static inline int is_ip(const unsigned char *frame) {
    return (frame[12] == 0x08 && frame[13] == 0x00) || (frame[12] == 0x86 && frame[13] == 0xdd);
}

static inline void rewrite_macs(unsigned char *frame, const struct end *out) {
    memcpy(frame, out->peer, 6);
    memcpy(frame + 6, out->own, 6);
}

static inline unsigned folded(unsigned sum) {
    sum = (sum & 0xffff) + (sum >> 16);
    return (sum & 0xffff) + (sum >> 16);
}

// Takes one off the TTL and repairs the checksum (RFC 1624), or one off the hop limit.
static inline void age(unsigned char *ip) {
    if (ip[0] >> 4 == 4) {
        ip[8]--;
        unsigned checksum = folded((ip[10] << 8 | ip[11]) + 0x100);
        ip[10] = checksum >> 8;
        ip[11] = checksum;
    } else {
        ip[7]--;
    }
}

// Carries packets one way, for ever. Each yardstick has its own.
static void carry(const struct end *in, const struct end *out);

static void *carry_in_thread(void *argument) {
    struct direction *direction = argument;
    carry(direction->in, direction->out);
    return 0;
}

// Opens both ends and carries packets both ways, each way in a thread of its own, until the process is ended.
int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: %s END END\n", argv[0]);
        return 2;
    }
    struct end a = open_end(argv[1]), b = open_end(argv[2]);
    struct direction there = {&a, &b};
    pthread_t thread;
    if (pthread_create(&thread, 0, carry_in_thread, &there)) fail("pthread_create");
    carry(&b, &a);
    return 1;
}

#endif
