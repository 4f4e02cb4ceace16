// SPDX-License-Identifier: Apache-2.0
package io.culvert.testkit;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtensionContext;

/** Decides for {@link RequiresNamespaces} whether a test runs, is skipped, or fails. */
final class NamespacesCondition implements ExecutionCondition {
    private static final Path TUN = Path.of("/dev/net/tun");

    @Override
    public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
        return evaluate(System.getenv(), NamespacesCondition::obstacle);
    }

    /**
     * Decides by the environment, and by {@code obstacle}, which says what is missing on this machine, where the
     * environment says nothing.
     *
     * @throws IllegalStateException if namespaces can't be made and skipping is not allowed
     */
    static ConditionEvaluationResult evaluate(Map<String, String> environment, Supplier<Optional<String>> obstacle) {
        String verdict = environment.get("CULVERT_NETNS");
        Optional<String> missing;
        if (verdict == null) {
            missing = obstacle.get();
        } else if (verdict.equals("yes")) {
            missing = Optional.empty();
        } else {
            missing = Optional.of(environment.getOrDefault("CULVERT_NETNS_WHY", "CULVERT_NETNS is " + verdict));
        }
        if (missing.isEmpty()) {
            return ConditionEvaluationResult.enabled("namespaces and tun devices can be made");
        }
        if ("true".equals(environment.get("CI"))) {
            throw new IllegalStateException(
                    "this test needs network namespaces, and CI skips nothing: " + missing.get());
        }
        return ConditionEvaluationResult.disabled("needs network namespaces: " + missing.get());
    }

    private static Optional<String> obstacle() {
        try {
            if (!Integer.valueOf(0).equals(Files.getAttribute(Path.of("/proc/self"), "unix:uid"))) {
                return Optional.of("the user is not root; './culvert test' makes a user namespace where it can");
            }
            new RandomAccessFile(TUN.toFile(), "rw").close();
            return Optional.empty();
        } catch (IOException e) {
            return Optional.of("can't open " + TUN + ": " + e.getMessage());
        }
    }
}
