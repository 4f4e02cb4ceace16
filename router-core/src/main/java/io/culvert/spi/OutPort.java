// SPDX-License-Identifier: Apache-2.0
package io.culvert.spi;

/**
 * An output of a stage. Implemented by an enum in the stage's file, whose ordinal is the output's index.
 *
 * @since 0.1
 */
public interface OutPort {
    /** The enum constant's name, for output and the graph's picture. */
    String name();

    int ordinal();

    Target target();
}
