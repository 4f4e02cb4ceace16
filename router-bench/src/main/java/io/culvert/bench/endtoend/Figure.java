// SPDX-License-Identifier: Apache-2.0
package io.culvert.bench.endtoend;

/**
 * What a number is about.
 *
 * @param scenario such as {@code tun-tun}, or {@code process} for what is not about a pair of interfaces
 * @param subject who was measured: the id of a {@link Subject}
 */
record Figure(String scenario, Quantity quantity, String subject) {}
