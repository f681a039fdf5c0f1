package auditledger.client;

import static auditledger.client.ReceiptException.malformed;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** What the tree hashes of an entry; the commitment is null where it has none. */
record Leaf(
    int kind, long recordedAtUs, long eventTimeUs, List<byte[]> tags, byte[] commitment,
    byte[] body) {
  static final int EVENT = 1;
  private static final int MAX_BYTES = 65535;

  static Leaf parse(ByteBuffer bytes) {
    if (bytes.remaining() > MAX_BYTES) {
      throw malformed("leaf: has " + bytes.remaining() + " bytes, at most " + MAX_BYTES);
    }
    var reader = new LayoutReader("leaf", bytes);
    reader.version(1);
    int kind = reader.u8();
    long recordedAt = reader.u64();
    long eventTime = reader.u64();
    var tags = new ArrayList<byte[]>();
    for (int n = reader.u16(); n > 0; n--) {
      byte[] tag = reader.raw(Sha256.SIZE);
      if (!tags.isEmpty() && Arrays.compareUnsigned(tags.get(tags.size() - 1), tag) >= 0) {
        throw malformed("leaf tags: not strictly ascending");
      }
      tags.add(tag);
    }
    int present = reader.u8();
    if (present > 1) {
      throw malformed("leaf has_commitment: neither 0 nor 1");
    }
    byte[] commitment = present == 1 ? reader.raw(Sha256.SIZE) : null;
    var leaf = new Leaf(kind, recordedAt, eventTime, tags, commitment, reader.bytes16());
    reader.finish();
    return leaf;
  }
}
