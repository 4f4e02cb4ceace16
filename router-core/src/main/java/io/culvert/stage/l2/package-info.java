// SPDX-License-Identifier: Apache-2.0
/**
 * Ethernet below IPv4 and IPv6: frames are taken apart ({@link io.culvert.stage.l2.EthernetInputStage}), ARP is answered
 * ({@link io.culvert.stage.l2.ArpInputStage}), and packets about to leave get their link header ({@link
 * io.culvert.stage.l2.L2RewriteStage}).
 */
@NullMarked
package io.culvert.stage.l2;

import org.jspecify.annotations.NullMarked;
