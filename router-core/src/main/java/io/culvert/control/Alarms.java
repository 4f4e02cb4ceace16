// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import java.time.Duration;

/** Has actions run later by the actor that owns the caller, on its thread. */
interface Alarms {
    /** Runs the action once after the delay, in place of what was set for this key before. */
    void set(Object key, Duration delay, Runnable action);

    void cancel(Object key);
}
