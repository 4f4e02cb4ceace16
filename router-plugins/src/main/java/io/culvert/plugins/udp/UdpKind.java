// SPDX-License-Identifier: Apache-2.0
package io.culvert.plugins.udp;

import io.culvert.net.IpAddress;
import io.culvert.spi.BadSettingException;
import io.culvert.spi.ConfigKey;
import io.culvert.spi.ConfigType;
import io.culvert.spi.CounterId;
import io.culvert.spi.Device;
import io.culvert.spi.DropReason;
import io.culvert.spi.InterfaceKind;
import io.culvert.spi.InterfaceSetup;
import io.culvert.spi.ReceiveQueue;
import io.culvert.spi.RouterInterface;
import io.culvert.spi.Settings;
import io.culvert.spi.TransmitQueue;
import io.culvert.spi.UdpSocket;
import java.io.IOException;
import java.net.Inet4Address;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Plain IP over UDP to one peer: a datagram's payload is one IPv4 or IPv6 packet, from its first byte to its last.
 *
 * <p>The host's routes carry the datagrams. The MTU follows what the kernel knows of the path, or is the configured one.
 * With {@code keepalive} the link is up while the peer is heard: an empty datagram says "here I am".
 */
final class UdpKind implements InterfaceKind {
    /** The settings. */
    enum Setting implements ConfigKey {
        LOCAL(
                "local",
                ConfigType.ENDPOINT,
                null,
                "The address and port of this end; 0.0.0.0 or :: lets the host's routes choose the address."),
        PEER("peer", ConfigType.ENDPOINT, null, "The address and port of the other end."),
        KEEPALIVE(
                "keepalive",
                ConfigType.DURATION,
                "0s",
                "How long nothing is sent before an empty datagram is; the link is down while nothing was heard for three times"
                        + " as long, so both ends need it. 0s for never, and a link that is always up.");

        private final String key;
        private final ConfigType type;
        private final @Nullable String defaultText;
        private final String text;

        Setting(String key, ConfigType type, @Nullable String defaultText, String text) {
            this.key = key;
            this.type = type;
            this.defaultText = defaultText;
            this.text = text;
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
            return defaultText;
        }

        @Override
        public String text() {
            return text;
        }
    }

    /** The largest IP packet of either family that can be an outer one (RFC 791 section 3.1). */
    private static final int LARGEST_PACKET = 65535;

    @Override
    public String type() {
        return "udp";
    }

    @Override
    public String text() {
        return "A tunnel to one peer: each datagram of UDP holds one IP packet and nothing else.";
    }

    @Override
    public RouterInterface.Link link() {
        return RouterInterface.Link.POINT_TO_POINT;
    }

    @Override
    public List<ConfigKey> keys() {
        return List.of(Setting.values());
    }

    @Override
    public List<DropReason> drops() {
        return List.of(UdpSocket.Drop.values());
    }

    @Override
    public List<CounterId> counters() {
        return List.of(UdpSocket.Counter.values());
    }

    @Override
    public void check(Settings settings) throws BadSettingException {
        InetSocketAddress local = settings.endpoint(Setting.LOCAL);
        InetSocketAddress peer = settings.endpoint(Setting.PEER);
        if (local == null) {
            throw new BadSettingException(Setting.LOCAL, "is empty, expected an address and a port");
        }
        if (peer == null
                || peer.getAddress().isAnyLocalAddress()
                || peer.getAddress().isMulticastAddress()) {
            throw new BadSettingException(Setting.PEER, "is not one host, expected its address and port");
        }
        if (isIp4(local) != isIp4(peer)) {
            throw new BadSettingException(Setting.PEER, "is of another family than local, expected both of one");
        }
        if (local.getAddress().isMulticastAddress()) {
            throw new BadSettingException(Setting.LOCAL, "is multicast, expected an address of this host");
        }
    }

    @Override
    public String device(Settings settings) {
        InetSocketAddress peer = Objects.requireNonNull(settings.endpoint(Setting.PEER));
        IpAddress host = IpAddress.parse(peer.getAddress().getHostAddress()); // for the short form of IPv6
        return (isIp4(peer) ? host : "[" + host + "]") + ":" + peer.getPort();
    }

    @Override
    public int overheadBytes(Settings settings) {
        return overhead(Objects.requireNonNull(settings.endpoint(Setting.PEER)));
    }

    private static int overhead(InetSocketAddress peer) {
        return isIp4(peer) ? UdpSocket.OVERHEAD4 : UdpSocket.OVERHEAD6;
    }

    private static boolean isIp4(InetSocketAddress endpoint) {
        return endpoint.getAddress() instanceof Inet4Address;
    }

    @Override
    public Opener opener(InterfaceSetup setup) {
        return () -> open(setup);
    }

    private Device open(InterfaceSetup setup) throws IOException {
        Settings settings = setup.settings();
        InetSocketAddress peer = Objects.requireNonNull(settings.endpoint(Setting.PEER));
        UdpSocket socket = setup.openUdp(Objects.requireNonNull(settings.endpoint(Setting.LOCAL)), peer);
        try {
            UdpLink link =
                    new UdpLink(socket, settings.durationNanos(Setting.KEEPALIVE), overhead(peer), System::nanoTime);
            int most = LARGEST_PACKET - overhead(peer);
            int mtu = setup.mtu().isPresent() ? Math.min(setup.mtu().getAsInt(), most) : link.followPath(most);
            List<ReceiveQueue> receive = List.of(link.receiver(socket.receiveQueue()));
            List<TransmitQueue> transmit = new ArrayList<>();
            for (int lane = 0; lane < setup.laneCount(); lane++) {
                transmit.add(link.transmitter(socket.transmitQueue(lane)));
            }
            return new Device(
                    device(settings),
                    link(),
                    mtu,
                    0,
                    0,
                    RouterInterface.Offloads.NONE,
                    receive,
                    transmit,
                    link,
                    socket::close);
        } catch (IOException | RuntimeException failed) {
            socket.close();
            throw failed;
        }
    }
}
