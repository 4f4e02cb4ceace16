// SPDX-License-Identifier: Apache-2.0
package io.culvert.app;

import io.culvert.graph.BuiltInStages;
import io.culvert.spi.RouterPlugin;
import io.culvert.spi.StageDescriptor;
import java.util.ArrayList;
import java.util.List;
import java.util.ServiceLoader;

/** The stages that a router of this installation is made of: built in, and brought by plugins on the class path. */
final class Stages {
    private Stages() {}

    static List<StageDescriptor> available() {
        List<StageDescriptor> stages = new ArrayList<>(BuiltInStages.all());
        for (RouterPlugin plugin : ServiceLoader.load(RouterPlugin.class)) {
            stages.addAll(plugin.stages());
        }
        return stages;
    }
}
