// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.icmp;

import io.culvert.spi.StageSetup;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Numbers the IPv4 packets that the router originates and that may be fragmented on their way, so that all numbers come by
 * before one comes again (RFC 6864 section 4.3). Shared by all lanes.
 */
final class Identification {
    private final AtomicInteger next = new AtomicInteger();

    static Identification of(StageSetup setup) {
        return setup.shared(Identification.class, Identification::new);
    }

    int next() {
        return next.getAndIncrement() & 0xffff;
    }
}
