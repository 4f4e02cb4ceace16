// SPDX-License-Identifier: Apache-2.0
package io.culvert.plugins;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
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
import org.jspecify.annotations.NullMarked;

/**
 * What the core asks of its stages, asked of the bundled plugins: they have no more than the API that any plugin has.
 */
@AnalyzeClasses(packages = "io.culvert.plugins", importOptions = DoNotIncludeTests.class)
final class ArchitectureTest {
    @ArchTest
    static final ArchRule pluginsUseTheirApiAlone = classes()
            .should()
            .onlyDependOnClassesThat()
            .resideInAnyPackage(
                    "io.culvert.plugins..",
                    "io.culvert.net",
                    "io.culvert.packet",
                    "io.culvert.wire",
                    "io.culvert.spi..",
                    "java..",
                    "org.jspecify..");

    /** But for {@code match}, which is there to be shared. */
    @ArchTest
    static final ArchRule pluginsKnowNothingOfEachOther = slices().matching("io.culvert.plugins.(*)..")
            .should()
            .notDependOnEachOther()
            .ignoreDependency(DescribedPredicate.alwaysTrue(), resideInAPackage("io.culvert.plugins.match"));

    @ArchTest
    static final ArchRule formatNothing = noClasses()
            .that()
            .haveSimpleNameEndingWith("Stage")
            .should()
            .callMethodWhere(new DescribedPredicate<JavaMethodCall>("the target is String.format or String.formatted") {
                @Override
                public boolean test(JavaMethodCall call) {
                    return call.getTargetOwner().isEquivalentTo(String.class)
                            && call.getName().startsWith("format");
                }
            });

    @ArchTest
    static final ArchRule stages = classes()
            .that()
            .areAssignableTo("io.culvert.spi.PacketStage")
            .should()
            .haveModifier(JavaModifier.FINAL)
            .andShould(describeThemselves())
            .andShould(haveSiblingTest());

    @ArchTest
    static final ArchRule stagesNeitherStreamNorLog = noClasses()
            .that()
            .areAssignableTo("io.culvert.spi.PacketStage")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("java.util.stream..", "org.slf4j..", "java.util.logging..");

    @ArchTest
    static final ArchRule namesSayWhatThingsAre =
            noClasses().should().haveNameMatching(".*(Manager|Helper|Utils?|Info)");

    @ArchTest
    static final ArchRule packagesAreNullMarked = classes().should(resideInANullMarkedPackage());

    /** A stage that stands in several places is described several times. */
    private static ArchCondition<JavaClass> describeThemselves() {
        return new ArchCondition<>("have a static field of type StageDescriptor") {
            @Override
            public void check(JavaClass type, ConditionEvents events) {
                boolean found = type.getFields().stream()
                        .anyMatch(field -> field.getModifiers().contains(JavaModifier.STATIC)
                                && field.getRawType().getSimpleName().equals("StageDescriptor"));
                events.add(new SimpleConditionEvent(
                        type, found, type.getName() + (found ? " has" : " has no") + " descriptor"));
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
