// SPDX-License-Identifier: Apache-2.0
package io.culvert.ffi;

import java.net.InetAddress;

/**
 * An address of a network device, as the kernel has it.
 *
 * @param interfaceIndex the device
 * @param address the device's own address
 * @param prefixLength bits
 * @param flags bits {@code IFA_F_*} of rtnetlink(7)
 */
public record KernelAddress(int interfaceIndex, InetAddress address, int prefixLength, int flags) {
    static final int IFA_F_NODAD = 0x02;
    static final int IFA_F_DADFAILED = 0x08;
    static final int IFA_F_TENTATIVE = 0x40;
    static final int IFA_F_NOPREFIXROUTE = 0x200;

    /** Whether duplicate address detection still runs, so that the address can't be used yet. */
    public boolean isTentative() {
        return (flags & IFA_F_TENTATIVE) != 0;
    }

    /** Whether duplicate address detection found another owner. */
    public boolean isDuplicate() {
        return (flags & IFA_F_DADFAILED) != 0;
    }

    /** Whether the kernel added the route to the prefix by itself. */
    public boolean hasPrefixRoute() {
        return (flags & IFA_F_NOPREFIXROUTE) == 0;
    }

    @Override
    public String toString() {
        return address.getHostAddress() + "/" + prefixLength;
    }
}
