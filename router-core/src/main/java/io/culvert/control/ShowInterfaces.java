// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import io.culvert.net.MacAddress;
import io.culvert.spi.ManagementAnswer;
import io.culvert.spi.ManagementCommand;
import io.culvert.spi.RouterInterface;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** {@code show interfaces}: how each interface stands, and its traffic over all lanes. */
final class ShowInterfaces implements ManagementCommand {
    private final Supplier<CompletionStage<RouterActor.View>> view;

    ShowInterfaces(Supplier<CompletionStage<RouterActor.View>> view) {
        this.view = view;
    }

    @Override
    public String what() {
        return "interfaces";
    }

    @Override
    public String summary() {
        return "state, addresses and traffic of every interface";
    }

    @Override
    public CompletionStage<ManagementAnswer> answer(List<String> arguments) {
        return view.get().thenApply(ShowInterfaces::table);
    }

    private static ManagementAnswer table(RouterActor.View router) {
        ManagementAnswer.Builder table = ManagementAnswer.Table.titled("interfaces")
                .text("interface")
                .text("device")
                .text("link")
                .text("state")
                .number("mtu")
                .text("mac")
                .text("addresses")
                .text("offloads")
                .number("rx-packets")
                .number("rx-bytes")
                .number("rx-missed")
                .number("tx-packets")
                .number("tx-bytes")
                .number("tx-refused");
        List<RouterInterface> interfaces = router.interfaces().all();
        List<RouterCounters.InterfaceRow> traffic = router.counters().interfaces(interfaces);
        for (int i = 0; i < interfaces.size(); i++) {
            RouterInterface iface = interfaces.get(i);
            RouterCounters.InterfaceRow row = traffic.get(i);
            table.row(
                    iface.name(),
                    iface.device(),
                    iface.link().name().toLowerCase(Locale.ROOT).replace('_', '-'),
                    iface.up() ? "up" : "down",
                    (long) iface.mtu(),
                    mac(iface),
                    addresses(iface),
                    offloads(iface.offloads()),
                    row.rxPackets(),
                    row.rxBytes(),
                    row.rxMissed(),
                    row.txPackets(),
                    row.txBytes(),
                    row.txRefused());
        }
        return table.answer();
    }

    private static @Nullable String mac(RouterInterface iface) {
        return iface.mac() == 0 ? null : MacAddress.toText(iface.mac());
    }

    /** What the device finishes by itself, or null when that is nothing. */
    private static @Nullable String offloads(RouterInterface.Offloads offloads) {
        List<String> words = new ArrayList<>();
        if (offloads.checksum()) {
            words.add("checksum");
        }
        if (offloads.tcp4()) {
            words.add("tcp4");
        }
        if (offloads.tcp6()) {
            words.add("tcp6");
        }
        if (offloads.udp()) {
            words.add("udp");
        }
        return words.isEmpty() ? null : String.join(" ", words);
    }

    private static String addresses(RouterInterface iface) {
        String global = iface.addresses().stream().map(Object::toString).collect(Collectors.joining(" "));
        return iface.linkLocal() == null ? global : (global + " " + iface.linkLocal()).trim();
    }
}
