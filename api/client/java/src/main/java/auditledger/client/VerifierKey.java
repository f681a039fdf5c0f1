package auditledger.client;

import static auditledger.client.ReceiptException.differs;
import static auditledger.client.ReceiptException.malformed;

import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.Signature;
import java.security.spec.X509EncodedKeySpec;
import java.util.Arrays;
import java.util.HexFormat;

/** An Ed25519 key of a log. */
record VerifierKey(String name, byte[] id, byte[] publicKey) {
  private static final byte ED25519 = 1;
  private static final int KEY_BYTES = 32;
  private static final int SIGNATURE_BYTES = 64;
  private static final byte[] LF = {'\n'};
  private static final byte[] SPKI = HexFormat.of().parseHex("302a300506032b6570032100"); // RFC 8410

  /** Of a vkey, "name+hex8(key id)+base64(1 || key)". */
  static VerifierKey parse(String vkey) {
    String[] parts = vkey.split("\\+", 3);
    if (parts.length != 3 || !Note.isName(parts[0])) {
      throw malformed("vkey: is not name+id+key");
    }
    byte[] key = Note.decodeBase64("vkey: key", parts[2]);
    if (key.length != 1 + KEY_BYTES || key[0] != ED25519) {
      throw malformed("vkey: not an Ed25519 key of a log");
    }
    byte[] name = parts[0].getBytes(StandardCharsets.UTF_8);
    byte[] id = Arrays.copyOf(Sha256.of(name, LF, key), 4);
    if (!HexFormat.of().formatHex(id).equals(parts[1])) {
      throw malformed("vkey: the key ID is not that of name and key");
    }
    return new VerifierKey(parts[0], id, Arrays.copyOfRange(key, 1, key.length));
  }

  void verify(byte[] text, byte[] signature) {
    boolean good = false;
    try {
      byte[] encoded = Arrays.copyOf(SPKI, SPKI.length + publicKey.length);
      System.arraycopy(publicKey, 0, encoded, SPKI.length, publicKey.length);
      var verifier = Signature.getInstance("Ed25519");
      verifier.initVerify(
          KeyFactory.getInstance("Ed25519").generatePublic(new X509EncodedKeySpec(encoded)));
      verifier.update(text);
      good = signature.length == SIGNATURE_BYTES && verifier.verify(signature);
    } catch (GeneralSecurityException e) {
      // A key that is no point, or a signature that is none, signs nothing.
    }
    if (!good) {
      throw differs("note: the line of the pinned key does not verify");
    }
  }
}
