package auditledger.client;

import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/** SHA-256 over parts. */
final class Sha256 {
  static final int SIZE = 32;

  private Sha256() {}

  static byte[] of(ByteBuffer... parts) {
    MessageDigest digest;
    try {
      digest = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
    for (ByteBuffer part : parts) {
      digest.update(part.duplicate());
    }
    return digest.digest();
  }

  static byte[] of(byte[]... parts) {
    var buffers = new ByteBuffer[parts.length];
    for (int i = 0; i < parts.length; i++) {
      buffers[i] = ByteBuffer.wrap(parts[i]);
    }
    return of(buffers);
  }
}
