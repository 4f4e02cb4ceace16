// SPDX-License-Identifier: Apache-2.0
package io.culvert.spi;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * On an interface that the router implements and plugins call: it may get new methods, which breaks no plugin. What plugins
 * implement gets new methods with a default alone.
 *
 * @since 0.1
 */
@Documented
@Retention(RetentionPolicy.CLASS)
@Target(ElementType.TYPE)
public @interface Provided {}
