// SPDX-License-Identifier: Apache-2.0
package io.culvert.iface;

/** The ways into the kernel that take offloads, each with code of its own there. */
enum OffloadKind {
    TUN("tun devices"),
    TAP("tap devices"),
    PACKET("packet sockets");

    private final String text;

    OffloadKind(String text) {
        this.text = text;
    }

    String text() {
        return text;
    }
}
