package auditledger.client;

import static auditledger.client.ReceiptException.malformed;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads protobuf's wire format strictly: minimal varints, no groups, no overrun, so that two
 * programs cannot read a sealed event differently.
 */
final class WireReader {
  static final int VARINT = 0;
  static final int FIXED64 = 1;
  static final int BYTES = 2;
  static final int FIXED32 = 5;
  private static final long MAX_FIELD = (1L << 29) - 1;
  private static final int MAX_VARINT_BYTES = 10;

  /** One field; the scalar is that of a varint, a record has tag and length too. */
  record Field(int number, int kind, long scalar, ByteBuffer value, ByteBuffer record) {}

  private final ByteBuffer rest;

  private WireReader(ByteBuffer message) {
    this.rest = message.duplicate();
  }

  /** All fields of a message. */
  static List<Field> fields(ByteBuffer message) {
    var reader = new WireReader(message);
    var out = new ArrayList<Field>();
    while (reader.rest.hasRemaining()) {
      out.add(reader.next());
    }
    return out;
  }

  /** The fields that are wanted, by number with their kind; none of them may occur twice. */
  static Map<Integer, Field> singular(String what, ByteBuffer message, Map<Integer, Integer> wanted) {
    var found = new HashMap<Integer, Field>();
    for (Field field : fields(message)) {
      Integer kind = wanted.get(field.number());
      if (kind == null) {
        continue;
      }
      if (kind != field.kind()) {
        throw malformed(what + ": field " + field.number() + " has the wrong wire type");
      }
      if (found.put(field.number(), field) != null) {
        throw malformed(what + ": field " + field.number() + " occurs twice");
      }
    }
    return found;
  }

  private Field next() {
    int start = rest.position();
    long tag = varint();
    long number = tag >>> 3;
    int kind = (int) (tag & 7);
    if (number == 0 || number > MAX_FIELD) {
      throw malformed("tag: field number out of range");
    }
    long scalar = 0;
    ByteBuffer value = ByteBuffer.allocate(0);
    switch (kind) {
      case VARINT -> scalar = varint();
      case FIXED64 -> value = take(8);
      case FIXED32 -> value = take(4);
      case BYTES -> value = take(varint());
      default -> throw malformed("field " + number + ": wire type is a group or unknown");
    }
    ByteBuffer record = rest.slice(start, rest.position() - start);
    return new Field((int) number, kind, scalar, value, record);
  }

  private long varint() {
    long value = 0;
    for (int i = 0; i < MAX_VARINT_BYTES; i++) {
      if (!rest.hasRemaining()) {
        throw malformed("truncated varint");
      }
      int b = rest.get() & 0xff;
      if (i == MAX_VARINT_BYTES - 1 && b > 1) {
        break;
      }
      value |= (long) (b & 0x7f) << (7 * i);
      if (b < 0x80) {
        if (b == 0 && i > 0) {
          throw malformed("varint is not minimal");
        }
        return value;
      }
    }
    throw malformed("varint over 64 bits");
  }

  private ByteBuffer take(long size) {
    if (size < 0 || size > rest.remaining()) {
      throw malformed("truncated value");
    }
    ByteBuffer out = rest.slice(rest.position(), (int) size);
    rest.position(rest.position() + (int) size);
    return out;
  }
}
