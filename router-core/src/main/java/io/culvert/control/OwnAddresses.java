// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import io.culvert.net.InterfaceAddress;
import io.culvert.net.Ip4Address;
import io.culvert.net.Ip6Address;
import io.culvert.net.IpAddress;
import io.culvert.net.MacAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;

/**
 * Claims the router's addresses on their links: duplicate address detection for IPv6 (RFC 4862 section 5.4), announcements
 * when an address comes into use (RFC 5227 section 2.3, RFC 4861 section 7.2.6), and defence when another station uses one
 * (RFC 5227 section 2.4 (c): a router never gives an address up, but says so only every ten seconds).
 *
 * <p>Not implemented: the random delay of up to a second before the first probe, which keeps hosts apart that are powered
 * on together; probing of IPv4 addresses (RFC 5227 section 2.1); multicast listener reports for the solicited-node groups,
 * so a switch in between must not prune them. Confined to its actor.
 */
final class OwnAddresses {
    private final NeighborFrames frames;
    private final FrameSender sender;
    private final Alarms alarms;
    private final NeighborSettings settings;
    private final LongSupplier clockNanos;
    private final Logger log;
    private final Listener listener;
    private final List<Claim> claims = new ArrayList<>();

    /** Learns what has become of an address. */
    interface Listener {
        void usable(NeighborPort port, InterfaceAddress address);

        void duplicate(NeighborPort port, InterfaceAddress address);
    }

    OwnAddresses(
            NeighborFrames frames,
            FrameSender sender,
            Alarms alarms,
            NeighborSettings settings,
            LongSupplier clockNanos,
            Logger log,
            Listener listener) {
        this.frames = frames;
        this.sender = sender;
        this.alarms = alarms;
        this.settings = settings;
        this.clockNanos = clockNanos;
        this.log = log;
        this.listener = listener;
    }

    void claim(NeighborPort port, InterfaceAddress address) {
        Claim claim = new Claim(port, address);
        claims.add(claim);
        if (address.address() instanceof Ip6Address ip6 && settings.duplicateProbes() > 0) {
            probe(claim, ip6);
        } else {
            use(claim);
        }
    }

    /** Gives up all addresses of an interface without a word. */
    void release(int interfaceId) {
        claims.removeIf(claim -> {
            boolean gone = claim.port.id() == interfaceId;
            if (gone) {
                alarms.cancel(claim);
            }
            return gone;
        });
    }

    /** Whether an address is one of the router's on this interface, tentative or not. */
    boolean isClaimed(int interfaceId, IpAddress address) {
        return find(interfaceId, address) != null;
    }

    /**
     * Another station uses or claims an address of the router.
     *
     * @param mac the station's, or -1 when it is not known
     */
    void conflict(int interfaceId, IpAddress address, long mac) {
        Claim claim = find(interfaceId, address);
        if (claim == null) {
            return;
        }
        claim.conflicts++;
        String station = mac < 0 ? "another station" : "the station " + MacAddress.toText(mac);
        switch (claim.state) {
            case TENTATIVE -> {
                alarms.cancel(claim);
                claim.state = AddressStatus.State.DUPLICATE;
                log.error(
                        "{}: {} is in use by {} and is not used here; give one of them another address",
                        claim.port.name(),
                        address,
                        station);
                listener.duplicate(claim.port, claim.address);
            }
            case USABLE -> {
                long now = clockNanos.getAsLong();
                if (!claim.defended
                        || now - claim.defendedNanos
                                >= settings.defendInterval().toNanos()) {
                    claim.defended = true;
                    claim.defendedNanos = now;
                    log.warn("{}: {} also uses the router's address {}", claim.port.name(), station, address);
                    announce(claim);
                }
            }
            case DUPLICATE -> {}
        }
    }

    List<AddressStatus> snapshot() {
        return claims.stream()
                .map(claim -> new AddressStatus(claim.port.id(), claim.address, claim.state, claim.conflicts))
                .toList();
    }

    private @Nullable Claim find(int interfaceId, IpAddress address) {
        for (Claim claim : claims) {
            if (claim.port.id() == interfaceId && claim.address.address().equals(address)) {
                return claim;
            }
        }
        return null;
    }

    private void probe(Claim claim, Ip6Address address) {
        if (claim.sent == settings.duplicateProbes()) {
            use(claim);
            return;
        }
        claim.sent++;
        sender.send(claim.port.id(), frames.duplicateProbe(claim.port.mac(), address));
        alarms.set(claim, settings.retransmit(), () -> probe(claim, address));
    }

    private void use(Claim claim) {
        claim.state = AddressStatus.State.USABLE;
        claim.sent = 0;
        claim.port.use(claim.address);
        listener.usable(claim.port, claim.address);
        announceRepeatedly(claim);
    }

    private void announceRepeatedly(Claim claim) {
        if (claim.sent < settings.announcements()) {
            claim.sent++;
            announce(claim);
            alarms.set(claim, settings.announceInterval(), () -> announceRepeatedly(claim));
        }
    }

    private void announce(Claim claim) {
        long mac = claim.port.mac();
        if (claim.address.address() instanceof Ip4Address ip4) {
            sender.send(claim.port.id(), frames.arpAnnouncement(mac, ip4.value()));
        } else if (claim.address.address() instanceof Ip6Address ip6) {
            sender.send(claim.port.id(), frames.unsolicitedAdvertisement(mac, ip6));
        }
    }

    private static final class Claim {
        final NeighborPort port;
        final InterfaceAddress address;
        AddressStatus.State state = AddressStatus.State.TENTATIVE;
        int sent;
        long conflicts;
        boolean defended;
        long defendedNanos;

        Claim(NeighborPort port, InterfaceAddress address) {
            this.port = port;
            this.address = address;
        }
    }
}
