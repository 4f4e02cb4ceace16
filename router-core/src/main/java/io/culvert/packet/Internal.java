// SPDX-License-Identifier: Apache-2.0
package io.culvert.packet;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * Public because packages of the router need it, and no part of the API: it may change at any time, and
 * {@code RouterPlugin.API_VERSION} does not tell. Plugins leave it alone. It stands in this package because all others of
 * the API can import it.
 *
 * @since 0.1
 */
@Documented
@Retention(RetentionPolicy.CLASS)
@Target({ElementType.TYPE, ElementType.METHOD, ElementType.CONSTRUCTOR, ElementType.FIELD})
public @interface Internal {}
