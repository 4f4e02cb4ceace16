// SPDX-License-Identifier: Apache-2.0
package io.culvert.config;

import com.typesafe.config.ConfigList;
import com.typesafe.config.ConfigObject;
import com.typesafe.config.ConfigValue;
import com.typesafe.config.ConfigValueType;
import io.culvert.net.InterfaceAddress;
import io.culvert.net.Ip4Address;
import io.culvert.net.Ip6Address;
import io.culvert.net.IpAddress;
import io.culvert.net.IpPrefix;
import io.culvert.net.MacAddress;
import io.culvert.spi.ConfigType;
import io.culvert.spi.Settings;
import java.math.BigDecimal;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Function;
import java.util.function.LongFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** What a key takes: reads the value from the file, or reports what is wrong with it. */
abstract class ValueType<T> {
    private static final Pattern DURATION = Pattern.compile("(\\d{1,9})\\s*(ns|us|ms|s|m|h|d)");
    private static final Pattern RATE = Pattern.compile("(\\d{1,12})\\s*/\\s*s");
    private static final Pattern SHARE_TEXT = Pattern.compile("(\\d{1,3}(?:\\.\\d{1,9})?)\\s*%");
    private static final Pattern BIT_RATE = Pattern.compile("(\\d{1,12}(?:\\.\\d{1,9})?)\\s*([kMGT]?)bit/s");
    private static final Pattern BYTES = Pattern.compile("(\\d{1,15})\\s*(B|KiB|MiB|GiB)?");
    private static final Pattern ENDPOINT = Pattern.compile("(?:\\[([0-9A-Fa-f:.]+)]|([0-9.]+)):(\\d{1,5})");

    static final ValueType<String> TEXT = text("a text", text -> text);
    static final ValueType<Boolean> BOOLEAN = text(ConfigType.BOOLEAN.expected(), text -> switch (text) {
        case "true" -> true;
        case "false" -> false;
        default -> null;
    });
    static final ValueType<Boolean> SWITCH = text("on or off", text -> switch (text) {
        case "on" -> true;
        case "off" -> false;
        default -> null;
    });
    /** From 0 to 1. */
    static final ValueType<Double> SHARE = text(ConfigType.SHARE.expected(), ValueType::parseShare);

    static final ValueType<MacAddress> MAC = named("a MAC address like 02:00:00:00:00:01", ValueType::parseMac);
    static final ValueType<IpAddress> ADDRESS = named("an address like 192.0.2.1 or 2001:db8::1", IpAddress::parse);
    static final ValueType<IpPrefix> PREFIX = named("a prefix like 192.0.2.0/24 or 2001:db8::/32", IpPrefix::parse);
    static final ValueType<InterfaceAddress> INTERFACE_ADDRESS =
            named("an address with its prefix length like 192.0.2.1/24", InterfaceAddress::parse);

    /** Empty for an empty text. */
    static final ValueType<Optional<IpAddress>> OPTIONAL_ADDRESS = named(
            ConfigType.ADDRESS.expected(),
            text -> text.isEmpty() ? Optional.empty() : Optional.of(IpAddress.parse(text)));
    /** Empty for an empty text. */
    static final ValueType<Optional<InetSocketAddress>> OPTIONAL_ENDPOINT = named(
            ConfigType.ENDPOINT.expected(),
            text -> text.isEmpty() ? Optional.empty() : Optional.of(parseEndpoint(text)));

    private final String expected;

    private ValueType(String expected) {
        this.expected = expected;
    }

    /** Completes "expected ...". */
    final String expected() {
        return expected;
    }

    /** Returns null after it has reported a problem. */
    abstract @Nullable T read(String path, ConfigValue value, Problems problems);

    /** The section inside a value of this type, for the reference documentation; null when there is none. */
    @Nullable
    Section inner() {
        return null;
    }

    static ValueType<Long> number(long least, long most) {
        String expected = most == Long.MAX_VALUE
                ? "a whole number" + (least == 0 ? "" : " from " + least)
                : "a whole number from " + least + " to " + most;
        return text(expected, text -> {
            if (!text.matches("\\d{1,18}")) {
                return null;
            }
            long number = Long.parseLong(text);
            return number >= least && number <= most ? (Long) number : null;
        });
    }

    /** A number that may be left to the router: {@code auto} reads as empty. */
    static ValueType<OptionalInt> numberOrAuto(int least, int most) {
        ValueType<Long> number = number(least, most);
        return new ValueType<>(number.expected() + ", or auto") {
            @Override
            @Nullable
            OptionalInt read(String path, ConfigValue value, Problems problems) {
                String text = textOf(value);
                if ("auto".equals(text)) {
                    return OptionalInt.empty();
                }
                if (text == null || !text.matches("\\d{1,9}") || parse(text) < least || parse(text) > most) {
                    return mismatch(path, value, problems);
                }
                return OptionalInt.of(parse(text));
            }

            private static int parse(String text) {
                return Integer.parseInt(text);
            }
        };
    }

    static ValueType<Duration> duration(Duration least, Duration most) {
        boolean bounded = !least.isZero() || most.compareTo(Duration.ofDays(10_000)) < 0;
        String expected =
                ConfigType.DURATION.expected() + (bounded ? " from " + show(least) + " to " + show(most) : "");
        return text(expected, text -> {
            Matcher matcher = DURATION.matcher(text);
            if (!matcher.matches()) {
                return null;
            }
            Duration duration = Duration.ofNanos(1)
                    .multipliedBy(nanos(matcher.group(2)))
                    .multipliedBy(Long.parseLong(matcher.group(1)));
            return duration.compareTo(least) >= 0 && duration.compareTo(most) <= 0 ? duration : null;
        });
    }

    private static long nanos(String unit) {
        return switch (unit) {
            case "ns" -> 1;
            case "us" -> 1_000;
            case "ms" -> 1_000_000;
            case "s" -> 1_000_000_000L;
            case "m" -> 60_000_000_000L;
            case "h" -> 3_600_000_000_000L;
            case "d" -> 86_400_000_000_000L;
            default -> throw new IllegalArgumentException(unit);
        };
    }

    private static String show(Duration duration) {
        long nanos = duration.toNanos();
        for (String unit : List.of("d", "h", "m", "s", "ms", "us")) {
            if (nanos % nanos(unit) == 0 && nanos != 0) {
                return nanos / nanos(unit) + unit;
            }
        }
        return nanos == 0 ? "0s" : nanos + "ns";
    }

    /** Events per second. */
    static ValueType<Long> rate(long least, long most) {
        return measured(ConfigType.RATE, least, most, number -> number + "/s", text -> {
            Matcher matcher = RATE.matcher(text);
            return matcher.matches() ? (Long) Long.parseLong(matcher.group(1)) : null;
        });
    }

    /** Bits per second. */
    static ValueType<Long> bitRate(long least, long most) {
        return measured(ConfigType.BIT_RATE, least, most, ValueType::showBitRate, text -> {
            Matcher matcher = BIT_RATE.matcher(text);
            if (!matcher.matches()) {
                return null;
            }
            int thousands = "kMGT".indexOf(matcher.group(2)) + (matcher.group(2).isEmpty() ? 0 : 1);
            BigDecimal bits = new BigDecimal(matcher.group(1)).scaleByPowerOfTen(3 * thousands);
            // Half a bit per second is a slip of the pen.
            return bits.stripTrailingZeros().scale() <= 0 && bits.precision() - bits.scale() <= 18
                    ? (Long) bits.longValueExact()
                    : null;
        });
    }

    static ValueType<Long> bytes(long least, long most) {
        return measured(ConfigType.BYTES, least, most, ValueType::showBytes, text -> {
            Matcher matcher = BYTES.matcher(text);
            if (!matcher.matches()) {
                return null;
            }
            String unit = matcher.group(2);
            int shift =
                    unit == null ? 0 : 10 * List.of("B", "KiB", "MiB", "GiB").indexOf(unit);
            long number = Long.parseLong(matcher.group(1));
            return number <= Long.MAX_VALUE >> shift ? (Long) (number << shift) : null;
        });
    }

    /** A number with a unit, in a range; a rate without a greatest value may be {@code off}. */
    private static ValueType<Long> measured(
            ConfigType type,
            long least,
            long most,
            LongFunction<String> shown,
            Function<String, @Nullable Long> parser) {
        boolean mayBeOff = type != ConfigType.BYTES && most == Long.MAX_VALUE;
        String range = most != Long.MAX_VALUE
                ? " from " + shown.apply(least) + " to " + shown.apply(most)
                : least != 0 ? " from " + shown.apply(least) : "";
        return text(type.expected() + range + (mayBeOff ? ", or off" : ""), text -> {
            if (mayBeOff && text.equals("off")) {
                return Settings.UNLIMITED;
            }
            Long number = parser.apply(text);
            return number != null && number >= least && number <= most ? number : null;
        });
    }

    private static String showBitRate(long bits) {
        int thousands = 0;
        long shown = bits;
        while (shown != 0 && shown % 1000 == 0 && thousands < 4) {
            shown /= 1000;
            thousands++;
        }
        return shown + List.of("", "k", "M", "G", "T").get(thousands) + "bit/s";
    }

    private static String showBytes(long bytes) {
        int unit = 0;
        while (unit < 3 && bytes != 0 && bytes % (1L << 10 * (unit + 1)) == 0) {
            unit++;
        }
        return (bytes >> 10 * unit) + List.of("", "KiB", "MiB", "GiB").get(unit);
    }

    private static @Nullable Double parseShare(String text) {
        Matcher matcher = SHARE_TEXT.matcher(text);
        if (!matcher.matches()) {
            return null;
        }
        double share = new BigDecimal(matcher.group(1)).movePointLeft(2).doubleValue();
        return share <= 1 ? (Double) share : null;
    }

    private static InetSocketAddress parseEndpoint(String text) {
        Matcher matcher = ENDPOINT.matcher(text);
        if (!matcher.matches()) {
            throw new IllegalArgumentException("\"" + text + "\" is not " + ConfigType.ENDPOINT.expected());
        }
        IpAddress address =
                matcher.group(1) != null ? Ip6Address.parse(matcher.group(1)) : Ip4Address.parse(matcher.group(2));
        int port = Integer.parseInt(matcher.group(3));
        if (port == 0 || port > 65535) {
            throw new IllegalArgumentException("\"" + text + "\" has port " + port + ", expected one from 1 to 65535");
        }
        return new InetSocketAddress(address.toInetAddress(), port);
    }

    private static MacAddress parseMac(String text) {
        MacAddress mac = MacAddress.parse(text);
        if (MacAddress.isGroup(mac.value()) || mac.value() == 0) {
            throw new IllegalArgumentException("\"" + text + "\" is not the address of one station");
        }
        return mac;
    }

    /** One of an enum's constants, written in lower case with dashes. */
    static <E extends Enum<E>> ValueType<E> choice(Class<E> type) {
        return choice(Arrays.asList(type.getEnumConstants()), ValueType::written);
    }

    static <E> ValueType<E> choice(List<E> choices, Function<E, String> written) {
        List<String> words = choices.stream().map(written).toList();
        return new ValueType<>(Suggestion.oneOf(words)) {
            @Override
            @Nullable
            E read(String path, ConfigValue value, Problems problems) {
                String text = textOf(value);
                int index = text == null ? -1 : words.indexOf(text);
                if (index >= 0) {
                    return choices.get(index);
                }
                String nearest = text == null ? null : Suggestion.nearest(text, words);
                problems.add(
                        value.origin(),
                        path + " is " + describe(value)
                                + (nearest == null ? ", expected " + expected() : ", did you mean " + nearest + "?"));
                return null;
            }
        };
    }

    static String written(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** A text whose parser answers null for "not what was expected". */
    static <T> ValueType<T> text(String expected, Function<String, @Nullable T> parser) {
        return new ValueType<>(expected) {
            @Override
            @Nullable
            T read(String path, ConfigValue value, Problems problems) {
                String text = textOf(value);
                T parsed = text == null ? null : parser.apply(text);
                return parsed == null ? mismatch(path, value, problems) : parsed;
            }
        };
    }

    /** A text whose parser throws {@link IllegalArgumentException} with a message that quotes it. */
    static <T> ValueType<T> named(String expected, Function<String, T> parser) {
        return new ValueType<>(expected) {
            @Override
            @Nullable
            T read(String path, ConfigValue value, Problems problems) {
                String text = textOf(value);
                if (text == null) {
                    return mismatch(path, value, problems);
                }
                try {
                    return parser.apply(text);
                } catch (IllegalArgumentException e) {
                    problems.add(value.origin(), path + ": " + e.getMessage());
                    return null;
                }
            }
        };
    }

    /** A list; one value alone stands for a list of one. A list with a mistake in an element is null as a whole. */
    static <T> ValueType<List<Located<T>>> listOf(ValueType<T> element) {
        return new ValueType<>(element.expected() + ", or a list of such") {
            @Override
            @Nullable
            List<Located<T>> read(String path, ConfigValue value, Problems problems) {
                List<ConfigValue> given = value instanceof ConfigList list ? list : List.of(value);
                List<Located<T>> read = new ArrayList<>(given.size());
                for (ConfigValue one : given) {
                    T parsed = element.read(path, one, problems);
                    if (parsed != null) {
                        read.add(new Located<>(parsed, one.origin()));
                    }
                }
                return read.size() == given.size() ? List.copyOf(read) : null;
            }

            @Override
            @Nullable
            Section inner() {
                return element.inner();
            }
        };
    }

    /** A list that may be left to the router: {@code auto} reads as the empty list. */
    static <T> ValueType<List<Located<T>>> listOrAuto(ValueType<T> element) {
        ValueType<List<Located<T>>> list = listOf(element);
        return new ValueType<>(list.expected() + ", or auto") {
            @Override
            @Nullable
            List<Located<T>> read(String path, ConfigValue value, Problems problems) {
                return "auto".equals(textOf(value)) ? List.of() : list.read(path, value, problems);
            }
        };
    }

    /** An object with the keys of a section. */
    static ValueType<Values> section(Section section) {
        return new ValueType<>("{ ... }") {
            @Override
            @Nullable
            Values read(String path, ConfigValue value, Problems problems) {
                return value instanceof ConfigObject object
                        ? section.read(path, object, problems)
                        : mismatch(path, value, problems);
            }

            @Override
            Section inner() {
                return section;
            }
        };
    }

    /** An object that is read later, by what knows its keys. */
    static ValueType<ConfigObject> object() {
        return new ValueType<>("{ ... }") {
            @Override
            @Nullable
            ConfigObject read(String path, ConfigValue value, Problems problems) {
                return value instanceof ConfigObject object ? object : mismatch(path, value, problems);
            }
        };
    }

    /** Reads a section whose name the operator chose. */
    interface NamedReader {
        Values read(String path, String name, ConfigObject object, Problems problems);
    }

    /** An object that holds a section under each name; the result is in the order of the file. */
    static ValueType<Map<String, Values>> sectionsByName(NamedReader reader, Section documented) {
        return new ValueType<>("{ NAME { ... } ... }") {
            @Override
            @Nullable
            Map<String, Values> read(String path, ConfigValue value, Problems problems) {
                if (!(value instanceof ConfigObject named)) {
                    return mismatch(path, value, problems);
                }
                Map<String, Values> read = new LinkedHashMap<>();
                named.entrySet().stream().sorted(IN_FILE).forEach(entry -> {
                    String at = Section.join(path, entry.getKey());
                    if (entry.getValue() instanceof ConfigObject object) {
                        read.put(entry.getKey(), reader.read(at, entry.getKey(), object, problems));
                    } else if (entry.getValue().valueType() != ConfigValueType.NULL) {
                        problems.add(
                                entry.getValue().origin(),
                                at + " is " + describe(entry.getValue()) + ", expected { ... }");
                    }
                });
                return Collections.unmodifiableMap(read);
            }

            @Override
            Section inner() {
                return documented;
            }
        };
    }

    /**
     * An object that holds a value under each of the names it may have.
     *
     * @param expected completes "expected ..."
     * @param typeOf the type of the value under a name; throws {@link IllegalArgumentException}, quoting the name, for one
     *     that has no business there
     */
    static <T> ValueType<Map<String, T>> valuesByName(String expected, Function<String, ValueType<T>> typeOf) {
        return new ValueType<>(expected) {
            @Override
            @Nullable
            Map<String, T> read(String path, ConfigValue value, Problems problems) {
                if (!(value instanceof ConfigObject named)) {
                    return mismatch(path, value, problems);
                }
                Map<String, T> read = new LinkedHashMap<>();
                named.entrySet().stream().sorted(IN_FILE).forEach(entry -> {
                    try {
                        T one = typeOf.apply(entry.getKey())
                                .read(Section.join(path, entry.getKey()), entry.getValue(), problems);
                        if (one != null) {
                            read.put(entry.getKey(), one);
                        }
                    } catch (IllegalArgumentException e) {
                        problems.add(entry.getValue().origin(), path + ": " + e.getMessage());
                    }
                });
                return Collections.unmodifiableMap(read);
            }
        };
    }

    private static final Comparator<Map.Entry<String, ConfigValue>> IN_FILE = Comparator.comparing(
                    (Map.Entry<String, ConfigValue> entry) ->
                            Objects.requireNonNullElse(entry.getValue().origin().filename(), ""))
            .thenComparing(entry -> entry.getValue().origin().lineNumber())
            .thenComparing(Map.Entry::getKey);

    final @Nullable T mismatch(String path, ConfigValue value, Problems problems) {
        problems.add(value.origin(), path + " is " + describe(value) + ", expected " + expected());
        return null;
    }

    /** The text of a scalar as it stands in the file, or null for anything else. */
    static @Nullable String textOf(ConfigValue value) {
        return switch (value.valueType()) {
            case STRING -> (String) value.unwrapped();
            // Not the number itself: a mode 0660 keeps its leading zero only in the text.
            case NUMBER, BOOLEAN -> value.render();
            case OBJECT, LIST, NULL -> null;
        };
    }

    static String describe(ConfigValue value) {
        return switch (value.valueType()) {
            case STRING -> "\"" + value.unwrapped() + "\"";
            case NUMBER, BOOLEAN -> value.render();
            case OBJECT -> "a section";
            case LIST -> "a list";
            case NULL -> "null";
        };
    }

    /** "10.0.0.1/24 and fd00::1/64". */
    static String and(List<?> things) {
        return things.stream().map(Object::toString).collect(Collectors.joining(" and "));
    }
}
