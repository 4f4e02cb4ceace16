// SPDX-License-Identifier: Apache-2.0
//
// UDP traffic and its count.
//
//   udpgen send ADDRESS BYTES SECONDS   as many packets as go, 64 in a system call; prints how many
//   udpgen spread NETWORK/LENGTH BYTES SECONDS
//                                       the same, to 65536 addresses of an IPv4 network in turn, the same in every run
//   udpgen receive SECONDS              counts, until nothing came for 200 ms or the time is over; prints packets, and the
//                                       seconds from the first to the last
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PORT = 9999, BATCH = 64, MOST_BYTES = 2048, QUIET_MICROS = 200000,
       DESTINATIONS = 1 << 16 };

static char buffers[BATCH][MOST_BYTES];
static struct iovec pieces[BATCH];
static struct mmsghdr messages[BATCH];

static long long nanos(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static double now(void) {
    return nanos() * 1e-9;
}

static int fail(const char *what) {
    perror(what);
    return 1;
}

static void prepare(int bytes) {
    for (int i = 0; i < BATCH; i++) {
        pieces[i].iov_base = buffers[i];
        pieces[i].iov_len = bytes;
        messages[i].msg_hdr.msg_iov = pieces + i;
        messages[i].msg_hdr.msg_iovlen = 1;
    }
}

static struct sockaddr_in6 destination(const char *text) {
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons(PORT)};
    if (inet_pton(AF_INET6, text, &address.sin6_addr) == 1) return address;
    struct sockaddr_in *ip4 = (struct sockaddr_in *)&address;
    memset(&address, 0, sizeof address);
    ip4->sin_family = AF_INET;
    ip4->sin_port = htons(PORT);
    if (inet_pton(AF_INET, text, &ip4->sin_addr) != 1) {
        fprintf(stderr, "%s is no address\n", text);
        exit(2);
    }
    return address;
}

static int send_all(const char *text, int bytes, double seconds) {
    struct sockaddr_in6 address = destination(text);
    int fd = socket(address.sin6_family, SOCK_DGRAM, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof address)) return fail("connect");
    prepare(bytes);
    long packets = 0;
    for (double end = now() + seconds; now() < end;) {
        int sent = sendmmsg(fd, messages, BATCH, 0);
        if (sent > 0) packets += sent;
    }
    printf("%ld\n", packets);
    return 0;
}

// Neighbors in the list are far apart in the network, so that who looks them up meets no table entry twice in a row.
static int spread_all(char *network, int bytes, double seconds) {
    static struct sockaddr_in addresses[DESTINATIONS];
    char *slash = strchr(network, '/');
    int length = slash ? atoi(slash + 1) : 0;
    if (length < 1 || length > 16) {
        fprintf(stderr, "%s is no IPv4 network with a length of 1 to 16\n", network);
        return 2;
    }
    *slash = 0;
    struct sockaddr_in6 base = destination(network);
    if (base.sin6_family != AF_INET) {
        fprintf(stderr, "%s is no IPv4 address\n", network);
        return 2;
    }
    unsigned first = ntohl(((struct sockaddr_in *)&base)->sin_addr.s_addr), state = 1;
    for (int i = 0; i < DESTINATIONS; i++) {
        state = state * 1664525 + 1013904223; // the upper bits are the better ones
        addresses[i].sin_family = AF_INET;
        addresses[i].sin_port = htons(PORT);
        addresses[i].sin_addr.s_addr = htonl(first | state >> length);
    }
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    prepare(bytes);
    long packets = 0;
    int next = 0;
    for (double end = now() + seconds; now() < end;) {
        for (int i = 0; i < BATCH; i++) {
            messages[i].msg_hdr.msg_name = addresses + (next + i) % DESTINATIONS;
            messages[i].msg_hdr.msg_namelen = sizeof *addresses;
        }
        int sent = sendmmsg(fd, messages, BATCH, 0);
        if (sent > 0) {
            packets += sent;
            next = (next + sent) % DESTINATIONS;
        }
    }
    printf("%ld\n", packets);
    return 0;
}

// Takes IPv4 too.
static int listening(void) {
    int fd = socket(AF_INET6, SOCK_DGRAM, 0), buffer = 64 << 20, off = 0;
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
    struct timeval patience = {0, QUIET_MICROS};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons(PORT)};
    if (bind(fd, (struct sockaddr *)&any, sizeof any)) exit(fail("bind"));
    return fd;
}

static int receive_all(double seconds) {
    int fd = listening();
    prepare(MOST_BYTES);
    long packets = 0;
    double first = 0, last = 0;
    puts("ready");
    fflush(stdout);
    for (double end = now() + seconds; now() < end;) {
        int received = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, 0);
        if (received > 0) {
            packets += received;
            last = now();
            if (!first) first = last;
        } else if (packets) {
            break;
        }
    }
    printf("%ld %.6f\n", packets, last - first);
    return 0;
}

int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "";
    if (!strcmp(what, "send") && argc == 5) return send_all(argv[2], atoi(argv[3]), atof(argv[4]));
    if (!strcmp(what, "spread") && argc == 5) return spread_all(argv[2], atoi(argv[3]), atof(argv[4]));
    if (!strcmp(what, "receive") && argc == 3) return receive_all(atof(argv[2]));
    fprintf(stderr,
            "usage: %s send ADDRESS BYTES SECONDS | spread NETWORK/LENGTH BYTES SECONDS | receive SECONDS\n",
            argv[0]);
    return 2;
}
