// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import io.culvert.spi.InterfaceKind;
import io.culvert.spi.InterfaceSetup;
import io.culvert.spi.RouterInterface;
import java.io.IOException;

/** A kind of interface with Ethernet frames and neighbors, whose devices the test plays. */
final class EthernetKind implements InterfaceKind {
    @Override
    public String type() {
        return "wire";
    }

    @Override
    public String text() {
        return "For the test.";
    }

    @Override
    public RouterInterface.Link link() {
        return RouterInterface.Link.ETHERNET;
    }

    @Override
    public Opener opener(InterfaceSetup setup) {
        return () -> {
            throw new IOException("the test plays the device");
        };
    }
}
