// SPDX-License-Identifier: Apache-2.0
//
// The coalescing forwarder between two tuns: reads up to 64 packets, then writes neighboring UDP packets of one flow and
// one size as a single superpacket, which the kernel cuts again (USO). What it reaches is what merging can win. IPv4; the
// packets of IPv6 are written one by one.
#include "yardstick.h"

enum {
    BATCH = 64,
    MOST_PAYLOAD = 65000,
    IP4 = 20,                 // bytes of an IPv4 header without options
    IP4_UDP = IP4 + 8,        // and of a UDP header
    GSO_UDP_L4 = 5,           // VIRTIO_NET_HDR_GSO_UDP_L4 of linux/virtio_net.h
    NEEDS_CHECKSUM = 1,       // VIRTIO_NET_HDR_F_NEEDS_CSUM
    UDP_CHECKSUM_OFFSET = 6
};

static unsigned sum_of(const unsigned char *bytes, int from, int to) {
    unsigned sum = 0;
    for (int i = from; i < to; i += 2) sum += bytes[i] << 8 | bytes[i + 1];
    return sum;
}

static void put16(unsigned char *at, unsigned value) {
    at[0] = value >> 8;
    at[1] = value;
}

static int is_plain_udp(const unsigned char *ip) {
    return ip[0] == 0x45 && ip[9] == IPPROTO_UDP;
}

// Turns the headers of the first of several packets into those of the superpacket of all.
static void merge_headers(unsigned char *first, int ip_bytes, int payload_bytes) {
    struct vnet_header *header = (struct vnet_header *)first;
    unsigned char *ip = first + VNET;
    int udp_bytes = ip_bytes - IP4;
    header->flags = NEEDS_CHECKSUM;
    header->gso_type = GSO_UDP_L4;
    header->header_bytes = IP4_UDP;
    header->gso_size = payload_bytes;
    header->checksum_start = IP4;
    header->checksum_offset = UDP_CHECKSUM_OFFSET;
    put16(ip + 2, ip_bytes);
    put16(ip + 10, 0);
    put16(ip + 10, ~folded(sum_of(ip, 0, IP4)));
    put16(ip + IP4 + 4, udp_bytes);
    // The sum of the pseudo header: the kernel adds the rest to each piece.
    put16(ip + IP4 + UDP_CHECKSUM_OFFSET, folded(IPPROTO_UDP + udp_bytes + sum_of(ip, 12, IP4)));
}

static void carry(const struct end *in, const struct end *out) {
    unsigned char *buffers = malloc(BATCH * MOST_BYTES);
    int bytes[BATCH];
    struct pollfd readable = {in->fd, POLLIN, 0};
    for (;;) {
        int received = 0;
        while (received < BATCH) {
            ssize_t read_bytes = read(in->fd, buffers + received * MOST_BYTES, MOST_BYTES);
            if (read_bytes < 0) break;
            bytes[received++] = read_bytes;
        }
        if (!received) {
            poll(&readable, 1, -1);
            continue;
        }
        for (int i = 0; i < received;) {
            unsigned char *first = buffers + i * MOST_BYTES, *ip = first + VNET;
            age(ip);
            int next = i + 1;
            if (is_plain_udp(ip) && ((struct vnet_header *)first)->gso_type == 0) {
                int payload_bytes = bytes[i] - VNET - IP4_UDP, ip_bytes = bytes[i] - VNET;
                struct iovec pieces[BATCH];
                pieces[0].iov_base = first;
                pieces[0].iov_len = bytes[i];
                while (next < received && bytes[next] == bytes[i] && ip_bytes + payload_bytes < MOST_PAYLOAD) {
                    unsigned char *other = buffers + next * MOST_BYTES + VNET;
                    // Addresses and ports lie side by side.
                    if (!is_plain_udp(other) || memcmp(other + 12, ip + 12, 12)) break;
                    pieces[next - i].iov_base = other + IP4_UDP;
                    pieces[next - i].iov_len = payload_bytes;
                    ip_bytes += payload_bytes;
                    next++;
                }
                if (next - i > 1) {
                    merge_headers(first, ip_bytes, payload_bytes);
                    if (writev(out->fd, pieces, next - i) < 0) {
                        static int told;
                        if (!told++) perror("writev");
                    }
                    i = next;
                    continue;
                }
            }
            if (write(out->fd, first, bytes[i]) < 0 && errno != EAGAIN) {
                static int told;
                if (!told++) perror("write");
            }
            i = next;
        }
    }
}
