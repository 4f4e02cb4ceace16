// SPDX-License-Identifier: Apache-2.0
package io.culvert.wire;

import static io.culvert.wire.Bytes.packet;
import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.packet.PacketBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class Ip4OptionsTest {
    private static final long SEED = 0x2113;

    private final Ip4View ip = new Ip4View();
    private final Ip4Options options = new Ip4Options();

    private Ip4View header(String optionDigits) {
        int words = 5 + Bytes.hex(optionDigits).length / 4;
        PacketBuffer packet = packet("4" + Integer.toHexString(words) + "000000" + "00000000".repeat(4) + optionDigits);
        ip.wrap(packet, packet.start());
        ip.setTotalLength(packet.length());
        ip.updateChecksum();
        assertThat(ip.check()).isEqualTo(HeaderCheck.OK);
        return ip;
    }

    private List<String> walk(Ip4View header) {
        List<String> found = new ArrayList<>();
        options.wrap(header);
        while (options.next()) {
            found.add(options.type() + "/" + options.length() + "@" + (options.offset() - header.offset()));
        }
        return found;
    }

    @Test
    void aHeaderWithoutOptionsHasNone() {
        assertThat(walk(header(""))).isEmpty();
        assertThat(options.malformed()).isFalse();
    }

    @Test
    void walksOverPaddingToTheEndOfTheList() {
        // No operation; router alert; no operation twice; timestamp of 5; end; something behind it that does not count.
        assertThat(walk(header("01 94040000 01 01 4405050001 00 ff0203"))).containsExactly("148/4@21", "68/5@27");
        assertThat(options.malformed()).isFalse();
        assertThat(options.check(ip)).isEqualTo(HeaderCheck.OK);
    }

    @Test
    void walksToTheLastOctetOfTheLargestHeader() {
        assertThat(walk(header("8326 04" + "00".repeat(35) + "8802"))).containsExactly("131/38@20", "136/2@58");
        assertThat(options.malformed()).isFalse();
    }

    @Test
    void tellsTheCopiedOptions() {
        options.wrap(header("94040000 44040500"));
        assertThat(options.next()).isTrue();
        assertThat(options.copied()).isTrue();
        assertThat(options.next()).isTrue();
        assertThat(options.type()).isEqualTo(Ip4Options.TIMESTAMP);
        assertThat(options.copied()).isFalse();
    }

    @ParameterizedTest
    @CsvSource({"94040000, false", "83070400000000 00, true", "01 8907040a000001, true", "94040000 830304 00, true"})
    void findsSourceRoutes(String digits, boolean present) {
        assertThat(options.hasSourceRoute(header(digits))).isEqualTo(present);
    }

    @ParameterizedTest
    @ValueSource(strings = {"94000000", "94010000", "94050000", "94ff0000", "01010194", "94040000 01010744"})
    void stopsAtAMalformedOption(String digits) {
        walk(header(digits));

        assertThat(options.malformed()).isTrue();
        assertThat(options.next()).isFalse();
        assertThat(options.check(ip)).isEqualTo(HeaderCheck.BAD_OPTION);
    }

    @Test
    void staysWithinTheHeaderWhateverItHolds() {
        SplittableRandom random = new SplittableRandom(SEED);
        for (int round = 0; round < 1_000; round++) {
            StringBuilder digits = new StringBuilder();
            int octets = 4 * random.nextInt(11);
            for (int i = 0; i < octets; i++) {
                digits.append(Bytes.hexOctet(random.nextInt(3) == 0 ? random.nextInt(256) : random.nextInt(8)));
            }
            Ip4View header = header(digits.toString());
            options.wrap(header);
            int steps = 0;
            while (options.next()) {
                assertThat(options.length()).isGreaterThanOrEqualTo(2);
                assertThat(options.offset() + options.length())
                        .as("seed %d round %d", SEED, round)
                        .isLessThanOrEqualTo(header.payloadOffset());
                steps++;
            }
            assertThat(steps).isLessThanOrEqualTo(20);
        }
    }
}
