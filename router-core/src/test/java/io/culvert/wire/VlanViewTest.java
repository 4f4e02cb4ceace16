// SPDX-License-Identifier: Apache-2.0
package io.culvert.wire;

import static io.culvert.wire.Bytes.assertNothingWrittenOutside;
import static io.culvert.wire.Bytes.assertTruncationsRejected;
import static io.culvert.wire.Bytes.dirty;
import static io.culvert.wire.Bytes.hex;
import static io.culvert.wire.Bytes.packet;
import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.packet.PacketBuffer;
import org.junit.jupiter.api.Test;

final class VlanViewTest {
    /** MAC addresses, a service tag of VLAN 100, a customer tag of VLAN 4081 with priority 5 and DEI, then IPv4. */
    private static final String FRAME = "020000000002 020000000001 88a8 0064 8100 bff1 0800";

    private final EthernetView ethernet = new EthernetView();
    private final VlanView outer = new VlanView();
    private final VlanView inner = new VlanView();

    @Test
    void decodesLiteralBytes() {
        PacketBuffer frame = packet(FRAME);
        ethernet.wrap(frame, frame.start());
        outer.wrap(frame, ethernet.tagOffset());

        assertThat(EtherType.isVlan(ethernet.etherType())).isTrue();
        assertThat(outer.check()).isEqualTo(HeaderCheck.OK);
        assertThat(outer.tpid()).isEqualTo(EtherType.SERVICE_VLAN);
        assertThat(outer.priority()).isZero();
        assertThat(outer.dropEligible()).isFalse();
        assertThat(outer.vid()).isEqualTo(100);
        assertThat(EtherType.isVlan(outer.etherType())).isTrue();

        inner.wrap(frame, outer.nextTagOffset());
        assertThat(inner.check()).isEqualTo(HeaderCheck.OK);
        assertThat(inner.tpid()).isEqualTo(EtherType.VLAN);
        assertThat(inner.tci()).isEqualTo(0xbff1);
        assertThat(inner.priority()).isEqualTo(5);
        assertThat(inner.dropEligible()).isTrue();
        assertThat(inner.vid()).isEqualTo(0xff1);
        assertThat(inner.etherType()).isEqualTo(EtherType.IP4);
        assertThat(inner.payloadOffset()).isEqualTo(frame.end());
    }

    @Test
    void encodesIntoDirtyMemory() {
        PacketBuffer frame = dirty(4);
        outer.wrap(frame, frame.start()).encode(EtherType.VLAN, VlanView.tci(5, true, 0xff1));

        assertThat(hex(frame)).isEqualTo("8100bff1");
        assertNothingWrittenOutside(frame);
    }

    @Test
    void rejectsEveryTruncation() {
        PacketBuffer frame = packet("8100 0001 0800");
        assertTruncationsRejected(frame, () -> outer.wrap(frame, frame.start()).check());
    }

    @Test
    void roundTripsEveryTag() {
        PacketBuffer frame = dirty(6);
        outer.wrap(frame, frame.start());
        for (int tci = 0; tci <= 0xffff; tci++) {
            outer.encode(EtherType.SERVICE_VLAN, tci);
            assertThat(VlanView.tci(outer.priority(), outer.dropEligible(), outer.vid()))
                    .isEqualTo(tci);
        }
        assertThat(outer.tpid()).isEqualTo(EtherType.SERVICE_VLAN);
    }
}
