// SPDX-License-Identifier: Apache-2.0
package io.culvert.ffi;

import java.io.IOException;

/**
 * A system call that failed where the caller set something up, told for a person: which call, on what, why.
 *
 * <p>The fast path never throws this: it gets the negative errno from {@link Syscalls} and decides by itself.
 */
public final class NativeException extends IOException {
    private static final long serialVersionUID = 1;

    private final String call;
    private final int errno;
    private final String context;

    /**
     * @param call what was asked of the kernel, such as {@code ioctl(TUNSETIFF)}
     * @param errno the positive error number, see {@link Errno}
     * @param context what it was asked for and, where known, what to do about it; may be empty
     */
    public NativeException(String call, int errno, String context) {
        super(call + ": " + Errno.describe(errno) + (context.isEmpty() ? "" : ": " + context));
        this.call = call;
        this.errno = errno;
        this.context = context;
    }

    /** What was asked of the kernel. */
    public String call() {
        return call;
    }

    /** The positive error number, see {@link Errno}. */
    public int errno() {
        return errno;
    }

    /** What it was asked for; may be empty. */
    public String context() {
        return context;
    }

    /** Passes on a result of {@link Syscalls} that is not negative, and throws for one that is. */
    static int check(int result, String call, String context) throws NativeException {
        if (result < 0) {
            throw new NativeException(call, -result, context);
        }
        return result;
    }
}
