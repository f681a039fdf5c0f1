package auditledger.client;

import static auditledger.client.ReceiptException.differs;
import static auditledger.client.ReceiptException.malformed;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;

/**
 * Proofs of RFC 6962 trees, checked (RFC 9162 2.1.3.2 and 2.1.4.2). The length of a proof follows
 * from the sizes and is checked before anything is hashed.
 */
final class Merkle {
  private static final byte[] LEAF = {0};
  private static final byte[] NODE = {1};

  private Merkle() {}

  static byte[] leafHash(ByteBuffer leaf) {
    return Sha256.of(ByteBuffer.wrap(LEAF), leaf);
  }

  private static byte[] node(byte[] left, byte[] right) {
    return Sha256.of(NODE, left, right);
  }

  private static void checkHashes(List<byte[]> hashes, int needed) {
    if (hashes.stream().anyMatch(hash -> hash.length != Sha256.SIZE)) {
      throw malformed("a hash of other than 32 bytes");
    }
    if (hashes.size() != needed) {
      throw malformed(
          "the proof has " + hashes.size() + " hashes, exactly " + needed + " are needed");
    }
  }

  /** Siblings of a leaf on its way up, below where its path parts from the last leaf's. */
  private static int innerLength(long index, long size) {
    return Long.SIZE - Long.numberOfLeadingZeros(index ^ (size - 1));
  }

  /** And those above. */
  private static int borderLength(long index, int inner) {
    return inner == Long.SIZE ? 0 : Long.bitCount(index >>> inner);
  }

  static void verifyInclusion(
      long index, long size, byte[] leaf, List<byte[]> proof, byte[] root) {
    if (index < 0 || index >= size) { // sizes and indexes over 2^63 - 1 are negative
      throw malformed("inclusion: no leaf " + Long.toUnsignedString(index) + " in a tree of "
          + Long.toUnsignedString(size) + " leaves");
    }
    int inner = innerLength(index, size);
    checkHashes(List.of(leaf, root), 2);
    checkHashes(proof, inner + borderLength(index, inner));
    byte[] computed = leaf;
    for (int level = 0; level < proof.size(); level++) {
      boolean left = level < inner && (index >>> level & 1) == 0;
      byte[] sibling = proof.get(level);
      computed = left ? node(computed, sibling) : node(sibling, computed);
    }
    if (!Arrays.equals(computed, root)) {
      throw differs("inclusion: the proof does not lead to the root");
    }
  }

  /** That the tree of oldSize is the beginning of that of newSize. */
  static void verifyConsistency(
      long oldSize, byte[] oldRoot, long newSize, byte[] newRoot, List<byte[]> proof) {
    if (oldSize <= 0 || oldSize > newSize) {
      throw malformed("consistency: no proof from size " + Long.toUnsignedString(oldSize) + " to "
          + Long.toUnsignedString(newSize));
    }
    checkHashes(List.of(oldRoot, newRoot), 2);
    if (oldSize == newSize) {
      checkHashes(proof, 0);
      if (!Arrays.equals(oldRoot, newRoot)) {
        throw differs("consistency: two roots of one size");
      }
      return;
    }
    // The largest perfect tree that ends at oldSize is where both computations start.
    int shift = Long.numberOfTrailingZeros(oldSize);
    int inner = innerLength(oldSize - 1, newSize);
    int length = inner + borderLength(oldSize - 1, inner) - shift;
    inner -= shift;
    boolean whole = oldSize == 1L << shift; // then the old root is that tree, and is not sent
    checkHashes(proof, whole ? length : length + 1);
    byte[] before = whole ? oldRoot : proof.get(0);
    byte[] after = before;
    long place = (oldSize - 1) >>> shift;
    List<byte[]> path = whole ? proof : proof.subList(1, proof.size());
    for (int level = 0; level < path.size(); level++) {
      byte[] sibling = path.get(level);
      if (level < inner && (place >>> level & 1) == 0) {
        after = node(after, sibling);
      } else {
        before = node(sibling, before);
        after = node(sibling, after);
      }
    }
    if (!Arrays.equals(before, oldRoot) || !Arrays.equals(after, newRoot)) {
      throw differs("consistency: the proof does not lead to both roots");
    }
  }
}
