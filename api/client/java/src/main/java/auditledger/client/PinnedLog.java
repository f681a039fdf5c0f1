package auditledger.client;

import io.grpc.Status;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** A log by what must reach you by another way than its server: origin and verifier key. */
public final class PinnedLog {
  private final String origin;
  private final List<VerifierKey> keys = new ArrayList<>();

  /**
   * Takes others as well: the key that is to follow when the log's is rotated.
   *
   * @throws ReceiptException where a vkey is none
   */
  public PinnedLog(String origin, String vkey, String... others) {
    this.origin = origin;
    keys.add(VerifierKey.parse(vkey.strip()));
    for (String other : others) {
      keys.add(VerifierKey.parse(other.strip()));
    }
  }

  /**
   * The head of a note that is signed by a pinned key.
   *
   * @throws ReceiptException when it is none
   */
  public Head openHead(String note) {
    ReceiptException first = null;
    for (VerifierKey key : keys) {
      try {
        return openBy(key, note);
      } catch (ReceiptException e) {
        first = first == null ? e : first;
      }
    }
    throw first;
  }

  private Head openBy(VerifierKey key, String note) {
    String text = Note.open(note.getBytes(StandardCharsets.UTF_8), key);
    Head head = Note.parseCheckpoint(text, note);
    if (!head.origin().equals(origin)) {
      throw ReceiptException.of(
          Status.Code.FAILED_PRECONDITION, "checkpoint: origin is not " + origin);
    }
    return head;
  }
}
