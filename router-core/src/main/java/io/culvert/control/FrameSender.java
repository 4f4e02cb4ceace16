// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

/** Sends what the control plane itself has to say on a link. Called from actors; never blocks. */
@FunctionalInterface
public interface FrameSender {
    /**
     * Sends one frame.
     *
     * @param frame from its Ethernet header to its end, checksums complete; not changed by the caller afterwards
     * @return false when it cannot be sent now: the interface is gone or its queue full
     */
    boolean send(int interfaceId, byte[] frame);
}
