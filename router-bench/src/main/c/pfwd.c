// SPDX-License-Identifier: Apache-2.0
//
// The bare forwarder between two packet sockets: one recv, one send for each packet.
#include "yardstick.h"

static void carry(const struct end *in, const struct end *out) {
    static __thread unsigned char buffer[MOST_BYTES];
    unsigned char *frame = buffer + VNET;
    struct pollfd readable = {in->fd, POLLIN, 0};
    for (;;) {
        ssize_t bytes = recv(in->fd, buffer, sizeof buffer, 0);
        if (bytes < 0) {
            if (errno != EAGAIN) fail("recv");
            poll(&readable, 1, -1);
            continue;
        }
        if (!is_ip(frame)) continue;
        rewrite_macs(frame, out);
        age(frame + ETHERNET);
        if (send(out->fd, buffer, bytes, 0) < 0 && errno != EAGAIN && errno != ENOBUFS) {
            static int told;
            if (!told++) perror("send");
        }
    }
}
