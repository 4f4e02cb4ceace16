// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import java.util.concurrent.CompletionStage;

/** Something an operator can ask of the running router: {@code culvert show WHAT}, or another command. */
public interface ManagementCommand {
    /** The command that asks for a table or a text and changes nothing. */
    String SHOW = "show";

    /** Thrown, or what the answer fails with, to decline with a message for the operator: no fault of the router. */
    final class Declined extends RuntimeException {
        private static final long serialVersionUID = 1L;

        private final ManagementProtocol.Code code;

        public Declined(String message) {
            this(ManagementProtocol.Code.FAILED, message);
        }

        Declined(ManagementProtocol.Code code, String message) {
            super(message);
            this.code = code;
        }

        ManagementProtocol.Code code() {
            return code;
        }
    }

    /** The command it answers: {@code show}, or another one that asks for nothing further. */
    default String command() {
        return SHOW;
    }

    /** The word that asks for it, in kebab-case: {@code interfaces}. Unique among those of
     * its command; empty when the command stands alone. */
    String what();

    /** One line for the list of what can be asked. */
    String summary();

    /**
     * Answers. Called on a thread that serves one client and may wait, never on a dispatcher; several clients ask at the
     * same time. A stage that fails is reported to the operator with its message.
     */
    CompletionStage<ManagementAnswer> answer();
}
