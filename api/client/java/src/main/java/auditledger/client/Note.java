package auditledger.client;

import static auditledger.client.ReceiptException.malformed;

import io.grpc.Status;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;

/** C2SP signed notes and the checkpoints in them, read as strictly as their other readers do. */
final class Note {
  private static final int MAX_BYTES = 1_000_000;
  private static final int MAX_SIGNATURES = 100;
  private static final int KEY_ID_BYTES = 4;
  private static final String PREFIX = "\u2014 "; // em dash, space

  private record Line(String name, byte[] keyId, byte[] signature) {}

  private final String text;
  private final List<Line> lines = new ArrayList<>();

  private Note(byte[] bytes) {
    if (bytes.length > MAX_BYTES) {
      throw malformed("note: has " + bytes.length + " bytes, at most " + MAX_BYTES);
    }
    String note = decode("note", bytes);
    int split = note.lastIndexOf("\n\n"); // the text may hold empty lines: the last one divides
    if (split < 0) {
      throw malformed("note: no empty line before signatures");
    }
    text = note.substring(0, split + 1);
    String rest = note.substring(split + 2);
    if (!rest.endsWith("\n")) {
      throw malformed("note: no signature, or a last line without its end");
    }
    String[] parts = rest.substring(0, rest.length() - 1).split("\n", -1);
    if (parts.length > MAX_SIGNATURES) {
      throw malformed("note: over " + MAX_SIGNATURES + " signatures");
    }
    for (String part : parts) {
      lines.add(parseLine(part));
    }
  }

  private static Line parseLine(String line) {
    if (!line.startsWith(PREFIX)) {
      throw malformed("note: a line after the text is no signature line");
    }
    String rest = line.substring(PREFIX.length());
    int space = rest.indexOf(' ');
    if (space < 0 || !isName(rest.substring(0, space))) {
      throw malformed("note: a signature line with a bad key name, or without signature");
    }
    byte[] bytes = decodeBase64("note: signature", rest.substring(space + 1));
    if (bytes.length <= KEY_ID_BYTES) {
      throw malformed("note: a signature of no bytes");
    }
    return new Line(rest.substring(0, space), Arrays.copyOf(bytes, KEY_ID_BYTES),
        Arrays.copyOfRange(bytes, KEY_ID_BYTES, bytes.length));
  }

  /** The text of a note that the key has signed; of its lines the first counts. */
  static String open(byte[] note, VerifierKey key) {
    var parsed = new Note(note);
    for (Line line : parsed.lines) {
      if (line.name().equals(key.name()) && Arrays.equals(line.keyId(), key.id())) {
        key.verify(parsed.text.getBytes(StandardCharsets.UTF_8), line.signature());
        return parsed.text;
      }
    }
    throw ReceiptException.of(Status.Code.UNAUTHENTICATED, "note: no known key signed it");
  }

  /** The head that the text of a note tells; `note` is the whole of it. */
  static Head parseCheckpoint(String text, String note) {
    decode("checkpoint", text.getBytes(StandardCharsets.UTF_8));
    String[] lines = text.split("\n", -1);
    if (lines.length < 4 || !lines[lines.length - 1].isEmpty()) {
      throw malformed("checkpoint: line missing or without its end");
    }
    for (int i = 0; i < lines.length - 1; i++) {
      if (lines[i].isEmpty()) {
        throw malformed("checkpoint: line " + i + " is empty");
      }
    }
    byte[] root = decodeBase64("checkpoint: root", lines[2]);
    long size = parseSize(lines[1]);
    if (root.length != Sha256.SIZE
        || (size == 0 && !Arrays.equals(root, Sha256.of(new byte[0])))) {
      throw malformed("checkpoint: no root of this size");
    }
    return new Head(lines[0], size, root, note);
  }

  private static long parseSize(String digits) {
    try {
      long size = Long.parseLong(digits);
      if (Long.toString(size).equals(digits) && size >= 0) {
        return size;
      }
    } catch (NumberFormatException e) {
      // Told below.
    }
    throw malformed("checkpoint: size is no decimal number below 2^63");
  }

  private static String decode(String what, byte[] bytes) {
    String text;
    try {
      text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      throw malformed(what + ": invalid UTF-8");
    }
    if (text.chars().anyMatch(c -> c < 0x20 && c != '\n')) {
      throw malformed(what + ": control character");
    }
    return text;
  }

  /** Takes the one text of each value. */
  static byte[] decodeBase64(String what, String text) {
    try {
      byte[] bytes = Base64.getDecoder().decode(text);
      if (Base64.getEncoder().encodeToString(bytes).equals(text)) {
        return bytes;
      }
    } catch (IllegalArgumentException e) {
      // Told below.
    }
    throw malformed(what + ": not canonical base64");
  }

  /** Whether a key may have this name: no white space of Unicode, no control character, no '+'. */
  static boolean isName(String name) {
    return !name.isEmpty() && name.codePoints().noneMatch(c -> c < 0x20 || c == '+' || isSpace(c)
        || (c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE));
  }

  // Java's own notions of white space lack U+0085 or the spaces that do not break.
  private static boolean isSpace(int c) {
    return c == 0x85 || (c >= 0x09 && c <= 0x0d) || Character.isSpaceChar(c);
  }
}
