// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import io.culvert.spi.ManagementAnswer;
import io.culvert.spi.ManagementAnswer.Column;
import io.culvert.spi.ManagementAnswer.Table;
import java.io.IOException;
import java.io.OutputStream;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Version 1 of the wire format: one line of JSON each way. See {@code docs/management-protocol.md}. */
final class ManagementProtocol {
    static final int VERSION = 1;
    /** The most bytes of a request line, its newline included. */
    static final int MAX_REQUEST_BYTES = 4096;

    // Answers end with a newline written here, and closing the generator must leave the socket open until then.
    private static final JsonFactory JSON = JsonFactory.builder()
            .disable(com.fasterxml.jackson.core.StreamWriteFeature.AUTO_CLOSE_TARGET)
            .build();

    private ManagementProtocol() {}

    /**
     * @param what null asks for the list of what can be asked
     * @param arguments the words behind it
     */
    record Request(String command, @Nullable String what, List<String> arguments) {}

    /** Why a request was not answered. */
    enum Code {
        /** The request is no request. */
        BAD_REQUEST,
        /** It is of another version. */
        UNSUPPORTED_VERSION,
        /** Nobody answers such a command. */
        UNKNOWN_COMMAND,
        /** The command's arguments make no sense. */
        BAD_ARGUMENT,
        /** The peer may not ask. */
        NOT_ALLOWED,
        /** Too many clients at once. */
        BUSY,
        /** The answer, or the request, took too long. */
        TIMEOUT,
        /** The configuration file has mistakes. */
        BAD_CONFIG,
        /** The command failed. */
        FAILED
    }

    /** A request that gets an error for an answer. */
    static final class Refusal extends Exception {
        private static final long serialVersionUID = 1L;

        private final Code code;

        Refusal(Code code, String message) {
            super(message);
            this.code = code;
        }

        Code code() {
            return code;
        }
    }

    /** Reads a request without its newline. Members it does not know are ignored, so that clients may say more. */
    static Request parse(byte[] line, int length) throws Refusal {
        int version = -1;
        String command = null;
        String what = null;
        List<String> arguments = List.of();
        try (JsonParser json = JSON.createParser(line, 0, length)) {
            if (json.nextToken() != JsonToken.START_OBJECT) {
                throw new Refusal(Code.BAD_REQUEST, "a request is a JSON object in one line");
            }
            for (String name = json.nextFieldName(); name != null; name = json.nextFieldName()) {
                JsonToken token = json.nextToken();
                switch (name) {
                    case "v" -> version = token == JsonToken.VALUE_NUMBER_INT ? json.getIntValue() : -1;
                    case "command" -> command = token == JsonToken.VALUE_STRING ? json.getText() : null;
                    case "what" -> what = token == JsonToken.VALUE_STRING ? json.getText() : null;
                    case "arguments" -> arguments = parseArguments(json, token);
                    default -> json.skipChildren();
                }
                if (token.isStructStart()) {
                    json.skipChildren();
                }
            }
            if (json.nextToken() != null) {
                throw new Refusal(Code.BAD_REQUEST, "there is more than one JSON object in the line");
            }
        } catch (JsonProcessingException e) {
            throw new Refusal(Code.BAD_REQUEST, "the request is not JSON: " + e.getOriginalMessage());
        } catch (IOException e) {
            throw new Refusal(Code.BAD_REQUEST, "the request is not JSON: " + e.getMessage());
        }
        if (version != VERSION) {
            throw new Refusal(
                    Code.UNSUPPORTED_VERSION,
                    "this router speaks version " + VERSION + " of the protocol, the request "
                            + (version < 0 ? "names none" : "is of version " + version));
        }
        if (command == null) {
            throw new Refusal(Code.BAD_REQUEST, "the request has no \"command\"");
        }
        if (what == null && !arguments.isEmpty()) {
            throw new Refusal(Code.BAD_REQUEST, "the request has \"arguments\", but no \"what\" that they are for");
        }
        return new Request(command, what, arguments);
    }

    private static List<String> parseArguments(JsonParser json, JsonToken token) throws IOException, Refusal {
        List<String> arguments = new ArrayList<>();
        if (token == JsonToken.START_ARRAY) {
            for (token = json.nextToken(); token == JsonToken.VALUE_STRING; token = json.nextToken()) {
                arguments.add(json.getText());
            }
        }
        if (token != JsonToken.END_ARRAY) {
            throw new Refusal(Code.BAD_REQUEST, "the \"arguments\" of a request are an array of strings");
        }
        return arguments;
    }

    static void writeError(OutputStream out, Code code, String message) throws IOException {
        try (JsonGenerator json = JSON.createGenerator(out)) {
            json.writeStartObject();
            json.writeNumberField("v", VERSION);
            json.writeObjectFieldStart("error");
            json.writeStringField("code", written(code));
            json.writeStringField("message", message);
            json.writeEndObject();
            json.writeEndObject();
        }
        out.write('\n');
    }

    static void write(OutputStream out, ManagementAnswer answer) throws IOException {
        try (JsonGenerator json = JSON.createGenerator(out)) {
            json.writeStartObject();
            json.writeNumberField("v", VERSION);
            if (answer.text() != null) {
                json.writeStringField("text", answer.text());
            }
            if (answer.document() != null) {
                json.writeFieldName("document");
                json.writeRawValue(answer.document());
            }
            if (answer.table() != null) {
                writeTable(json, answer.table());
            }
            json.writeEndObject();
        }
        out.write('\n');
    }

    /**
     * A JSON value as it can stand within a line.
     *
     * @throws IOException when it is no JSON value
     */
    static String oneLine(String document) throws IOException {
        StringWriter line = new StringWriter();
        try (JsonParser json = JSON.createParser(document);
                JsonGenerator out = JSON.createGenerator(line)) {
            if (json.nextToken() == null) {
                throw new IOException("there is no JSON value");
            }
            out.copyCurrentStructure(json);
            if (json.nextToken() != null) {
                throw new IOException("there is more than one JSON value");
            }
        }
        return line.toString();
    }

    private static void writeTable(JsonGenerator json, Table table) throws IOException {
        json.writeStringField("title", table.title());
        json.writeArrayFieldStart("columns");
        for (Column column : table.columns()) {
            json.writeStartObject();
            json.writeStringField("name", column.name());
            json.writeStringField("type", written(column.type()));
            json.writeStringField("align", column.type() == ManagementAnswer.Type.NUMBER ? "right" : "left");
            json.writeEndObject();
        }
        json.writeEndArray();
        json.writeArrayFieldStart("rows");
        for (List<? extends @Nullable Object> row : table.rows()) {
            json.writeStartArray();
            for (Object value : row) {
                writeValue(json, value);
            }
            json.writeEndArray();
        }
        json.writeEndArray();
    }

    private static void writeValue(JsonGenerator json, @Nullable Object value) throws IOException {
        if (value == null) {
            json.writeNull();
        } else if (value instanceof Long number) {
            json.writeNumber(number);
        } else if (value instanceof Integer number) {
            json.writeNumber(number);
        } else if (value instanceof Boolean truth) {
            json.writeBoolean(truth);
        } else {
            json.writeString(value.toString());
        }
    }

    static String written(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
