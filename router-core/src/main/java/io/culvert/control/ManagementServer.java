// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import io.culvert.config.ManagementConfig;
import io.culvert.control.ManagementProtocol.Code;
import io.culvert.control.ManagementProtocol.Refusal;
import io.culvert.spi.ManagementAnswer;
import io.culvert.spi.ManagementCommand;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.ConnectException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import java.nio.channels.spi.AbstractSelector;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.UserPrincipalNotFoundException;
import java.time.Duration;
import java.util.EnumSet;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import jnr.enxio.channels.NativeSelectorProvider;
import jnr.unixsocket.Credentials;
import jnr.unixsocket.UnixServerSocketChannel;
import jnr.unixsocket.UnixSocketAddress;
import jnr.unixsocket.UnixSocketChannel;
import jnr.unixsocket.UnixSocketOptions;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The management socket: one thread accepts, and one for each of a bounded number of clients reads a request, asks for
 * its answer and writes it. Whatever a client does costs at most its thread for a bounded time.
 */
final class ManagementServer implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(ManagementServer.class);
    private static final int BACKLOG = 16;

    /**
     * What clients are held to.
     *
     * @param clients at once
     * @param request for the whole request line to arrive
     * @param answer for a command to answer
     * @param write for the whole answer to be taken
     */
    record Limits(int clients, Duration request, Duration answer, Duration write) {
        static final Limits DEFAULT =
                new Limits(8, Duration.ofSeconds(5), Duration.ofSeconds(60), Duration.ofSeconds(30));
    }

    /** Answers requests; called on clients' threads. */
    interface Responder {
        ManagementAnswer answer(ManagementProtocol.Request request, Duration within)
                throws Refusal, InterruptedException, ExecutionException, TimeoutException;
    }

    private final Path path;
    private final Object fileKey;
    private final Responder responder;
    private final SocketAccess access;
    private final Limits limits;
    private final UnixServerSocketChannel server;
    private final AbstractSelector selector;
    private final Semaphore free;
    private final Set<UnixSocketChannel> open = ConcurrentHashMap.newKeySet();
    private final ThreadFactory threads;
    private volatile boolean closed;

    /**
     * Makes the socket, replacing one that a dead process left behind, and starts to accept.
     *
     * @param access null for {@link SocketAccess#ofOwnerAndGroup}
     * @throws IOException with a message for the operator that names the path
     */
    static ManagementServer open(
            ManagementConfig config, Responder responder, @Nullable SocketAccess access, Limits limits)
            throws IOException {
        Path path = config.socket();
        try {
            Path folder = path.toAbsolutePath().getParent();
            if (folder != null) {
                Files.createDirectories(folder);
            }
        } catch (IOException e) {
            throw new IOException("can't make the folder of management socket " + path + ": " + e, e);
        }
        removeStale(path);
        refuseFolderOfOthers(path);
        UnixServerSocketChannel server = UnixServerSocketChannel.open();
        try {
            server.configureBlocking(false);
            server.socket().bind(new UnixSocketAddress(path.toString()), BACKLOG);
        } catch (IOException e) {
            server.close();
            throw new IOException("can't make management socket " + path + ": " + e.getMessage(), e);
        }
        try {
            setGroup(path, config.group());
            Files.setPosixFilePermissions(path, permissions(config.mode()));
            ManagementServer made = new ManagementServer(
                    path, responder, access == null ? SocketAccess.ofOwnerAndGroup(path) : access, limits, server);
            made.threads.newThread(made::accept).start();
            return made;
        } catch (IOException e) {
            server.close();
            Files.deleteIfExists(path);
            throw e;
        }
    }

    private ManagementServer(
            Path path, Responder responder, SocketAccess access, Limits limits, UnixServerSocketChannel server)
            throws IOException {
        this.path = path;
        this.fileKey = fileKey(path);
        this.responder = responder;
        this.access = access;
        this.limits = limits;
        this.server = server;
        this.selector = NativeSelectorProvider.getInstance().openSelector();
        this.free = new Semaphore(limits.clients());
        AtomicInteger number = new AtomicInteger();
        this.threads = work -> {
            Thread thread = new Thread(work, "management-" + number.getAndIncrement());
            thread.setDaemon(true);
            return thread;
        };
        server.register(selector, SelectionKey.OP_ACCEPT);
    }

    private static Object fileKey(Path path) throws IOException {
        Object key = Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS)
                .fileKey();
        return key == null ? path : key;
    }

    /** Tells apart what else the system calls a refusal only in words of its own. */
    private static void refuseFolderOfOthers(Path path) throws IOException {
        Path folder = path.toAbsolutePath().getParent();
        if (folder != null && !Files.isWritable(folder)) {
            throw new IOException(
                    "can't make management socket " + path + ": no permission to write to " + folder
                            + ": be root, or set management.socket to a path elsewhere",
                    new AccessDeniedException(folder.toString()));
        }
    }

    private static void removeStale(Path path) throws IOException {
        if (!Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        if (!Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS)
                .isOther()) {
            throw new IOException("management socket " + path + " can't be made: there is a file of that name");
        }
        try (SocketChannel probe = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            // Not blocking: the backlog of a router that hangs may be full.
            probe.configureBlocking(false);
            probe.connect(UnixDomainSocketAddress.of(path));
        } catch (ConnectException refused) {
            LOG.info("replacing management socket {}, whose router has ended", path);
            Files.delete(path);
            return;
        } catch (IOException e) {
            throw new IOException("management socket " + path + " can't be made: " + e.getMessage(), e);
        }
        throw new IOException("a router answers at management socket " + path
                + " already: stop it, or give this one another name or management.socket");
    }

    private static void setGroup(Path path, @Nullable String group) throws IOException {
        if (group == null) {
            return;
        }
        try {
            if (Character.isDigit(group.charAt(0))) {
                Files.setAttribute(path, "unix:gid", Integer.parseInt(group));
                return;
            }
            PosixFileAttributeView view = Files.getFileAttributeView(path, PosixFileAttributeView.class);
            view.setGroup(path.getFileSystem().getUserPrincipalLookupService().lookupPrincipalByGroupName(group));
        } catch (UserPrincipalNotFoundException e) {
            throw new IOException(
                    "management socket " + path + " can't be given to group " + group + ": there is no such group", e);
        } catch (IOException e) {
            throw new IOException(
                    "management socket " + path + " can't be given to group " + group + ": " + e.getMessage(), e);
        }
    }

    private static Set<PosixFilePermission> permissions(int mode) {
        PosixFilePermission[] fromHighest = {
            PosixFilePermission.OWNER_READ,
            PosixFilePermission.OWNER_WRITE,
            PosixFilePermission.OWNER_EXECUTE,
            PosixFilePermission.GROUP_READ,
            PosixFilePermission.GROUP_WRITE,
            PosixFilePermission.GROUP_EXECUTE,
            PosixFilePermission.OTHERS_READ,
            PosixFilePermission.OTHERS_WRITE,
            PosixFilePermission.OTHERS_EXECUTE
        };
        Set<PosixFilePermission> permissions = EnumSet.noneOf(PosixFilePermission.class);
        for (int i = 0; i < fromHighest.length; i++) {
            if ((mode >>> (8 - i) & 1) != 0) {
                permissions.add(fromHighest[i]);
            }
        }
        return permissions;
    }

    Path path() {
        return path;
    }

    /** Stops accepting, cuts off the clients and removes the socket. Safe to call twice, from any thread. */
    @Override
    public void close() {
        closed = true;
        selector.wakeup();
        open.forEach(ManagementServer::cutOff);
        try {
            if (Files.exists(path, LinkOption.NOFOLLOW_LINKS) && fileKey(path).equals(fileKey)) {
                Files.delete(path);
            }
        } catch (IOException e) {
            LOG.warn("can't remove management socket {}: {}", path, e.getMessage());
        }
    }

    private static void cutOff(UnixSocketChannel client) {
        try {
            // A close alone leaves a thread waiting in a read on Linux.
            client.shutdownInput();
        } catch (IOException gone) {
            LOG.debug("a management client was gone already", gone);
        }
    }

    private void accept() {
        try (server;
                selector) {
            while (!closed) {
                selector.select();
                selector.selectedKeys().clear();
                for (UnixSocketChannel client = closed ? null : server.accept();
                        client != null;
                        client = server.accept()) {
                    admit(client);
                }
            }
        } catch (IOException e) {
            LOG.error("management socket {} has failed, the router runs on without it", path, e);
        }
    }

    private void admit(UnixSocketChannel client) {
        if (free.tryAcquire()) {
            open.add(client);
            if (closed) {
                // Closing may have looked at the open ones before this one was among them.
                cutOff(client);
            }
            threads.newThread(() -> {
                        try {
                            serve(client);
                        } finally {
                            open.remove(client);
                            free.release();
                        }
                    })
                    .start();
            return;
        }
        try (client;
                OutputStream out = new Answer(client, Duration.ofMillis(100))) {
            // A fresh socket has room for so short a line: this does not wait.
            ManagementProtocol.writeError(
                    out, Code.BUSY, "the router has " + limits.clients() + " management clients already");
        } catch (IOException e) {
            LOG.debug("a management client did not wait to be refused", e);
        }
    }

    private void serve(UnixSocketChannel client) {
        try (client;
                OutputStream out = new BufferedOutputStream(new Answer(client, limits.write()), 16 * 1024)) {
            try {
                checkPeer(client);
                ManagementProtocol.Request request = readRequest(client);
                ManagementProtocol.write(out, responder.answer(request, limits.answer()));
            } catch (Refusal refusal) {
                ManagementProtocol.writeError(out, refusal.code(), String.valueOf(refusal.getMessage()));
            } catch (TimeoutException e) {
                ManagementProtocol.writeError(
                        out, Code.TIMEOUT, "no answer within " + limits.answer().toSeconds() + " s");
            } catch (ExecutionException e) {
                if (e.getCause() instanceof ManagementCommand.Declined declined) {
                    ManagementProtocol.writeError(out, Code.FAILED, String.valueOf(declined.getMessage()));
                } else if (e.getCause() instanceof Refusal refusal) {
                    ManagementProtocol.writeError(out, refusal.code(), String.valueOf(refusal.getMessage()));
                } else {
                    LOG.warn("a management command failed", e.getCause());
                    ManagementProtocol.writeError(out, Code.FAILED, String.valueOf(e.getCause()));
                }
            }
        } catch (IOException e) {
            LOG.debug("a management client went away", e);
        } catch (RuntimeException e) {
            LOG.error("a management answer could not be written", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void checkPeer(UnixSocketChannel client) throws IOException, Refusal {
        Credentials credentials = client.getOption(UnixSocketOptions.SO_PEERCRED);
        SocketAccess.Peer peer =
                new SocketAccess.Peer(credentials.getPid(), credentials.getUid(), credentials.getGid());
        if (!access.allows(peer)) {
            LOG.warn("management request of process {} with uid {} refused", peer.pid(), peer.uid());
            throw new Refusal(
                    Code.NOT_ALLOWED,
                    "uid " + Integer.toUnsignedString(peer.uid())
                            + " may not manage this router: be root, its user, or in the group of " + path);
        }
    }

    /** Reads up to the newline, or the end. */
    private ManagementProtocol.Request readRequest(UnixSocketChannel client) throws IOException, Refusal {
        ByteBuffer line = ByteBuffer.allocate(ManagementProtocol.MAX_REQUEST_BYTES);
        long deadline = System.nanoTime() + limits.request().toNanos();
        int scanned = 0;
        while (true) {
            client.setOption(UnixSocketOptions.SO_RCVTIMEO, millisUntil(deadline));
            int got = client.read(line);
            if (got == 0) {
                throw new Refusal(
                        Code.TIMEOUT, "no request within " + limits.request().toMillis() + " ms");
            }
            for (; scanned < line.position(); scanned++) {
                if (line.get(scanned) == '\n') {
                    return ManagementProtocol.parse(line.array(), scanned);
                }
            }
            if (got < 0) {
                return ManagementProtocol.parse(line.array(), scanned);
            }
            if (!line.hasRemaining()) {
                throw new Refusal(
                        Code.BAD_REQUEST,
                        "the request has no newline within " + ManagementProtocol.MAX_REQUEST_BYTES + " bytes");
            }
            if (System.nanoTime() - deadline >= 0) {
                throw new Refusal(
                        Code.TIMEOUT, "no request within " + limits.request().toMillis() + " ms");
            }
        }
    }

    /** At least 1, because 0 means for ever. */
    private static int millisUntil(long deadline) {
        return (int) Math.max(1, TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime()));
    }

    /** Writes to a client that has a limited time to take it all. */
    private static final class Answer extends OutputStream {
        private final UnixSocketChannel client;
        private final Duration within;
        private long deadline;

        Answer(UnixSocketChannel client, Duration within) {
            this.client = client;
            this.within = within;
        }

        @Override
        public void write(int oneByte) throws IOException {
            write(new byte[] {(byte) oneByte}, 0, 1);
        }

        @Override
        public void write(byte[] bytes, int offset, int length) throws IOException {
            if (deadline == 0) {
                deadline = System.nanoTime() + within.toNanos();
            }
            ByteBuffer rest = ByteBuffer.wrap(bytes, offset, length);
            while (rest.hasRemaining()) {
                client.setOption(UnixSocketOptions.SO_SNDTIMEO, millisUntil(deadline));
                client.write(rest);
                if (rest.hasRemaining() && System.nanoTime() - deadline >= 0) {
                    throw new IOException("the client did not take the answer within " + within.toMillis() + " ms");
                }
            }
        }
    }
}
