// SPDX-License-Identifier: Apache-2.0
package io.culvert.config;

import java.nio.charset.StandardCharsets;
import java.util.regex.Pattern;

/** The names that operators choose, and those that the kernel limits. */
final class Names {
    /** The kernel's IFNAMSIZ without the final zero byte. */
    private static final int DEVICE_BYTES = 15;
    /** The kernel's sockaddr_un.sun_path without the final zero byte. */
    private static final int SOCKET_BYTES = 107;

    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9_-]{0,30}");
    private static final Pattern ACCOUNT = Pattern.compile("\\d{1,9}|[A-Za-z_][A-Za-z0-9_.-]{0,31}");

    static final ValueType<String> ROUTER =
            ValueType.text("a name of letters, digits, - and _, at most 31", text -> isName(text) ? text : null);
    static final ValueType<String> DEVICE =
            ValueType.named("the name of a network device", text -> device(text, false));
    static final ValueType<String> DEVICE_OR_PATTERN =
            ValueType.named("the name of a device, or a pattern like tun%d", text -> device(text, true));
    static final ValueType<String> ACCOUNT_NAME =
            ValueType.text("a name or a number", text -> ACCOUNT.matcher(text).matches() ? text : null);
    static final ValueType<String> NETNS = ValueType.text(
            "the name of a network namespace, or the absolute path of one",
            text -> text.matches("/[^\\s]+|[^/\\s.][^/\\s]{0,254}") ? text : null);
    static final ValueType<String> SOCKET = ValueType.named("an absolute path", Names::socket);

    private Names() {}

    /** Whether an interface or router may be called so. */
    static boolean isName(String text) {
        return NAME.matcher(text).matches();
    }

    private static String device(String text, boolean mayBePattern) {
        int bytes = text.getBytes(StandardCharsets.UTF_8).length;
        if (bytes > DEVICE_BYTES) {
            throw new IllegalArgumentException(
                    "device name \"" + text + "\" has " + bytes + " bytes, the kernel takes " + DEVICE_BYTES);
        }
        // What dev_valid_name of the kernel refuses.
        if (text.isEmpty() || text.equals(".") || text.equals("..") || text.matches(".*[/:\\s].*")) {
            throw new IllegalArgumentException(
                    "\"" + text + "\" is no device name: it needs a character, and none of / : and blanks");
        }
        String rest = mayBePattern ? text.replaceFirst("%d", "") : text;
        if (rest.indexOf('%') >= 0) {
            throw new IllegalArgumentException("\"" + text + "\" has a % that is not "
                    + (mayBePattern ? "one %d" : "allowed here: the device must exist, so name it"));
        }
        return text;
    }

    private static String socket(String text) {
        int bytes = text.getBytes(StandardCharsets.UTF_8).length;
        if (!text.startsWith("/") || text.endsWith("/")) {
            throw new IllegalArgumentException("\"" + text + "\" is not an absolute path of a socket");
        }
        if (bytes > SOCKET_BYTES) {
            throw new IllegalArgumentException(
                    "path \"" + text + "\" has " + bytes + " bytes, a socket's has at most " + SOCKET_BYTES);
        }
        return text;
    }
}
