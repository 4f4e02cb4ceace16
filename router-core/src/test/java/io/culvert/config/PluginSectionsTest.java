// SPDX-License-Identifier: Apache-2.0
package io.culvert.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.assertj.core.api.Assertions.within;

import io.culvert.net.IpAddress;
import io.culvert.net.IpPrefix;
import io.culvert.spi.BadSettingException;
import io.culvert.spi.ConfigKey;
import io.culvert.spi.ConfigType;
import io.culvert.spi.Settings;
import io.culvert.spi.StageDescriptor;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Settings of every type in sections of plugins, and what is told of mistakes there. */
final class PluginSectionsTest {
    private static final String INTERFACES = "interfaces { a { type = tun }, b { type = tun } }";

    @TempDir
    private Path folder;

    private enum InRule implements ConfigKey {
        PREFIX("prefix", ConfigType.PREFIXES, null),
        MARK("mark", ConfigType.NUMBER, "0");

        private final String key;
        private final ConfigType type;
        private final @Nullable String fallback;

        InRule(String key, ConfigType type, @Nullable String fallback) {
            this.key = key;
            this.type = type;
            this.fallback = fallback;
        }

        @Override
        public String key() {
            return key;
        }

        @Override
        public ConfigType type() {
            return type;
        }

        @Override
        public @Nullable String defaultText() {
            return fallback;
        }

        @Override
        public String text() {
            return "For the test.";
        }

        @Override
        public long most() {
            return this == MARK ? 63 : Long.MAX_VALUE;
        }
    }

    private enum Key implements ConfigKey {
        SHARE(ConfigType.SHARE, "1.5%"),
        BIT_RATE(ConfigType.BIT_RATE, "off"),
        BYTES(ConfigType.BYTES, "64KiB"),
        MODE(ConfigType.CHOICE, "drop"),
        TO(ConfigType.INTERFACE, ""),
        ON(ConfigType.INTERFACES, "[]"),
        PREFIXES(ConfigType.PREFIXES, "[]"),
        ADDRESS(ConfigType.ADDRESS, ""),
        PEER(ConfigType.ENDPOINT, ""),
        RULES(ConfigType.SECTIONS, "[]");

        private final ConfigType type;
        private final String fallback;

        Key(ConfigType type, String fallback) {
            this.type = type;
            this.fallback = fallback;
        }

        @Override
        public String key() {
            return ValueType.written(this);
        }

        @Override
        public ConfigType type() {
            return type;
        }

        @Override
        public String defaultText() {
            return fallback;
        }

        @Override
        public String text() {
            return "For the test.";
        }

        @Override
        public long least() {
            return this == BYTES ? 1024 : 0;
        }

        @Override
        public long most() {
            return this == BYTES ? 1 << 20 : Long.MAX_VALUE;
        }

        @Override
        public List<String> choices() {
            return this == MODE ? List.of("drop", "pass") : List.of();
        }

        @Override
        public List<ConfigKey> keys() {
            return this == RULES ? List.of(InRule.values()) : List.of();
        }
    }

    private static final StageDescriptor STAGE = StageDescriptor.named("all", "Does nothing.")
            .settings("all", Key.values())
            .check(PluginSectionsTest::check)
            .factory(setup -> {
                throw new AssertionError("no instance is needed");
            });

    private static void check(Settings settings) throws BadSettingException {
        for (Settings rule : settings.sections(Key.RULES)) {
            if (rule.number(InRule.MARK) == 13) {
                throw new BadSettingException(rule, InRule.MARK, "is 13, which brings bad luck");
            }
        }
        if (settings.choice(Key.MODE).equals("pass") && settings.interfaceId(Key.TO) == Settings.NO_INTERFACE) {
            throw new BadSettingException(Key.TO, "is missing, mode = pass needs it");
        }
    }

    private static Catalog catalog() {
        Catalog.Plugin plugin = new Catalog.Plugin(null, "p", "", 1, "p.jar", List.of(STAGE), List.of(), "");
        Catalog.Plugin old = new Catalog.Plugin(null, "old", "", 7, "old.jar", List.of(), List.of(), "it is too old");
        return Catalog.of(List.of()).with(plugin).with(old);
    }

    private RouterConfig read(String text) throws BadConfigException, IOException {
        return ConfigFile.read(Files.writeString(folder.resolve("r.conf"), text), catalog());
    }

    private List<String> mistakes(String text) {
        BadConfigException bad = catchThrowableOfType(BadConfigException.class, () -> read(text));
        return bad.problems().stream()
                .map(problem -> problem.toString().replace(folder + "/", ""))
                .toList();
    }

    @Test
    void everyTypeIsReadFromTheFile() throws Exception {
        Settings settings = read("router { " + INTERFACES + """

                plugins.all {
                  share = 12.25%, bit-rate = 2.5Mbit/s, bytes = 2KiB, mode = pass, to = b, on = [b, a]
                  prefixes = ["192.0.2.0/24", "2001:db8::/32"], address = "2001:db8::1", peer = "[2001:db8::2]:4789"
                  rules = [ { prefix = "10.0.0.0/8" }, { prefix = "11.0.0.0/8", mark = 5 } ]
                } }
                """).settings(STAGE);
        assertThat(settings.share(Key.SHARE)).isCloseTo(0.1225, within(1e-12));
        assertThat(settings.bitsPerSecond(Key.BIT_RATE)).isEqualTo(2_500_000);
        assertThat(settings.bytes(Key.BYTES)).isEqualTo(2048);
        assertThat(settings.choice(Key.MODE)).isEqualTo("pass");
        assertThat(settings.interfaceId(Key.TO)).isEqualTo(1);
        assertThat(settings.interfaceIds(Key.ON)).containsExactly(1, 0);
        assertThat(settings.prefixes(Key.PREFIXES))
                .containsExactly(IpPrefix.parse("192.0.2.0/24"), IpPrefix.parse("2001:db8::/32"));
        assertThat(settings.address(Key.ADDRESS)).isEqualTo(IpAddress.parse("2001:db8::1"));
        assertThat(settings.endpoint(Key.PEER)).isEqualTo(new InetSocketAddress("2001:db8::2", 4789));
        List<Settings> rules = settings.sections(Key.RULES);
        assertThat(rules).hasSize(2);
        assertThat(rules.get(0).number(InRule.MARK)).isZero();
        assertThat(rules.get(1).number(InRule.MARK)).isEqualTo(5);
        assertThat(rules.get(1).prefixes(InRule.PREFIX)).containsExactly(IpPrefix.parse("11.0.0.0/8"));
        assertThatThrownBy(() -> settings.number(Key.MODE)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void everyTypeHasItsDefault() throws Exception {
        RouterConfig config = read("router.plugins.all {}");
        Settings settings = config.settings(STAGE);
        assertThat(settings.share(Key.SHARE)).isCloseTo(0.015, within(1e-12));
        assertThat(settings.bitsPerSecond(Key.BIT_RATE)).isEqualTo(Settings.UNLIMITED);
        assertThat(settings.bytes(Key.BYTES)).isEqualTo(65536);
        assertThat(settings.interfaceId(Key.TO)).isEqualTo(Settings.NO_INTERFACE);
        assertThat(settings.interfaceIds(Key.ON)).isEmpty();
        assertThat(settings.address(Key.ADDRESS)).isNull();
        assertThat(settings.endpoint(Key.PEER)).isNull();
        assertThat(settings.sections(Key.RULES)).isEmpty();
        assertThat(catalog().stagesOf(config)).containsExactly(STAGE);
        assertThat(catalog().stagesOf(read("router {}"))).isEmpty();
    }

    @Test
    void mistakesInASectionAreToldByFileAndLine() {
        assertThat(mistakes("router { " + INTERFACES + """

                plugins.all {
                  share = 101%
                  bit-rate = fast
                  bytes = 2MiB
                  mode = passs
                  to = c
                  on = [a,
                    bb]
                  address = 192.0.2
                  peer = "192.0.2.1:99999"
                  rules = [ { mark = 64, prefix = "10.0.0.0/8" },
                    { mark = 1 } ]
                } }
                """))
                .containsExactly(
                        "r.conf:3: plugins.all.share is \"101%\", expected a share from 0% to 100%, like 1.5%",
                        "r.conf:4: plugins.all.bit-rate is \"fast\", expected a rate like 10Mbit/s, or off",
                        "r.conf:5: plugins.all.bytes is \"2MiB\", expected a number of bytes like 1500 or 64KiB from 1KiB to"
                                + " 1MiB",
                        "r.conf:6: plugins.all.mode is \"passs\", did you mean pass?",
                        "r.conf:7: plugins.all.to: there is no interface c, did you mean a?",
                        "r.conf:9: plugins.all.on: there is no interface bb, did you mean b?",
                        "r.conf:10: plugins.all.address: \"192.0.2\" is not an IPv4 address like 192.0.2.1",
                        "r.conf:11: plugins.all.peer: \"192.0.2.1:99999\" has port 99999, expected one from 1 to 65535",
                        "r.conf:12: plugins.all.rules.mark is 64, expected a whole number from 0 to 63",
                        "r.conf:13: plugins.all.rules needs prefix, a prefix like 192.0.2.0/24 or 2001:db8::/32, or a list of"
                                + " such");
    }

    @Test
    void whatAStageChecksItselfIsToldByFileAndLineToo() {
        assertThat(mistakes("""
                router.plugins.all {
                  mode = pass
                  rules = [ { prefix = "10.0.0.0/8" },
                    { prefix = "11.0.0.0/8",
                      mark = 13 } ]
                }
                """)).containsExactly("r.conf:5: plugins.all.rules.mark is 13, which brings bad luck");
        assertThat(mistakes("router.plugins.all {\n mode = pass }"))
                .containsExactly("r.conf:1: plugins.all.to is missing, mode = pass needs it");
    }

    @Test
    void aSectionThatNoPluginHasIsToldWithTheReason() {
        assertThat(mistakes("router.plugins { al {}\n old {}\n gone {} }"))
                .containsExactly(
                        "r.conf:1: plugins.al is unknown, did you mean all?",
                        "r.conf:2: plugins.old can't be used, as plugin old of old.jar is refused: it is too old",
                        "r.conf:3: plugins.gone is unknown, expected all");
        assertThat(mistakes("router.all {}"))
                .containsExactly(
                        "r.conf:1: all is a section of a plugin, and stands under plugins: plugins { all { ... } }");
    }
}
