// SPDX-License-Identifier: Apache-2.0
package io.culvert.lab;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The right to run the lab of a name, and the list of what was made under it: namespaces, and the
 * absolute path of the folder with the logs.
 *
 * <p>Both are a file below {@code /run}, as the namespaces' names are. The kernel unlocks it when the process ends,
 * however that happens; what it then still lists is what a run that was killed left behind.
 */
public final class LabClaim implements Closeable {
    private static final int MOST_BYTES = 64 << 10;

    private final Path file;
    private final FileChannel channel;

    private LabClaim(Path file, FileChannel channel) {
        this.file = file;
        this.channel = channel;
    }

    /**
     * Claims a name.
     *
     * @return null while another process, or another lab of this one, has it
     */
    public static @Nullable LabClaim tryAcquire(Path folder, String name) throws IOException {
        Files.createDirectories(folder);
        Path file = folder.resolve("lab-" + name);
        FileChannel channel =
                FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE, StandardOpenOption.CREATE);
        try {
            Object opened = key(file);
            FileLock lock = channel.tryLock();
            // Whoever had it may have deleted the file after we opened it: then this is the lock of no file.
            if (lock != null && opened != null && opened.equals(key(file))) {
                return new LabClaim(file, channel);
            }
        } catch (OverlappingFileLockException e) {
            channel.close();
            return null;
        } catch (IOException | RuntimeException e) {
            channel.close();
            throw e;
        }
        channel.close();
        return null;
    }

    /** What was listed last, whether it exists or not. */
    public List<String> listed() throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate((int) Math.min(channel.size(), MOST_BYTES));
        while (bytes.hasRemaining() && channel.read(bytes, bytes.position()) >= 0) {
            // until there is no more
        }
        return StandardCharsets.UTF_8
                .decode(bytes.flip())
                .toString()
                .lines()
                .filter(line -> !line.isBlank())
                .toList();
    }

    /** Lists what is about to be made. */
    public void list(List<String> things) throws IOException {
        channel.truncate(0);
        ByteBuffer bytes = StandardCharsets.UTF_8.encode(String.join("\n", things) + "\n");
        while (bytes.hasRemaining()) {
            channel.write(bytes, bytes.position());
        }
    }

    /** Gives the name back. The file goes, unless something is listed that could not be removed. */
    @Override
    public void close() throws IOException {
        try (channel) {
            if (channel.size() == 0) {
                Files.deleteIfExists(file);
            }
        }
    }

    /** Empties the list: all that was listed is gone. */
    public void clear() throws IOException {
        channel.truncate(0);
    }

    private static @Nullable Object key(Path file) throws IOException {
        try {
            return Files.readAttributes(file, BasicFileAttributes.class).fileKey();
        } catch (NoSuchFileException e) {
            return null;
        }
    }
}
