// SPDX-License-Identifier: Apache-2.0
package io.culvert.net;

/**
 * Names one set of forwarding, neighbor and session tables. The fast path carries {@link #value()} alone.
 *
 * @since 0.1
 */
public record VrfId(int value) {
    public static final VrfId DEFAULT = new VrfId(0);
}
