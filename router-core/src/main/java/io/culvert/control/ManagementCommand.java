// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import java.util.concurrent.CompletionStage;

/** Something an operator can ask the running router: {@code culvert show WHAT}. */
public interface ManagementCommand {
    /** The word that asks for it, in kebab-case: {@code interfaces}. Unique in the router. */
    String what();

    /** One line for the list of what can be asked. */
    String summary();

    /**
     * Answers. Called on a thread that serves one client and may wait, never on a dispatcher; several clients ask at the
     * same time. A stage that fails is reported to the operator with its message.
     */
    CompletionStage<ManagementAnswer> answer();
}
