// SPDX-License-Identifier: Apache-2.0
package io.culvert.iface;

import io.culvert.config.InterfaceConfig;
import io.culvert.net.MacAddress;
import io.culvert.spi.InterfaceKind;
import io.culvert.spi.InterfaceSetup;
import io.culvert.spi.RouterInterface.Link;
import java.util.Locale;

/**
 * The kinds of interface that the router brings by itself. Their settings have sections of their own in the configuration,
 * with more than {@link io.culvert.spi.ConfigKey} can say, and are read from there.
 */
enum BuiltInKind implements InterfaceKind {
    TUN("Bare IP packets to the kernel at the other end.", Link.POINT_TO_POINT),
    TAP("Ethernet frames, with the kernel, a bridge or a guest at the other end.", Link.ETHERNET),
    PACKET("A packet socket on a network device that exists.", Link.ETHERNET);

    private final String text;
    private final Link link;

    BuiltInKind(String text, Link link) {
        this.text = text;
        this.link = link;
    }

    /** The kind of a type that no plugin has brought. */
    static BuiltInKind of(String type) {
        return valueOf(type.toUpperCase(Locale.ROOT));
    }

    @Override
    public String type() {
        return name().toLowerCase(Locale.ROOT);
    }

    @Override
    public String text() {
        return text;
    }

    @Override
    public Link link() {
        return link;
    }

    @Override
    public Opener opener(InterfaceSetup setup) {
        KernelSetup here = (KernelSetup) setup;
        return switch (this) {
            case TUN -> {
                InterfaceConfig.Tun tun = (InterfaceConfig.Tun) here.config();
                yield new TunOpener(here, tun, tun.virtual(), 0)::open;
            }
            case TAP -> {
                InterfaceConfig.Tap tap = (InterfaceConfig.Tap) here.config();
                MacAddress configured = tap.mac();
                long mac = configured == null ? here.madeUpMac() : configured.value();
                yield new TunOpener(here, tap, tap.virtual(), mac)::open;
            }
            case PACKET -> new PacketOpener(here, (InterfaceConfig.Packet) here.config())::open;
        };
    }
}
