// SPDX-License-Identifier: Apache-2.0
package io.culvert.spi;

import java.util.List;
import java.util.concurrent.CompletionStage;

/**
 * Something an operator can ask of the running router, as {@code culvert show WHAT}, {@code culvert clear WHAT} or
 * {@code culvert set WHAT ARGUMENT...}: the router's own, and what plugins bring by {@link PluginControl#commands}.
 *
 * @since 0.1
 */
public interface ManagementCommand {
    /** The command that asks for a table or a text and changes nothing. */
    String SHOW = "show";

    /** The command that forgets something: counts, learned entries. */
    String CLEAR = "clear";

    /** The command that changes something until the router ends. */
    String SET = "set";

    /** Thrown, or what the answer fails with, to decline with a message for the operator: no fault of the router. */
    final class Declined extends RuntimeException {
        private static final long serialVersionUID = 1L;

        /** @param message what is wrong with the request, and what to do */
        public Declined(String message) {
            super(message);
        }
    }

    /**
     * Thrown, or what the answer fails with, when the arguments make no sense: the operator is told so, with the
     * {@link #usage}.
     */
    final class BadArgument extends RuntimeException {
        private static final long serialVersionUID = 1L;

        /** @param message what is wrong with which argument: {@code "\"x\" is no prefix"} */
        public BadArgument(String message) {
            super(message);
        }
    }

    /** The command it answers: {@link #SHOW}, {@link #CLEAR} or {@link #SET}. */
    default String command() {
        return SHOW;
    }

    /** The word that asks for it, in kebab-case: {@code interfaces}. Unique among those of its command. */
    String what();

    /** One line for the list of what can be asked. */
    String summary();

    /**
     * The arguments it takes, as a usage line shows them: {@code "PREFIX [METRIC]"}. While this is empty, as it is unless
     * overridden, a request with arguments is refused before {@link #answer} sees it.
     */
    default String usage() {
        return "";
    }

    /**
     * Answers. Called on a thread that serves one client and may wait, never on a dispatcher; several clients ask at the
     * same time. A stage that fails is reported to the operator with its message. An answer that takes too long is not
     * waited for.
     *
     * @param arguments the words behind {@link #what}, as the operator typed them; the command checks them
     * @throws BadArgument when they make no sense
     * @throws Declined when it can't do what is asked
     */
    CompletionStage<ManagementAnswer> answer(List<String> arguments);
}
