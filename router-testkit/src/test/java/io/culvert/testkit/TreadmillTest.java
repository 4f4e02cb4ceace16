// SPDX-License-Identifier: Apache-2.0
package io.culvert.testkit;

import static io.culvert.testkit.PacketCheck.assertPacket;
import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.telemetry.LaneLedger;
import io.culvert.testkit.Treadmill.Traffic;
import org.junit.jupiter.api.Test;

final class TreadmillTest {
    @Test
    void forwardsIp4() {
        assertPacket(lastOf(Traffic.TUN4, 100))
                .ip4()
                .from("10.0.0.2")
                .to("10.9.0.36")
                .ttl(63)
                .udp(1035, 2000);
    }

    @Test
    void forwardsIp6() {
        assertPacket(lastOf(Traffic.TUN6, 100))
                .ip6()
                .from("fd00::2")
                .to("fd00:9::24")
                .hopLimit(63)
                .udp(1035, 2000);
    }

    @Test
    void forwardsIp4InEthernet() {
        assertPacket(lastOf(Traffic.ETHERNET4, 100))
                .ethernet("02:00:00:00:00:01", "02:aa:00:00:00:02")
                .ip4()
                .to("10.9.0.36")
                .ttl(63);
    }

    @Test
    void forwardsIp6InEthernet() {
        assertPacket(lastOf(Traffic.ETHERNET6, 100))
                .ethernet("02:00:00:00:00:01", "02:aa:00:00:00:02")
                .ip6()
                .to("fd00:9::24")
                .hopLimit(63);
    }

    private static byte[] lastOf(Traffic traffic, int packets) {
        Treadmill treadmill = Treadmill.start(traffic);
        byte[] last;
        try (treadmill) {
            treadmill.forward(packets - 1);
            treadmill.forward(1);
            last = treadmill.lastSent();
        }
        assertThat(treadmill.ledger().get(LaneLedger.Entry.TRANSMITTED)).isEqualTo(packets);
        assertThat(treadmill.ledger().inFlight()).isZero();
        return last;
    }
}
