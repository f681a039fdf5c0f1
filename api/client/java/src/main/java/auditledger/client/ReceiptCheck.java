package auditledger.client;

import static auditledger.client.ReceiptException.differs;
import static auditledger.client.ReceiptException.malformed;

import auditledger.v1.AuditEvent;
import auditledger.v1.Opening;
import auditledger.v1.Receipt;
import com.google.protobuf.ByteString;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;

/**
 * What an emitter checks of a receipt before it believes it: the head is signed by the pinned key
 * for the pinned origin, the leaf is in that head's tree at that index, and the leaf commits to the
 * very event sent; or, where the ledger says SECRETS_MASKED, to that event with bytes of its texts
 * overwritten by '*' and nothing else changed. The receipt then carries what was sealed ({@code
 * receipt.getOpening().getEvent()}): look at it, for a ledger that lies may hide by '*' what should
 * have been kept. Pure functions.
 */
public final class ReceiptCheck {
  private ReceiptCheck() {}

  /**
   * Checks the receipt of an event; returns its head.
   *
   * @throws ReceiptException with the receipt, as evidence
   */
  public static Head check(Receipt receipt, AuditEvent event, PinnedLog log) {
    return check(receipt, event.toByteString(), log);
  }

  static Head check(Receipt receipt, ByteString event, PinnedLog log) {
    try {
      Head head = log.openHead(receipt.getCheckpoint().getNote());
      checkUnder(head, receipt, event);
      return head;
    } catch (ReceiptException e) {
      throw e.with(receipt);
    }
  }

  /** check() without its signature: `head` was opened from this receipt's own note. */
  static void checkUnder(Head head, Receipt receipt, ByteString event) {
    var inclusion = receipt.getInclusion();
    if (inclusion.getLeafIndex() != receipt.getIndex()
        || inclusion.getTreeSize() != head.size()) {
      throw differs("receipt: its proof is for another index or head");
    }
    ByteBuffer leafBytes = receipt.getLeaf().asReadOnlyByteBuffer();
    Merkle.verifyInclusion(receipt.getIndex(), head.size(), Merkle.leafHash(leafBytes),
        inclusion.getHashesList().stream().map(ByteString::toByteArray).toList(), head.root());
    Leaf leaf = Leaf.parse(leafBytes);
    if (leaf.kind() != Leaf.EVENT) {
      throw differs("receipt: the entry is not an event");
    }
    if (!receipt.hasOpening()) {
      throw differs("receipt: no opening, so it may be another event's");
    }
    Opening opening = receipt.getOpening();
    ByteBuffer sealed = sealedEvent(opening, event.asReadOnlyByteBuffer());
    verifyOpening(leaf, opening.getSeed().toByteArray(),
        opening.getHeader().asReadOnlyByteBuffer(), sealed);
  }

  /**
   * Checks that the log of the head `after` begins with that of `before`.
   *
   * @throws ReceiptException when the proof does not show it
   */
  public static void checkExtension(Head before, Head after, List<byte[]> proof) {
    Merkle.verifyConsistency(before.size(), before.root(), after.size(), after.root(), proof);
  }

  static void verifyOpening(Leaf leaf, byte[] seed, ByteBuffer headerBytes, ByteBuffer event) {
    if (leaf.body().length > 0) {
      throw malformed("leaf body: an event has none");
    }
    if (leaf.commitment() == null) {
      throw malformed("leaf commitment: is absent");
    }
    if (seed.length != 32) {
      throw malformed("opening seed: needs 32 bytes");
    }
    Header header = Header.parse(headerBytes);
    var units = new Units(event);
    if (!Arrays.equals(units.commitment(seed, headerBytes), leaf.commitment())) {
      throw differs("commitment: seed, header or event is not what the leaf commits to");
    }
    if (units.eventTimeUs() != leaf.eventTimeUs()) {
      throw differs("event time: the leaf's is not the event's");
    }
    var named = new Units.Identity(ByteBuffer.wrap(header.eventId()),
        ByteBuffer.wrap(header.streamId()), header.streamSequence());
    if (!units.identity().equals(named)) {
      throw differs("header: its event id, stream or sequence is not the event's");
    }
  }

  /** What was sealed for an event: itself, or the same with secrets masked. */
  private static ByteBuffer sealedEvent(Opening opening, ByteBuffer event) {
    Header header = Header.parse(opening.getHeader().asReadOnlyByteBuffer());
    if ((header.flags() & Header.SECRETS_MASKED) == 0) {
      return event;
    }
    ByteBuffer sealed = opening.getEvent().asReadOnlyByteBuffer();
    boolean masked = false;
    try {
      masked = isMasked(AuditEvent.getDescriptor(), sealed, event, true);
    } catch (ReceiptException e) {
      // One of them is no message at all.
    }
    if (!masked) {
      throw differs(
          "receipt: what was sealed is another event, not this one with secrets masked");
    }
    return sealed;
  }

  /** Whether `sealed` is `sent` but for stars in its texts; an event's identity is the same. */
  private static boolean isMasked(
      Descriptor type, ByteBuffer sealed, ByteBuffer sent, boolean isEvent) {
    var theirs = WireReader.fields(sealed);
    var ours = WireReader.fields(sent);
    if (ours.size() != theirs.size()) {
      return false;
    }
    for (int i = 0; i < ours.size(); i++) {
      WireReader.Field mine = ours.get(i);
      WireReader.Field its = theirs.get(i);
      if (mine.number() != its.number() || mine.kind() != its.kind()
          || mine.record().remaining() != its.record().remaining()) {
        return false;
      }
      FieldDescriptor field = type.findFieldByNumber(mine.number());
      boolean isIdentity =
          isEvent && (mine.number() == Units.EVENT_ID || mine.number() == Units.SOURCE);
      boolean isMessage =
          field != null && field.getJavaType() == FieldDescriptor.JavaType.MESSAGE;
      boolean same;
      if (mine.kind() != WireReader.BYTES || isIdentity) {
        same = mine.record().equals(its.record());
      } else if (isMessage) {
        same = isMasked(field.getMessageType(), its.value(), mine.value(), false);
      } else {
        same = differByStarsAlone(its.value(), mine.value());
      }
      if (!same) {
        return false;
      }
    }
    return true;
  }

  private static boolean differByStarsAlone(ByteBuffer sealed, ByteBuffer sent) {
    if (sealed.remaining() != sent.remaining()) {
      return false;
    }
    for (int i = 0; i < sent.remaining(); i++) {
      if (sealed.get(i) != sent.get(i) && sealed.get(i) != '*') {
        return false;
      }
    }
    return true;
  }
}
