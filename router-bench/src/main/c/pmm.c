// SPDX-License-Identifier: Apache-2.0
//
// The bare forwarder between two packet sockets that takes and gives many packets with one system call: recvmmsg and
// sendmmsg.
#include "yardstick.h"

enum { BATCH = 64 };

static void carry(const struct end *in, const struct end *out) {
    unsigned char *buffers = malloc(BATCH * MOST_BYTES);
    static __thread struct mmsghdr messages[BATCH];
    static __thread struct iovec pieces[BATCH];
    memset(messages, 0, sizeof messages);
    for (int i = 0; i < BATCH; i++) {
        pieces[i].iov_base = buffers + i * MOST_BYTES;
        messages[i].msg_hdr.msg_iov = pieces + i;
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    struct pollfd readable = {in->fd, POLLIN, 0};
    for (;;) {
        for (int i = 0; i < BATCH; i++) pieces[i].iov_len = MOST_BYTES;
        int received = recvmmsg(in->fd, messages, BATCH, 0, 0);
        if (received < 0) {
            poll(&readable, 1, -1);
            continue;
        }
        for (int i = 0; i < received; i++) {
            unsigned char *frame = buffers + i * MOST_BYTES + VNET;
            pieces[i].iov_len = messages[i].msg_len;
            if (!is_ip(frame)) continue;
            rewrite_macs(frame, out);
            age(frame + ETHERNET);
        }
        for (int sent = 0; sent < received;) {
            int taken = sendmmsg(out->fd, messages + sent, received - sent, 0);
            if (taken > 0) {
                sent += taken;
                continue;
            }
            if (errno != EAGAIN && errno != ENOBUFS) {
                static int told;
                if (!told++) perror("sendmmsg");
            }
            sent++; // the one that was refused
        }
    }
}
