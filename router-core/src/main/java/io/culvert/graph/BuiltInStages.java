// SPDX-License-Identifier: Apache-2.0
package io.culvert.graph;

import io.culvert.spi.StageDescriptor;
import io.culvert.stage.device.DeviceInputStage;
import io.culvert.stage.icmp.Icmp4EchoStage;
import io.culvert.stage.icmp.Icmp4ErrorStage;
import io.culvert.stage.icmp.Icmp6EchoStage;
import io.culvert.stage.icmp.Icmp6ErrorStage;
import io.culvert.stage.ip4.Ip4InputStage;
import io.culvert.stage.ip4.Ip4LocalPoliceStage;
import io.culvert.stage.ip4.Ip4LocalStage;
import io.culvert.stage.ip4.Ip4LookupStage;
import io.culvert.stage.ip4.Ip4MtuStage;
import io.culvert.stage.ip4.Ip4ReassemblyStage;
import io.culvert.stage.ip4.Ip4RedirectStage;
import io.culvert.stage.ip4.Ip4RefuseStage;
import io.culvert.stage.ip4.Ip4TtlStage;
import io.culvert.stage.ip6.Ip6HopLimitStage;
import io.culvert.stage.ip6.Ip6InputStage;
import io.culvert.stage.ip6.Ip6LocalPoliceStage;
import io.culvert.stage.ip6.Ip6LocalStage;
import io.culvert.stage.ip6.Ip6LookupStage;
import io.culvert.stage.ip6.Ip6MtuStage;
import io.culvert.stage.ip6.Ip6ReassemblyStage;
import io.culvert.stage.ip6.Ip6RedirectStage;
import io.culvert.stage.ip6.Ip6RefuseStage;
import io.culvert.stage.l2.ArpInputStage;
import io.culvert.stage.l2.EthernetInputStage;
import io.culvert.stage.l2.L2RewriteStage;
import io.culvert.stage.local.LocalDeliveryStage;
import io.culvert.stage.nd.NdInputStage;
import io.culvert.stage.offload.CoalesceStage;
import io.culvert.stage.offload.DeviceOffloadStage;
import java.util.List;

/** The stages that every router is made of, along the way of a packet. */
public final class BuiltInStages {
    private BuiltInStages() {}

    public static List<StageDescriptor> all() {
        return List.of(
                DeviceInputStage.DESCRIPTOR,
                EthernetInputStage.DESCRIPTOR,
                ArpInputStage.DESCRIPTOR,
                Ip4InputStage.DESCRIPTOR,
                Ip4LookupStage.DESCRIPTOR,
                Ip4TtlStage.DESCRIPTOR,
                Ip4RedirectStage.DESCRIPTOR,
                Ip4MtuStage.DESCRIPTOR,
                Ip4ReassemblyStage.DESCRIPTOR,
                Ip4LocalPoliceStage.DESCRIPTOR,
                Ip4LocalStage.DESCRIPTOR,
                Ip4RefuseStage.DESCRIPTOR,
                Icmp4EchoStage.DESCRIPTOR,
                Icmp4ErrorStage.DESCRIPTOR,
                Ip6InputStage.DESCRIPTOR,
                Ip6LookupStage.DESCRIPTOR,
                Ip6HopLimitStage.DESCRIPTOR,
                Ip6RedirectStage.DESCRIPTOR,
                Ip6MtuStage.DESCRIPTOR,
                Ip6ReassemblyStage.DESCRIPTOR,
                Ip6LocalPoliceStage.DESCRIPTOR,
                Ip6LocalStage.DESCRIPTOR,
                Ip6RefuseStage.DESCRIPTOR,
                NdInputStage.DESCRIPTOR,
                Icmp6EchoStage.DESCRIPTOR,
                Icmp6ErrorStage.DESCRIPTOR,
                LocalDeliveryStage.DESCRIPTOR,
                L2RewriteStage.DESCRIPTOR,
                DeviceOffloadStage.DESCRIPTOR,
                CoalesceStage.DESCRIPTOR);
    }
}
