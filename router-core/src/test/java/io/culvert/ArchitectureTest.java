// SPDX-License-Identifier: Apache-2.0
package io.culvert;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaMethodCall;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ImportOption.DoNotIncludeTests;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import java.util.Arrays;
import java.util.stream.Stream;
import org.jspecify.annotations.NullMarked;

/**
 * The import table and the class rules of DESIGN.md. A rule about a package that does not exist yet holds, so that the
 * table can stand here whole.
 */
@AnalyzeClasses(packages = "io.culvert", importOptions = DoNotIncludeTests.class)
final class ArchitectureTest {
    private static final String[] DATA_PLANE = {
        "net", "packet", "wire", "spi", "fib", "neighbor", "stage", "config", "telemetry", "ffi", "iface"
    };

    @ArchTest
    static final ArchRule net = imports("net");

    @ArchTest
    static final ArchRule packet = imports("packet", "net");

    @ArchTest
    static final ArchRule wire = imports("wire", "net", "packet");

    @ArchTest
    static final ArchRule spi = imports("spi", "net", "packet", "wire");

    @ArchTest
    static final ArchRule fib = imports("fib", "net", "wire", "spi");

    @ArchTest
    static final ArchRule neighbor = imports("neighbor", "net", "wire", "spi");

    @ArchTest
    static final ArchRule stage = imports("stage", "net", "packet", "wire", "spi");

    @ArchTest
    static final ArchRule stageSiblings = slices().matching("io.culvert.stage.(*)..")
            .should()
            .notDependOnEachOther()
            .allowEmptyShould(true);

    @ArchTest
    static final ArchRule config = imports("config", "net", "packet", "spi");

    @ArchTest
    static final ArchRule telemetry = imports("telemetry", "net", "packet", "spi");

    @ArchTest
    static final ArchRule ffi = imports("ffi");

    @ArchTest
    static final ArchRule iface = imports("iface", "ffi", "net", "packet", "spi", "config", "telemetry");

    @ArchTest
    static final ArchRule graph = imports("graph", DATA_PLANE);

    @ArchTest
    static final ArchRule control = imports(
            "control",
            Stream.concat(Arrays.stream(DATA_PLANE), Stream.of("graph")).toArray(String[]::new));

    @ArchTest
    static final ArchRule plugins = imports("plugins", "net", "packet", "wire", "spi");

    /** But for the part of the plugin API that is about Akka. */
    @ArchTest
    static final ArchRule whatPluginsSeeIsPlainJava = classes()
            .that(resideInAnyPackage(packages("net", "packet", "wire", "spi"))
                    .and(not(resideInAPackage("io.culvert.spi.akka.."))))
            .should()
            .onlyDependOnClassesThat()
            .resideInAnyPackage("io.culvert..", "java..", "org.jspecify..")
            .allowEmptyShould(true);

    @ArchTest
    static final ArchRule onlyFfiCallsNativeCode = noClasses()
            .that(not(resideInAPackage("io.culvert.ffi..")))
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("jnr.ffi..", "jnr.posix..", "jnr.constants..", "com.kenai.jffi..")
            .allowEmptyShould(true);

    @ArchTest
    static final ArchRule unixSocketsAreForManagement = noClasses()
            .that(not(resideInAnyPackage(packages("control", "app"))))
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("jnr.unixsocket..", "jnr.enxio..")
            .allowEmptyShould(true);

    @ArchTest
    static final ArchRule akkaStaysInItsPackages = noClasses()
            .that(not(resideInAnyPackage(packages("spi.akka", "iface", "graph", "control", "plugins", "lab", "app"))))
            .should()
            .dependOnClassesThat()
            .resideInAPackage("akka..")
            .allowEmptyShould(true);

    /** The stages themselves and whatever is made of them must do without: plain stages need no Akka. */
    @ArchTest
    static final ArchRule theCoreOfThePluginApiDoesWithoutItsAkkaPart = noClasses()
            .that(resideInAnyPackage(packages("spi", "fib", "neighbor", "stage", "config", "telemetry", "iface"))
                    .and(not(resideInAPackage("io.culvert.spi.akka.."))))
            .should()
            .dependOnClassesThat()
            .resideInAPackage("io.culvert.spi.akka..")
            .allowEmptyShould(true);

    @ArchTest
    static final ArchRule packetCodeNeitherStreamsNorLogs = noClasses()
            .that()
            .resideInAnyPackage(packages("wire", "stage"))
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("java.util.stream..", "org.slf4j..")
            .allowEmptyShould(true);

    @ArchTest
    static final ArchRule packetCodeFormatsNothing = noClasses()
            .that()
            .resideInAnyPackage(packages("wire", "stage"))
            .should()
            .callMethodWhere(new DescribedPredicate<>("the target is String.format or String.formatted") {
                @Override
                public boolean test(JavaMethodCall call) {
                    return call.getTargetOwner().isEquivalentTo(String.class)
                            && call.getName().startsWith("format");
                }
            })
            .allowEmptyShould(true);

    @ArchTest
    static final ArchRule packetStages = classes()
            .that()
            .areAssignableTo("io.culvert.spi.PacketStage")
            .and()
            .areNotInterfaces()
            .should()
            .haveModifier(JavaModifier.FINAL)
            .andShould(describeThemselves())
            .allowEmptyShould(true);

    /** The ends of a lane in {@code graph} are part of the lane, and tested with it. */
    @ArchTest
    static final ArchRule packetStagesHaveTests = classes()
            .that()
            .areAssignableTo("io.culvert.spi.PacketStage")
            .and()
            .areNotInterfaces()
            .and()
            .resideOutsideOfPackage("io.culvert.graph..")
            .should(haveSiblingTest())
            .allowEmptyShould(true);

    @ArchTest
    static final ArchRule namesSayWhatThingsAre = noClasses()
            .should()
            .haveNameMatching(".*(Manager|Helper|Utils?|Info)")
            .because("such a name says nothing about the job");

    @ArchTest
    static final ArchRule packagesAreNullMarked = classes().should(resideInANullMarkedPackage());

    private static ArchRule imports(String importer, String... allowed) {
        DescribedPredicate<JavaClass> foreign = resideInAPackage("io.culvert..")
                .and(not(resideInAnyPackage(packages(importer))))
                .and(not(resideInAnyPackage(packages(allowed))));
        return noClasses()
                .that()
                .resideInAPackage("io.culvert." + importer + "..")
                .should()
                .dependOnClassesThat(foreign)
                .as("io.culvert." + importer + " imports only " + Arrays.toString(allowed))
                .allowEmptyShould(true);
    }

    private static String[] packages(String... names) {
        return Arrays.stream(names).map(name -> "io.culvert." + name + "..").toArray(String[]::new);
    }

    /** A stage that is made for something, such as the transmit queues of a lane, describes itself by a method. */
    private static ArchCondition<JavaClass> describeThemselves() {
        return new ArchCondition<>("have a static field DESCRIPTOR, or a static method descriptor") {
            @Override
            public void check(JavaClass type, ConditionEvents events) {
                boolean found = Stream.concat(type.getFields().stream(), type.getMethods().stream())
                        .filter(member -> member.getModifiers().contains(JavaModifier.STATIC))
                        .anyMatch(member -> member.getName().equalsIgnoreCase("descriptor"));
                events.add(new SimpleConditionEvent(
                        type, found, type.getName() + (found ? " has" : " has no") + " static DESCRIPTOR"));
            }
        };
    }

    private static ArchCondition<JavaClass> haveSiblingTest() {
        return new ArchCondition<>("have a test class of the same name beside them") {
            @Override
            public void check(JavaClass type, ConditionEvents events) {
                String test = "/" + type.getName().replace('.', '/') + "Test.class";
                boolean found = ArchitectureTest.class.getResource(test) != null;
                events.add(new SimpleConditionEvent(
                        type, found, type.getName() + (found ? " has " : " lacks ") + "its test " + test));
            }
        };
    }

    private static ArchCondition<JavaClass> resideInANullMarkedPackage() {
        return new ArchCondition<>("reside in a package whose package-info.java is @NullMarked") {
            @Override
            public void check(JavaClass type, ConditionEvents events) {
                boolean marked = type.getPackage().isAnnotatedWith(NullMarked.class);
                events.add(new SimpleConditionEvent(
                        type, marked, type.getPackageName() + (marked ? " is " : " is not ") + "@NullMarked"));
            }
        };
    }
}
