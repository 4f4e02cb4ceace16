// SPDX-License-Identifier: Apache-2.0
//
// The bare forwarder between two devices of any kind: one read, one write for each packet. What it reaches is what system
// calls and copies allow to a program that takes packets one by one.
#include "yardstick.h"

// Makes room for, or takes away, the Ethernet header between the virtio header and the packet. Returns where the virtio
// header is now.
static unsigned char *change_l2(unsigned char *start, int bytes) {
    unsigned char *moved = start - bytes;
    memmove(moved, start, VNET);
    struct vnet_header *header = (struct vnet_header *)moved;
    if (header->header_bytes) header->header_bytes += bytes;
    if (header->flags) header->checksum_start += bytes;
    return moved;
}

static void carry(const struct end *in, const struct end *out) {
    static __thread unsigned char buffer[ETHERNET + MOST_BYTES] __attribute__((aligned(16)));
    unsigned char *start = buffer + ETHERNET;
    struct pollfd readable = {in->fd, POLLIN, 0};
    for (;;) {
        ssize_t bytes = read(in->fd, start, MOST_BYTES);
        if (bytes < 0) {
            if (errno != EAGAIN) fail("read");
            poll(&readable, 1, -1);
            continue;
        }
        if (in->l2 && !is_ip(start + VNET)) continue;
        age(start + VNET + in->l2);
        unsigned char *first = start;
        if (in->l2 != out->l2) {
            first = change_l2(start, out->l2 - in->l2);
            bytes += out->l2 - in->l2;
            if (out->l2) {
                int six = first[VNET + ETHERNET] >> 4 == 6;
                first[VNET + 12] = six ? 0x86 : 0x08;
                first[VNET + 13] = six ? 0xdd : 0x00;
            }
        }
        if (out->l2) rewrite_macs(first + VNET, out);
        // A full device loses the packet, as a router would.
        if (write(out->fd, first, bytes) < 0 && errno != EAGAIN && errno != ENOBUFS) {
            static int told;
            if (!told++) perror("write");
        }
    }
}
