// SPDX-License-Identifier: Apache-2.0
package io.culvert.app;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.StringWriter;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Timer;
import java.util.TimerTask;
import org.jspecify.annotations.Nullable;

/**
 * Asks a running router one question (see {@code docs/management-protocol.md}). Uses the JDK's own unix sockets: loading
 * a native library would take longer than the question.
 */
final class ManagementClient {
    private static final int VERSION = 1;
    private static final JsonFactory JSON = new JsonFactory();

    private ManagementClient() {}

    /** A column of a table: its name, and whether its values stand to the right. */
    record Column(String name, boolean right) {}

    /** A value: the JSON of it, and what people read. */
    record Cell(String json, String text) {}

    /** The router's answer: an error, a table, or a text with or without a JSON document. */
    record Answer(
            @Nullable Refusal refusal,
            List<Column> columns,
            List<List<Cell>> rows,
            @Nullable String text,
            @Nullable String document) {}

    /** Why there is no answer, by the router's own words. */
    record Refusal(String code, String message) {}

    /**
     * Sends a command.
     *
     * @param command {@code show} or another one
     * @param what null for the list of what there is, and for a command that stands alone
     * @param arguments the words behind it
     * @throws IOException when nobody answers, or not in the words of the protocol
     */
    static Answer ask(Path socket, String command, @Nullable String what, List<String> arguments, Duration within)
            throws IOException {
        StringWriter request = new StringWriter();
        try (JsonGenerator json = JSON.createGenerator(request)) {
            json.writeStartObject();
            json.writeNumberField("v", VERSION);
            json.writeStringField("command", command);
            if (what != null) {
                json.writeStringField("what", what);
            }
            if (!arguments.isEmpty()) {
                json.writeArrayFieldStart("arguments");
                for (String argument : arguments) {
                    json.writeString(argument);
                }
                json.writeEndArray();
            }
            json.writeEndObject();
        }
        return parse(exchange(socket, request + "\n", within));
    }

    private static byte[] exchange(Path socket, String request, Duration within) throws IOException {
        Timer deadline = new Timer("deadline", true);
        try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            // A channel has no timeout of its own, but a read ends when another thread closes it.
            deadline.schedule(
                    new TimerTask() {
                        @Override
                        public void run() {
                            close(channel);
                        }
                    },
                    within.toMillis());
            channel.connect(UnixDomainSocketAddress.of(socket));
            ByteBuffer out = ByteBuffer.wrap(request.getBytes(StandardCharsets.UTF_8));
            while (out.hasRemaining()) {
                channel.write(out);
            }
            ByteArrayOutputStream answer = new ByteArrayOutputStream();
            ByteBuffer in = ByteBuffer.allocate(64 * 1024);
            while (channel.read(in) >= 0) {
                answer.write(in.array(), 0, in.position());
                // The newline ends the answer; waiting for the end of the stream could meet a reset.
                if (in.position() > 0 && in.get(in.position() - 1) == '\n') {
                    break;
                }
                in.clear();
            }
            return answer.toByteArray();
        } finally {
            deadline.cancel();
        }
    }

    private static void close(SocketChannel channel) {
        try {
            channel.close();
        } catch (IOException alreadyClosed) {
            // The exchange has ended by itself.
        }
    }

    private static Answer parse(byte[] answer) throws IOException {
        Refusal refusal = null;
        List<Column> columns = List.of();
        List<List<Cell>> rows = List.of();
        String text = null;
        String document = null;
        boolean table = false;
        try (JsonParser json = JSON.createParser(answer)) {
            if (json.nextToken() != JsonToken.START_OBJECT) {
                throw new IOException("the answer is not of the management protocol");
            }
            for (String name = json.nextFieldName(); name != null; name = json.nextFieldName()) {
                json.nextToken();
                switch (name) {
                    case "error" -> refusal = parseRefusal(json);
                    case "columns" -> {
                        columns = parseColumns(json);
                        table = true;
                    }
                    case "rows" -> rows = parseRows(json);
                    case "text" -> text = json.getText();
                    case "document" -> document = copy(json);
                    default -> json.skipChildren();
                }
            }
        }
        if (refusal == null && text == null && !table) {
            throw new IOException("the answer says nothing that this version understands");
        }
        return new Answer(refusal, columns, rows, text, document);
    }

    private static Refusal parseRefusal(JsonParser json) throws IOException {
        String code = "";
        String message = "";
        for (String name = json.nextFieldName(); name != null; name = json.nextFieldName()) {
            json.nextToken();
            switch (name) {
                case "code" -> code = json.getText();
                case "message" -> message = json.getText();
                default -> json.skipChildren();
            }
        }
        return new Refusal(code, message);
    }

    private static List<Column> parseColumns(JsonParser json) throws IOException {
        List<Column> columns = new ArrayList<>();
        while (json.nextToken() == JsonToken.START_OBJECT) {
            String column = "";
            boolean right = false;
            for (String name = json.nextFieldName(); name != null; name = json.nextFieldName()) {
                json.nextToken();
                switch (name) {
                    case "name" -> column = json.getText();
                    case "align" -> right = json.getText().equals("right");
                    default -> json.skipChildren();
                }
            }
            columns.add(new Column(column, right));
        }
        return columns;
    }

    private static List<List<Cell>> parseRows(JsonParser json) throws IOException {
        List<List<Cell>> rows = new ArrayList<>();
        while (json.nextToken() == JsonToken.START_ARRAY) {
            List<Cell> row = new ArrayList<>();
            while (json.nextToken() != JsonToken.END_ARRAY) {
                String text = switch (json.currentToken()) {
                    case VALUE_NULL -> "-";
                    case VALUE_TRUE -> "yes";
                    case VALUE_FALSE -> "no";
                    default -> json.getText();
                };
                row.add(new Cell(copy(json), text));
            }
            rows.add(row);
        }
        return rows;
    }

    private static String copy(JsonParser json) throws IOException {
        StringWriter text = new StringWriter();
        try (JsonGenerator generator = JSON.createGenerator(text)) {
            generator.copyCurrentStructure(json);
        }
        return text.toString();
    }
}
