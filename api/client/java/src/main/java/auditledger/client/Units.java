package auditledger.client;

import static auditledger.client.ReceiptException.malformed;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * An event's canonical encoding, cut into the pieces that are committed to one by one. The formats
 * to the byte, and vectors: tests/testdata/seal/README.md of the audit ledger.
 */
final class Units {
  static final int EVENT_ID = 1;
  static final int SOURCE = 18;
  private static final int RECORDED = 4;
  private static final int STREAM_ID = 8; // of source
  private static final int STREAM_SEQUENCE = 9;
  private static final Set<Integer> CUT_DEEPER = Set.of(13, 14, 17, SOURCE, 19, 25);
  private static final int MAX_EVENT_BYTES = 65536;
  private static final int MAX_UNITS = 4096;
  private static final long MAX_SECONDS = 253402300799L; // 9999-12-31T23:59:59Z
  private static final long MAX_NANOS = 999_999_999;

  /** A piece and its place. */
  record Unit(int field, int occurrence, int subfield, ByteBuffer bytes) {}

  /** Which event it is, in which stream, at which number there, as the event says it. */
  record Identity(ByteBuffer eventId, ByteBuffer streamId, long streamSequence) {}

  private final List<Unit> units = new ArrayList<>();

  /** Cuts an event. */
  Units(ByteBuffer event) {
    if (event.remaining() > MAX_EVENT_BYTES) {
      throw malformed("event: has " + event.remaining() + " bytes, at most " + MAX_EVENT_BYTES);
    }
    int field = 0;
    int occurrence = 0;
    for (WireReader.Field record : WireReader.fields(event)) {
      if (record.number() < field) {
        throw malformed("field " + record.number() + " after field " + field + ": not ascending");
      }
      occurrence = record.number() == field ? occurrence + 1 : 0;
      field = record.number();
      if (!CUT_DEEPER.contains(field)) {
        units.add(new Unit(field, occurrence, 0, record.record()));
      } else if (record.kind() != WireReader.BYTES) {
        throw malformed("field " + field + ": wrong wire type for a message");
      } else {
        cutElement(field, occurrence, record.value());
      }
      if (units.size() > MAX_UNITS) {
        throw malformed("event: more than " + MAX_UNITS + " units");
      }
    }
  }

  private void cutElement(int field, int occurrence, ByteBuffer element) {
    int subfield = 0;
    int start = 0;
    int end = 0;
    for (WireReader.Field record : WireReader.fields(element)) {
      if (record.number() < subfield) {
        throw malformed("field " + field + ": field " + record.number() + " after " + subfield);
      }
      if (record.number() > subfield) {
        if (subfield > 0) {
          units.add(new Unit(field, occurrence, subfield, element.slice(start, end - start)));
        }
        subfield = record.number();
        start = end;
      }
      end += record.record().remaining();
    }
    units.add(new Unit(field, occurrence, subfield, element.slice(start, end - start)));
  }

  List<Unit> list() {
    return units;
  }

  private ByteBuffer bytesOf(int field) {
    var out = new ByteArrayOutputStream();
    for (Unit unit : units) {
      if (unit.field() == field) {
        byte[] bytes = new byte[unit.bytes().remaining()];
        unit.bytes().duplicate().get(bytes);
        out.writeBytes(bytes);
      }
    }
    return ByteBuffer.wrap(out.toByteArray());
  }

  /** Of the event's recorded, in microseconds, what is finer cut off; 0 without. */
  long eventTimeUs() {
    ByteBuffer message = bytesOf(RECORDED);
    for (int number : new int[] {RECORDED, 1}) { // recorded, then its `at`
      var field = WireReader.singular("recorded", message, Map.of(number, WireReader.BYTES))
          .get(number);
      if (field == null) {
        return 0;
      }
      message = field.value();
    }
    var found = WireReader.singular(
        "recorded.at", message, Map.of(1, WireReader.VARINT, 2, WireReader.VARINT));
    long seconds = found.containsKey(1) ? found.get(1).scalar() : 0;
    long nanos = found.containsKey(2) ? found.get(2).scalar() : 0;
    if (seconds < 0 || seconds > MAX_SECONDS || nanos < 0 || nanos > MAX_NANOS) {
      throw malformed("recorded.at: out of range");
    }
    return seconds * 1_000_000 + nanos / 1000;
  }

  Identity identity() {
    if (units.stream().anyMatch(unit -> unit.field() == SOURCE && unit.occurrence() > 0)) {
      throw malformed("source: occurs twice");
    }
    var own = WireReader.singular(
        "event_id", bytesOf(EVENT_ID), Map.of(EVENT_ID, WireReader.BYTES));
    var source = WireReader.singular("source", bytesOf(SOURCE),
        Map.of(STREAM_ID, WireReader.BYTES, STREAM_SEQUENCE, WireReader.VARINT));
    var sequence = source.get(STREAM_SEQUENCE);
    return new Identity(valueOf(own.get(EVENT_ID)), valueOf(source.get(STREAM_ID)),
        sequence == null ? 0 : sequence.scalar());
  }

  private static ByteBuffer valueOf(WireReader.Field field) {
    return field == null ? ByteBuffer.allocate(0) : field.value();
  }

  private static byte[] domain(String label) {
    return ("auditledger/" + label + "/v1\0").getBytes(java.nio.charset.StandardCharsets.US_ASCII);
  }

  private static byte[] salt(byte[] seed, char label, int position) {
    byte[] place = ByteBuffer.allocate(5).put((byte) label).putInt(position).array();
    return Arrays.copyOf(Sha256.of(seed, place), 16);
  }

  /** What the leaf carries: it binds header and every unit under one random seed. */
  byte[] commitment(byte[] seed, ByteBuffer header) {
    var listed = ByteBuffer.allocate(2 + units.size() * (12 + Sha256.SIZE));
    listed.putShort((short) units.size());
    ByteBuffer ofUnits = ByteBuffer.wrap(domain("unit"));
    for (int i = 0; i < units.size(); i++) {
      Unit unit = units.get(i);
      listed.putInt(unit.field()).putInt(unit.occurrence()).putInt(unit.subfield());
      listed.put(Sha256.of(ofUnits, ByteBuffer.wrap(salt(seed, 'u', i)), unit.bytes()));
    }
    byte[] event = Sha256.of(domain("event"), listed.array());
    byte[] headerHash = Sha256.of(ByteBuffer.wrap(domain("header")),
        ByteBuffer.wrap(salt(seed, 'h', 0)), header);
    return Sha256.of(domain("entry"), headerHash, event);
  }
}
