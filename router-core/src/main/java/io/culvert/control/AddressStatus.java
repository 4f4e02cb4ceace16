// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import io.culvert.net.InterfaceAddress;

/**
 * An own address and whether it may be used, for people to look at.
 *
 * @param conflicts how often another station was seen using it
 */
public record AddressStatus(int interfaceId, InterfaceAddress address, State state, long conflicts) {
    /** RFC 4862 section 5.4. */
    public enum State {
        /** Not used yet: it is being found out whether another station has it. */
        TENTATIVE,
        USABLE,
        /** Another station has it: never used. */
        DUPLICATE
    }
}
