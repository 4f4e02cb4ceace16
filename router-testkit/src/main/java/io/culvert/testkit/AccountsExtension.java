// SPDX-License-Identifier: Apache-2.0
package io.culvert.testkit;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.TestInstanceFactoryContext;
import org.junit.jupiter.api.extension.TestInstancePreConstructCallback;

/** Does what {@link BalancedAccounts} says. */
final class AccountsExtension implements TestInstancePreConstructCallback, BeforeEachCallback, AfterEachCallback {
    /** Has accounts that are to be looked at when the test is over. */
    interface Accountable {
        /**
         * Ends it, unless it has ended.
         *
         * @throws AssertionError when a packet is missing, or there are too many
         */
        void endBalanced();
    }

    private record Made(Accountable one, String name, String where) {}

    private static final Set<String> MAKERS =
            Set.of(AccountsExtension.class.getName(), StageHarness.class.getName(), ScriptedRouter.class.getName());

    private static final ThreadLocal<@Nullable List<Made>> MADE = new ThreadLocal<>();

    /** Remembers what was made, where somebody will look at it. */
    static void made(Accountable one, String name) {
        List<Made> made = MADE.get();
        if (made != null) {
            made.add(new Made(one, name, callerOfTestkit()));
        }
    }

    /** Whether the test that runs in this thread is looked at when it is over. */
    static boolean looks() {
        return MADE.get() != null;
    }

    /** The line outside of these classes that led here. */
    static String callerOfTestkit() {
        return StackWalker.getInstance()
                .walk(frames -> frames.filter(frame -> !MAKERS.contains(frame.getClassName()))
                        .findFirst())
                .map(frame -> frame.toStackTraceElement().toString())
                .orElse("?");
    }

    @Override
    public void preConstructTestInstance(TestInstanceFactoryContext made, ExtensionContext context) {
        begin();
    }

    @Override
    public void beforeEach(ExtensionContext context) {
        begin();
    }

    private static void begin() {
        if (MADE.get() == null) {
            MADE.set(new ArrayList<>());
        }
    }

    @Override
    public void afterEach(ExtensionContext context) {
        List<Made> made = MADE.get();
        MADE.remove();
        if (made == null) {
            return;
        }
        AssertionError problem = null;
        for (Made one : made) {
            try {
                one.one.endBalanced();
            } catch (AssertionError unbalanced) {
                AssertionError told = new AssertionError(
                        one.name + ", made at " + one.where + ": " + unbalanced.getMessage(), unbalanced);
                if (problem == null) {
                    problem = told;
                } else {
                    problem.addSuppressed(told);
                }
            }
        }
        // What the test itself has failed by is nearer to the cause.
        if (problem != null && context.getExecutionException().isEmpty()) {
            throw problem;
        }
    }
}
