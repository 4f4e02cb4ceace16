// SPDX-License-Identifier: Apache-2.0
package io.culvert.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import io.culvert.spi.PacketStage;
import io.culvert.spi.StageDescriptor;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class StagesTest {
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

        assertThat(Stages.available()).containsAll(written).doesNotHaveDuplicates();
    }
}
