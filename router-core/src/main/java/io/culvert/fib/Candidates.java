// SPDX-License-Identifier: Apache-2.0
package io.culvert.fib;

import io.culvert.spi.FibEntry;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The candidates for a prefix: a {@link RoutePath} by itself, or a contest of several. */
interface Candidates extends Holding {
    /** Best first. */
    List<RoutePath> paths();

    /** Whether a path has moved in the commit that is going on. */
    boolean moved();

    /** What was to be installed before those paths moved. */
    @Nullable
    FibEntry installedBefore(int length);

    /** The candidate that a route of this source replaces: a source has one, an interface that derives routes its own. */
    default @Nullable RoutePath of(RouteSource source, int ownInterface) {
        for (RoutePath path : paths()) {
            if (path.key().source() == source && path.ownInterface() == ownInterface) {
                return path;
            }
        }
        return null;
    }

    /** These with one taken out and one more; null when none is left. */
    default @Nullable Candidates with(@Nullable RoutePath gone, @Nullable RoutePath come) {
        List<RoutePath> paths = new ArrayList<>(paths());
        if (gone != null) {
            paths.remove(gone);
        }
        if (come != null) {
            paths.add(come);
        }
        if (paths.isEmpty()) {
            return null;
        }
        paths.sort(RoutePath.BEST_FIRST);
        return paths.size() == 1 ? paths.get(0) : new Contest(List.copyOf(paths));
    }

    /** More than one candidate: the best usable one is installed. */
    record Contest(List<RoutePath> paths) implements Candidates {
        @Override
        public @Nullable FibEntry installed(int length) {
            for (RoutePath path : paths) {
                FibEntry entry = path.installed(length);
                if (entry != null) {
                    return entry;
                }
            }
            return null;
        }

        @Override
        public boolean moved() {
            return paths.stream().anyMatch(RoutePath::moved);
        }

        @Override
        public @Nullable FibEntry installedBefore(int length) {
            for (RoutePath path : paths) {
                FibEntry entry = path.installedBefore(length);
                if (entry != null) {
                    return entry;
                }
            }
            return null;
        }
    }
}
