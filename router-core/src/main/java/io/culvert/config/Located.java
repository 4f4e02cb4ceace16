// SPDX-License-Identifier: Apache-2.0
package io.culvert.config;

import com.typesafe.config.ConfigOrigin;

/** A value and the place in the file that gave it. */
record Located<T>(T value, ConfigOrigin origin) {}
