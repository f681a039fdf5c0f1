package auditledger.client;

import static auditledger.client.ReceiptException.malformed;

import java.nio.ByteBuffer;

/** Takes parts of a big-endian layout from front to back. */
final class LayoutReader {
  private final String what;
  private final ByteBuffer rest;

  LayoutReader(String what, ByteBuffer bytes) {
    this.what = what;
    this.rest = bytes.duplicate();
  }

  private void need(int size) {
    if (size > rest.remaining()) {
      throw malformed(what + ": truncated");
    }
  }

  byte[] raw(int size) {
    need(size);
    byte[] out = new byte[size];
    rest.get(out);
    return out;
  }

  int u8() {
    need(1);
    return rest.get() & 0xff;
  }

  int u16() {
    need(2);
    return rest.getShort() & 0xffff;
  }

  long u64() {
    need(8);
    return rest.getLong();
  }

  byte[] bytes16() {
    return raw(u16());
  }

  void version(int known) {
    int version = u8();
    if (version != known) {
      throw malformed(what + " version: " + version + " is unknown");
    }
  }

  void finish() {
    if (rest.hasRemaining()) {
      throw malformed(what + ": trailing bytes");
    }
  }
}
