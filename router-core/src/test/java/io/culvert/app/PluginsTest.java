// SPDX-License-Identifier: Apache-2.0
package io.culvert.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import io.culvert.control.ShowPlugins;
import io.culvert.graph.BuiltInStages;
import io.culvert.spi.Arc;
import io.culvert.spi.ConfigKey;
import io.culvert.spi.ConfigType;
import io.culvert.spi.OutPort;
import io.culvert.spi.PacketStage;
import io.culvert.spi.RouterPlugin;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.Target;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.ServiceLoader;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

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

    private enum Key implements ConfigKey {
        NUMBER("number", "1"),
        BAD("number", "many");

        private final String key;
        private final String defaultText;

        Key(String key, String defaultText) {
            this.key = key;
            this.defaultText = defaultText;
        }

        @Override
        public String key() {
            return key;
        }

        @Override
        public ConfigType type() {
            return ConfigType.NUMBER;
        }

        @Override
        public String defaultText() {
            return defaultText;
        }

        @Override
        public String text() {
            return "A number.";
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

    /** Has a default of another type. */
    public static final class BadDefault extends Base {
        public BadDefault() {
            super("bad-default", made(stage("bad-default-stage").settings("bad-default", new ConfigKey[] {Key.BAD})));
        }
    }

    /** Has its settings where routes are. */
    public static final class Intruder extends Base {
        public Intruder() {
            super("intruder", made(stage("intruder-stage").settings("routes", new ConfigKey[] {Key.NUMBER})));
        }
    }

    private Plugins plugins(Class<?>... types) throws Exception {
        List<String> names = new ArrayList<>();
        for (Class<?> type : types) {
            names.add(type.getName());
        }
        return plugins(names);
    }

    private Plugins plugins(List<String> names) throws Exception {
        Path services = Files.createDirectories(folder.resolve("META-INF/services"));
        Files.write(services.resolve(RouterPlugin.class.getName()), names);
        try (URLClassLoader loader =
                new URLClassLoader(new URL[] {folder.toUri().toURL()}, PluginsTest.class.getClassLoader())) {
            return Plugins.from(ServiceLoader.load(RouterPlugin.class, loader));
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
        Plugins plugins = plugins(Good.class, AlsoGood.class);
        assertThat(plugins.refused()).isEmpty();
        assertThat(plugins.all())
                .extracting(
                        ShowPlugins.Plugin::name,
                        ShowPlugins.Plugin::version,
                        ShowPlugins.Plugin::api,
                        ShowPlugins.Plugin::from,
                        ShowPlugins.Plugin::stages,
                        ShowPlugins.Plugin::used)
                .containsExactly(
                        tuple("good", "1.2", 1, "test-classes", List.of("good-stage"), true),
                        tuple("also-good", "1.2", 1, "test-classes", List.of("also-good-stage"), true));
        assertThat(plugins.stages()
                        .subList(BuiltInStages.all().size(), plugins.stages().size()))
                .extracting(StageDescriptor::id)
                .containsExactly("good-stage", "also-good-stage");
    }

    @Test
    void aPluginAtFaultIsRefusedWithTheReasonAndOthersAreUsed() throws Exception {
        Plugins plugins = plugins(
                FromTheFuture.class,
                Throwing.class,
                Incomplete.class,
                Good.class,
                Namesake.class,
                Misnamed.class,
                Clashing.class,
                Cyclic.class,
                Nowhere.class,
                BadDefault.class,
                Intruder.class,
                AlsoGood.class);
        String own = PluginsTest.class.getName();
        assertThat(plugins.refused())
                .containsExactly(
                        "plugin " + own + "$FromTheFuture of test-classes is not used: it is made for version 2 of the"
                                + " plugin API, and this is version 1: it has to be built against this Culvert",
                        "plugin " + own
                                + "$Throwing of test-classes is not used: java.lang.IllegalStateException: no such"
                                + " file: /etc/throwing",
                        "plugin incomplete of test-classes is not used: java.lang.NoClassDefFoundError: com/example/Missing",
                        "plugin " + own + "$Namesake of test-classes is not used: there is another plugin of this name",
                        "plugin " + own
                                + "$Misnamed of test-classes is not used: its name is \"Mis Named\", and has to be"
                                + " in kebab-case",
                        "plugin clashing of test-classes is not used: two stages are called ip4-ttl",
                        "plugin cyclic of test-classes is not used: arc ip4-forward has no valid order: the declarations of"
                                + " [cyclic-a, cyclic-b] go round in a circle",
                        "plugin nowhere of test-classes is not used: nowhere-stage's NOWHERE leads to no-such-stage, which is"
                                + " no stage of this router",
                        "plugin bad-default of test-classes is not used: default of key number: number is"
                                + " \"many\", expected a whole number",
                        "plugin intruder of test-classes is not used: a stage has its settings in section routes, which is"
                                + " the router's own");
        assertThat(plugins.stages()).extracting(StageDescriptor::id).contains("good-stage", "also-good-stage");
        assertThat(plugins.stages()).hasSize(BuiltInStages.all().size() + 2);
    }

    @Test
    void aNameThatIsNoPluginIsToldAndOthersAreUsed() throws Exception {
        Plugins plugins = plugins(List.of("no.such.Plugin", PluginsTest.class.getName(), Good.class.getName()));
        assertThat(plugins.refused())
                .hasSize(2)
                .anySatisfy(line -> assertThat(line).contains("no.such.Plugin", "not found"))
                .anySatisfy(line -> assertThat(line).contains(PluginsTest.class.getName(), "not a subtype"));
        assertThat(plugins.stages()).extracting(StageDescriptor::id).contains("good-stage");
    }
}
