// SPDX-License-Identifier: Apache-2.0
package io.culvert.ffi;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HexFormat;
import java.util.Map;
import org.junit.jupiter.api.Test;

class NetlinkMessageTest {
    @Test
    void buildsPaddedAndNestedAttributes() {
        NetlinkMessage message = new NetlinkMessage(0x10, 0x604).u32(0).attribute(3, "veth0");
        int outer = message.begin(18);
        message.attribute(1, "veth");
        int inner = message.begin(2);
        message.attribute(4, 1500).end(inner).end(outer);

        ByteBuffer request = message.finish(7);

        String expected = "3c000000" + "1000" + "0506" + "07000000" + "00000000" // header
                + "00000000" // family's own
                + "0a000300" + "766574683000" + "0000" // name, padded
                + "1c001200" // outer
                + "09000100" + "7665746800" + "000000" // kind, padded
                + "0c000200" + "08000400" + "dc050000"; // inner with MTU
        byte[] bytes = new byte[request.limit()];
        request.get(0, bytes);
        assertThat(HexFormat.of().formatHex(bytes)).isEqualTo(expected);
    }

    @Test
    void readsWhatItBuilt() {
        NetlinkMessage message = new NetlinkMessage(0x10, 0);
        int outer = message.begin(18);
        message.attribute(1, "tun").end(outer).attribute(4, 9000);

        Map<Integer, ByteBuffer> attributes = NetlinkMessage.attributes(message.finish(1), 16);

        assertThat(attributes).containsOnlyKeys(18, 4);
        assertThat(attributes.get(4).getInt(0)).isEqualTo(9000);
        Map<Integer, ByteBuffer> nested = NetlinkMessage.attributes(attributes.get(18), 0);
        assertThat(NetlinkMessage.text(nested.get(1))).isEqualTo("tun");
    }

    @Test
    void stopsAtAnAttributeThatIsCutOrTooShort() {
        ByteBuffer cut = ByteBuffer.wrap(HexFormat.of().parseHex("080004000100000008000500"))
                .order(ByteOrder.LITTLE_ENDIAN);
        assertThat(NetlinkMessage.attributes(cut, 0)).containsOnlyKeys(4);
        ByteBuffer endless =
                ByteBuffer.wrap(HexFormat.of().parseHex("0000040001000000")).order(ByteOrder.LITTLE_ENDIAN);
        assertThat(NetlinkMessage.attributes(endless, 0)).isEmpty();
    }
}
