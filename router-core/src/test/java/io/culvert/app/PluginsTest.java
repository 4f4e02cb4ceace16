// SPDX-License-Identifier: Apache-2.0
package io.culvert.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import io.culvert.config.Catalog;
import io.culvert.graph.BuiltInStages;
import io.culvert.spi.Arc;
import io.culvert.spi.ConfigKey;
import io.culvert.spi.ConfigType;
import io.culvert.spi.DropReason;
import io.culvert.spi.OutPort;
import io.culvert.spi.PacketStage;
import io.culvert.spi.RouterPlugin;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.Target;
import java.io.File;
import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

final class PluginsTest {
    @TempDir
    private Path folder;

    private enum Out implements OutPort {
        NEXT(Target.next()),
        NOWHERE(Target.stage("no-such-stage"));

        private final Target target;

        Out(Target target) {
            this.target = target;
        }

        @Override
        public Target target() {
            return target;
        }
    }

    /** A key for the test, good or bad. */
    private record Key(
            String key,
            ConfigType type,
            @Nullable String defaultText,
            long least,
            long most,
            List<String> choices,
            List<ConfigKey> keys)
            implements ConfigKey {
        static final Key NUMBER = of("number", ConfigType.NUMBER, "1");

        static Key of(String key, ConfigType type, @Nullable String defaultText) {
            return new Key(key, type, defaultText, 0, Long.MAX_VALUE, List.of(), List.of());
        }

        Key from(long from, long to) {
            return new Key(key, type, defaultText, from, to, choices, keys);
        }

        Key choices(String... words) {
            return new Key(key, type, defaultText, least, most, List.of(words), keys);
        }

        Key keys(ConfigKey... inner) {
            return new Key(key, type, defaultText, least, most, choices, List.of(inner));
        }

        @Override
        public String text() {
            return "For the test.";
        }
    }

    private enum Drop implements DropReason {
        ONE("twice"),
        TWO("twice");

        private final String id;

        Drop(String id) {
            this.id = id;
        }

        @Override
        public String id() {
            return id;
        }

        @Override
        public String text() {
            return "For the test.";
        }
    }

    private static StageDescriptor.Builder stage(String id) {
        return StageDescriptor.named(id, "Does nothing.").arc(Arc.IP4_FORWARD).outputs(new OutPort[] {Out.NEXT});
    }

    private static StageDescriptor made(StageDescriptor.Builder builder) {
        return builder.factory(setup -> (packets, context) -> context.sendAll(packets, Out.NEXT));
    }

    /** A plugin of a name, for the present API, with stages. */
    public abstract static class Base implements RouterPlugin {
        private final String name;
        private final StageDescriptor[] stages;

        Base(String name, StageDescriptor... stages) {
            this.name = name;
            this.stages = stages;
        }

        @Override
        public String name() {
            return name;
        }

        @Override
        public int apiVersion() {
            return API_VERSION;
        }

        @Override
        public String version() {
            return "1.2";
        }

        @Override
        public List<StageDescriptor> stages() {
            return List.of(stages);
        }
    }

    /** Nothing is wrong with it. */
    public static final class Good extends Base {
        public Good() {
            super("good", made(stage("good-stage").settings("good", new ConfigKey[] {Key.NUMBER})));
        }
    }

    /** Nor with this one. */
    public static final class AlsoGood extends Base {
        public AlsoGood() {
            super("also-good", made(stage("also-good-stage").after("good-stage")));
        }
    }

    /** Is made for the API that comes next. */
    public static final class FromTheFuture extends Base {
        public FromTheFuture() {
            super("future", made(stage("future-stage")));
        }

        @Override
        public int apiVersion() {
            return API_VERSION + 1;
        }
    }

    /** Can't be made. */
    public static final class Throwing extends Base {
        public Throwing() {
            super("throwing");
            throw new IllegalStateException("no such file: /etc/throwing");
        }
    }

    /** Lacks something at run time. */
    public static final class Incomplete extends Base {
        public Incomplete() {
            super("incomplete");
        }

        @Override
        public List<StageDescriptor> stages() {
            throw new NoClassDefFoundError("com/example/Missing");
        }
    }

    /** Is called as another. */
    public static final class Namesake extends Base {
        public Namesake() {
            super("good", made(stage("other-stage")));
        }
    }

    /** Has no proper name. */
    public static final class Misnamed extends Base {
        public Misnamed() {
            super("Mis Named");
        }
    }

    /** Brings a stage that is there. */
    public static final class Clashing extends Base {
        public Clashing() {
            super("clashing", made(stage("ip4-ttl")));
        }
    }

    /** Contradicts itself. */
    public static final class Cyclic extends Base {
        public Cyclic() {
            super(
                    "cyclic",
                    made(stage("cyclic-a").after("cyclic-b")),
                    made(stage("cyclic-b").after("cyclic-a")));
        }
    }

    /** Leads where nothing is. */
    public static final class Nowhere extends Base {
        public Nowhere() {
            super("nowhere", made(stage("nowhere-stage").outputs(Out.values())));
        }
    }

    /** Has its settings where another plugin has them. */
    public static final class Intruder extends Base {
        public Intruder() {
            super("intruder", made(stage("intruder-stage").settings("good", new ConfigKey[] {Key.NUMBER})));
        }
    }

    /** Its section is no word. */
    public static final class MisnamedSection extends Base {
        public MisnamedSection() {
            super("mis-section", made(stage("mis-stage").settings("mis.section", new ConfigKey[] {Key.NUMBER})));
        }
    }

    /** Its stage is no word. */
    public static final class MisnamedStage extends Base {
        public MisnamedStage() {
            super("mis-stage", made(stage("Mis_Stage")));
        }
    }

    /** Has two stages of one name. */
    public static final class TwoStages extends Base {
        public TwoStages() {
            super("two-stages", made(stage("twin")), made(stage("twin")));
        }
    }

    /** Has a stage that another plugin has. */
    public static final class ForeignStage extends Base {
        public ForeignStage() {
            super("foreign-stage", made(stage("good-stage")));
        }
    }

    /** Drops for two reasons of one name. */
    public static final class TwoDrops extends Base {
        public TwoDrops() {
            super("two-drops", made(stage("two-drops-stage").drops(Drop.values())));
        }
    }

    /** Wants to stand before a stage that nobody knows. */
    public static final class BeforeNothing extends Base {
        public BeforeNothing() {
            super("before-nothing", made(stage("before-nothing-stage").before("ip4-tll")));
        }
    }

    /** Wants to stand before a stage of another arc. */
    public static final class BeforeElsewhere extends Base {
        public BeforeElsewhere() {
            super("before-elsewhere", made(stage("before-elsewhere-stage").before("ip4-lookup")));
        }
    }

    /** Wants to stand behind a stage that nobody knows. */
    public static final class AfterNothing extends Base {
        public AfterNothing() {
            super("after-nothing", made(stage("after-nothing-stage").after("ip4-ttl", "nothing")));
        }
    }

    /** Wants to stand behind a stage of a plugin that is refused. */
    public static final class AfterRefused extends Base {
        public AfterRefused() {
            super("after-refused", made(stage("after-refused-stage").after("after-nothing-stage")));
        }
    }

    /** Wants to stand before {@link Good}. */
    public static final class BeforeGood extends Base {
        public BeforeGood() {
            super("before-good", made(stage("before-good-stage").before("good-stage")));
        }
    }

    /** Contradicts {@link BeforeGood} and {@link Good} together. */
    public static final class Contrary extends Base {
        public Contrary() {
            super("contrary", made(stage("contrary-stage").after("good-stage").before("before-good-stage")));
        }
    }

    /** Its one stage has a bad key, which the test says. */
    public static final class BadKey extends Base {
        private static List<Key> keys = List.of();

        public BadKey() {
            super("bad-key", made(stage("bad-key-stage").settings("bad-key", keys.toArray(ConfigKey[]::new))));
        }
    }

    private Catalog plugins(Class<?>... types) throws Exception {
        List<String> names = new ArrayList<>();
        for (Class<?> type : types) {
            names.add(type.getName());
        }
        return plugins(names);
    }

    private Catalog plugins(List<String> names) throws Exception {
        Path services = Files.createDirectories(folder.resolve("META-INF/services"));
        Files.write(services.resolve(RouterPlugin.class.getName()), names);
        try (URLClassLoader loader =
                new URLClassLoader(new URL[] {folder.toUri().toURL()}, PluginsTest.class.getClassLoader())) {
            return Plugins.found(loader, "");
        }
    }

    /** A stage that is written but forgotten in the list would never see a packet. */
    @Test
    void everyBuiltInStageIsInTheList() throws ReflectiveOperationException {
        List<StageDescriptor> written = new ArrayList<>();
        for (JavaClass type : new ClassFileImporter()
                .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
                .importPackages("io.culvert.stage")) {
            if (type.isAssignableTo(PacketStage.class)) {
                written.add(
                        (StageDescriptor) type.reflect().getField("DESCRIPTOR").get(null));
            }
        }

        assertThat(Plugins.found().stages()).containsAll(written).doesNotHaveDuplicates();
    }

    @Test
    void stagesOfPluginsFollowTheBuiltInOnes() throws Exception {
        Catalog catalog = plugins(Good.class, AlsoGood.class);
        assertThat(Plugins.refused(catalog)).isEmpty();
        assertThat(catalog.plugins())
                .extracting(
                        Catalog.Plugin::name,
                        Catalog.Plugin::version,
                        Catalog.Plugin::api,
                        Catalog.Plugin::from,
                        plugin -> plugin.stages().toString(),
                        Catalog.Plugin::used)
                .containsExactly(
                        tuple("good", "1.2", 1, "test-classes", "[good-stage]", true),
                        tuple("also-good", "1.2", 1, "test-classes", "[also-good-stage]", true));
        assertThat(catalog.stages()
                        .subList(BuiltInStages.all().size(), catalog.stages().size()))
                .extracting(StageDescriptor::id)
                .containsExactly("good-stage", "also-good-stage");
        assertThat(catalog.describe("good-stage")).isEqualTo("good-stage of plugin good");
        assertThat(catalog.describe("ip4-ttl")).isEqualTo("ip4-ttl");
    }

    @Test
    void aPluginAtFaultIsRefusedWithTheReasonAndOthersAreUsed() throws Exception {
        Catalog catalog = plugins(
                FromTheFuture.class,
                Throwing.class,
                Incomplete.class,
                Good.class,
                Namesake.class,
                Misnamed.class,
                Clashing.class,
                Cyclic.class,
                Nowhere.class,
                Intruder.class,
                MisnamedSection.class,
                MisnamedStage.class,
                TwoStages.class,
                ForeignStage.class,
                TwoDrops.class,
                AlsoGood.class);
        assertThat(Plugins.refused(catalog))
                .containsExactly(
                        "plugin future of test-classes is not used: it is made for version 2 of the plugin API, and this is"
                                + " version 1: it has to be built against this Culvert",
                        "plugin " + PluginsTest.class.getName()
                                + "$Throwing of test-classes is not used: java.lang.IllegalStateException: no such"
                                + " file: /etc/throwing",
                        "plugin incomplete of test-classes is not used: java.lang.NoClassDefFoundError: com/example/Missing",
                        "plugin good of test-classes is not used: there is another plugin of this name",
                        "plugin Mis Named of test-classes is not used: its name is \"Mis Named\", and has to be in"
                                + " kebab-case",
                        "plugin clashing of test-classes is not used: its stage ip4-ttl has the name of a built-in one",
                        "plugin cyclic of test-classes is not used: arc ip4-forward has no valid order: cyclic-b of plugin"
                                + " cyclic is to run before cyclic-a of plugin cyclic, and that before cyclic-b of plugin"
                                + " cyclic",
                        "plugin nowhere of test-classes is not used: nowhere-stage of plugin nowhere's NOWHERE leads to"
                                + " no-such-stage, which is no stage of this router",
                        "plugin intruder of test-classes is not used: its section good is one of plugin good already",
                        "plugin mis-section of test-classes is not used: section \"mis.section\" of its stage mis-stage is"
                                + " not called in kebab-case",
                        "plugin mis-stage of test-classes is not used: its stage \"Mis_Stage\" is not called in kebab-case",
                        "plugin two-stages of test-classes is not used: two of its stages are called twin",
                        "plugin foreign-stage of test-classes is not used: its stage good-stage has the name of one of plugin"
                                + " good",
                        "plugin two-drops of test-classes is not used: its stage two-drops-stage has two drop reasons twice");
        assertThat(catalog.stages()).extracting(StageDescriptor::id).contains("good-stage", "also-good-stage");
        assertThat(catalog.stages()).hasSize(BuiltInStages.all().size() + 2);
    }

    @Test
    void aStageThatNamesAnUnknownOneIsToldAndOneThatIsOnlyAbsentIsFine() throws Exception {
        Catalog catalog = plugins(
                BeforeNothing.class,
                AfterNothing.class,
                BeforeElsewhere.class,
                AfterRefused.class,
                AlsoGood.class,
                Good.class,
                BeforeGood.class);
        assertThat(Plugins.refused(catalog))
                .containsExactly(
                        "plugin before-nothing of test-classes is not used: its stage before-nothing-stage is to run before"
                                + " ip4-tll, which is no stage of this router nor of a plugin here",
                        "plugin after-nothing of test-classes is not used: its stage after-nothing-stage is to run after"
                                + " nothing, which is no stage of this router nor of a plugin here",
                        "plugin before-elsewhere of test-classes is not used: its stage before-elsewhere-stage is to run"
                                + " before ip4-lookup, which is on arc ip4-unicast, and itself is on arc ip4-forward");
        assertThat(catalog.plugins().stream().filter(Catalog.Plugin::used))
                .extracting(Catalog.Plugin::name)
                .containsExactly("after-refused", "also-good", "good", "before-good");
    }

    @Test
    void ofPluginsThatContradictEachOtherTheLastIsRefusedAndAllAreNamed() throws Exception {
        Catalog catalog = plugins(Good.class, BeforeGood.class, Contrary.class, AlsoGood.class);
        assertThat(Plugins.refused(catalog))
                .containsExactly("plugin contrary of test-classes is not used: arc ip4-forward has no valid order:"
                        + " contrary-stage of plugin contrary is to run before before-good-stage of plugin before-good,"
                        + " that before good-stage of plugin good, and that before contrary-stage of plugin contrary");
        assertThat(catalog.stages()).extracting(StageDescriptor::id).contains("good-stage", "before-good-stage");
    }

    static List<Arguments> badKeys() {
        return List.of(
                arguments(
                        List.of(Key.of("n", ConfigType.NUMBER, "many")),
                        "default of key n: n is \"many\", expected a whole number"),
                arguments(
                        List.of(Key.of("n", ConfigType.NUMBER, "7").from(8, 9)),
                        "default of key n: n is 7, expected a whole number from 8 to 9"),
                arguments(
                        List.of(Key.of("n", ConfigType.NUMBER, "7").from(9, 8)),
                        "key n takes values from 9 to 8, so none"),
                arguments(
                        List.of(Key.of("n", ConfigType.NUMBER, "7").from(-1, 8)),
                        "key n takes values from -1 to 8, so none"),
                arguments(
                        List.of(Key.of("n", ConfigType.TEXT, "x").from(1, 8)),
                        "key n is a TEXT, which has no least and most"),
                arguments(List.of(Key.NUMBER, Key.NUMBER), "key number is declared twice"),
                arguments(List.of(Key.of("Not_So", ConfigType.TEXT, "")), "key Not_So is not in kebab-case"),
                arguments(List.of(Key.of("n", ConfigType.SECTIONS, "[]")), "key n has SECTIONS without keys"),
                arguments(
                        List.of(Key.of("n", ConfigType.TEXT, "").keys(Key.NUMBER)),
                        "key n is a TEXT, which has no keys"),
                arguments(
                        List.of(Key.of("n", ConfigType.SECTIONS, "[]").keys(Key.of("m", ConfigType.RATE, "often"))),
                        "default of key m: m is \"often\", expected a rate like \"1000/s\", or off"),
                arguments(
                        List.of(Key.of("n", ConfigType.SECTIONS, "[{}]").keys(Key.of("m", ConfigType.RATE, null))),
                        "default of key n: n needs m, a rate like \"1000/s\", or off"),
                arguments(
                        List.of(Key.of("n", ConfigType.SECTIONS, "[{]").keys(Key.NUMBER)),
                        "n is no list: String: 1: expecting a close parentheses ')' here, not: ']'"),
                arguments(List.of(Key.of("n", ConfigType.CHOICE, "a")), "key n is a CHOICE of nothing"),
                arguments(
                        List.of(Key.of("n", ConfigType.CHOICE, "other").choices("a", "b")),
                        "default of key n: n is \"other\", expected a or b"),
                arguments(
                        List.of(Key.of("n", ConfigType.TEXT, "a").choices("a")),
                        "key n is a TEXT, which has no choices"),
                arguments(
                        List.of(Key.of("n", ConfigType.PREFIXES, "[192.0.2.1/24]")),
                        "default of key n: n: \"192.0.2.1/24\" has bits set behind its length; did you mean"
                                + " 192.0.2.0/24?"),
                arguments(
                        List.of(Key.of("n", ConfigType.ENDPOINT, "192.0.2.1")),
                        "default of key n: n: \"192.0.2.1\" is not an address and a port like \"192.0.2.1:4789\" or"
                                + " \"[2001:db8::1]:4789\""));
    }

    @ParameterizedTest
    @MethodSource("badKeys")
    void aBadKeyIsTold(List<Key> keys, String problem) throws Exception {
        BadKey.keys = keys;
        Catalog catalog = plugins(BadKey.class, Good.class);
        assertThat(Plugins.refused(catalog)).containsExactly("plugin bad-key of test-classes is not used: " + problem);
        assertThat(catalog.stages()).extracting(StageDescriptor::id).contains("good-stage");
    }

    @Test
    void aNameThatIsNoPluginIsToldAndOthersAreUsed() throws Exception {
        Catalog catalog = plugins(List.of("no.such.Plugin", PluginsTest.class.getName(), Good.class.getName()));
        assertThat(Plugins.refused(catalog))
                .hasSize(2)
                .anySatisfy(line -> assertThat(line).contains("no.such.Plugin", "not found"))
                .anySatisfy(line -> assertThat(line).contains(PluginsTest.class.getName(), "not a subtype"));
        assertThat(catalog.stages()).extracting(StageDescriptor::id).contains("good-stage");
    }

    private Path jar(String name, Class<?>... classes) throws IOException {
        Path jar = Files.createDirectories(folder.resolve("plugins")).resolve(name);
        List<String> names = new ArrayList<>();
        try (JarOutputStream out = new JarOutputStream(Files.newOutputStream(jar))) {
            for (Class<?> type : classes) {
                names.add(type.getName());
            }
            out.putNextEntry(new JarEntry("META-INF/services/" + RouterPlugin.class.getName()));
            out.write(String.join("\n", names).getBytes(StandardCharsets.UTF_8));
            out.closeEntry();
        }
        return jar;
    }

    private static Catalog found(Path... jars) throws IOException {
        List<URL> urls = new ArrayList<>();
        List<String> classPath = new ArrayList<>();
        for (Path jar : jars) {
            urls.add(jar.toUri().toURL());
            classPath.add(jar.toString());
        }
        try (URLClassLoader loader = new URLClassLoader(urls.toArray(URL[]::new), PluginsTest.class.getClassLoader())) {
            return Plugins.found(loader, String.join(File.pathSeparator, classPath));
        }
    }

    @Test
    void aJarInThePluginsFolderIsFound() throws IOException {
        Catalog catalog = found(jar("good.jar", Good.class));
        assertThat(Plugins.refused(catalog)).isEmpty();
        assertThat(catalog.plugins()).extracting(Catalog.Plugin::name).containsExactly("good");
    }

    @Test
    void aPluginThatIsInTwoJarsIsUsedOnceAndTold() throws IOException {
        Catalog catalog = found(jar("good-1.jar", Good.class), jar("good-2.jar", Good.class, AlsoGood.class));
        assertThat(Plugins.refused(catalog))
                .containsExactly("plugin " + Good.class.getName()
                        + " of good-2.jar is not used: the same plugin is in good-1.jar, which is used: one of the two has to"
                        + " go");
        assertThat(catalog.plugins().stream().filter(Catalog.Plugin::used))
                .extracting(Catalog.Plugin::name)
                .containsExactly("good", "also-good");
    }

    @Test
    void aJarThatIsDamagedOrGoneIsToldAndTheOthersAreUsed() throws IOException {
        Path damaged = jar("damaged.jar");
        Files.writeString(damaged, "not found on this server");
        Catalog catalog = found(damaged, folder.resolve("plugins/gone.jar"), jar("good.jar", Good.class));
        assertThat(Plugins.refused(catalog))
                .hasSize(2)
                .satisfiesExactly(
                        line -> assertThat(line)
                                .startsWith("plugin ? of damaged.jar is not used: it is damaged or no jar: "),
                        line -> assertThat(line)
                                .isEqualTo("plugin ? of gone.jar is not used: it is not there, or may not be read"));
        assertThat(catalog.stages()).extracting(StageDescriptor::id).contains("good-stage");
    }
}
