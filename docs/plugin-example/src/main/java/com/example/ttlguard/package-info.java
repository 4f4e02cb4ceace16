// SPDX-License-Identifier: Apache-2.0
/** The plugin {@code ttl-guard} for Culvert. */
package com.example.ttlguard;
