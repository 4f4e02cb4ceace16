// SPDX-License-Identifier: Apache-2.0
package io.culvert.bench.endtoend;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** CPU time as the kernel accounts it, in seconds (proc(5)). */
final class CpuTimes {
    /** USER_HZ, which is 100 on every architecture that Culvert runs on. */
    private static final double TICKS_PER_SECOND = 100;

    /** Fields 14 and 15 of /proc/PID/stat, counted from the first one behind the name. */
    private static final int USER_FIELD = 11;

    private static final int SYSTEM_FIELD = 12;

    /** Columns of the first line of /proc/stat: user, nice, system, idle, iowait, irq, softirq, steal. */
    private static final int IDLE_COLUMN = 4;

    private static final int IOWAIT_COLUMN = 5;
    private static final int LAST_COLUMN = 7;

    private CpuTimes() {}

    /** What a process used until now, all its threads together. */
    static double ofProcess(long pid) throws IOException {
        return ofProcess(Files.readString(Path.of("/proc", Long.toString(pid), "stat")));
    }

    /** What the machine used until now, without what it idled and what its host took. */
    static double ofMachine() throws IOException {
        return ofMachine(Files.readString(Path.of("/proc/stat")));
    }

    static double ofProcess(String stat) throws IOException {
        String[] behindName = stat.substring(stat.lastIndexOf(')') + 1).strip().split(" ", -1);
        if (behindName.length <= SYSTEM_FIELD) {
            throw new IOException("not a line of /proc/PID/stat: " + stat);
        }
        return (Long.parseLong(behindName[USER_FIELD]) + Long.parseLong(behindName[SYSTEM_FIELD])) / TICKS_PER_SECOND;
    }

    static double ofMachine(String stat) throws IOException {
        String[] columns = stat.lines().findFirst().orElse("").split("\\s+", -1);
        if (!columns[0].equals("cpu") || columns.length <= LAST_COLUMN) {
            throw new IOException("not the text of /proc/stat: " + columns[0]);
        }
        long ticks = 0;
        for (int column = 1; column <= LAST_COLUMN; column++) {
            if (column != IDLE_COLUMN && column != IOWAIT_COLUMN) {
                ticks += Long.parseLong(columns[column]);
            }
        }
        return ticks / TICKS_PER_SECOND;
    }
}
