package auditledger.client;

import static auditledger.client.ReceiptException.malformed;

import java.nio.ByteBuffer;

/** What the ledger itself says of an event. */
record Header(
    long receivedAtUs, long flags, byte[] principal, byte[] streamId, byte[] eventId,
    long streamSequence) {
  static final long SECRETS_MASKED = 1L << 10;
  private static final int SIGNATURE_BYTES = 32 + 64; // public key and signature of the emitter

  static Header parse(ByteBuffer bytes) {
    var reader = new LayoutReader("header", bytes);
    reader.version(1);
    var header = new Header(reader.u64(), reader.u64(), reader.bytes16(), reader.bytes16(),
        reader.bytes16(), reader.u64());
    int algorithm = reader.u8();
    if (algorithm > 1) {
      throw malformed("header signature_algorithm: " + algorithm + " is unknown");
    }
    if (algorithm == 1) {
      reader.raw(SIGNATURE_BYTES);
    }
    reader.finish();
    return header;
  }
}
