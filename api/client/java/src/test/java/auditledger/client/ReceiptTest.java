package auditledger.client;

import static auditledger.client.Vectors.objects;
import static auditledger.client.Vectors.seal;
import static auditledger.client.Vectors.string;
import static auditledger.client.Vectors.unhex;
import static auditledger.client.Vectors.verdict;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import auditledger.v1.AuditEvent;
import auditledger.v1.Receipt;
import com.google.gson.JsonObject;
import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** Whole receipts: tests/testdata/seal/receipts.json, and every byte of one flipped. */
class ReceiptTest {
  static final JsonObject VECTORS = seal("receipts.json");
  static final JsonObject PINNED = VECTORS.getAsJsonObject("pinned");
  static final PinnedLog LOG = new PinnedLog(string(PINNED, "origin"), string(PINNED, "vkey"),
      PINNED.getAsJsonArray("other_vkeys").get(0).getAsString());

  static ByteString event(int vector) {
    return ByteString.copyFrom(unhex(objects(VECTORS, "receipts").get(vector).get("event")));
  }

  static Receipt receipt(int vector) {
    try {
      return Receipt.parseFrom(unhex(objects(VECTORS, "receipts").get(vector).get("receipt")));
    } catch (InvalidProtocolBufferException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void everyReceiptIsJudgedAsItShouldBe() {
    var receipts = objects(VECTORS, "receipts");
    for (int i = 0; i < receipts.size(); i++) {
      int vector = i;
      assertEquals(string(receipts.get(i), "verdict"),
          verdict(() -> ReceiptCheck.check(receipt(vector), event(vector), LOG)),
          string(receipts.get(i), "name"));
    }
    assertTrue(receipts.size() >= 60);
  }

  @Test
  void everyPairOfHeadsIsJudgedAsItShouldBe() {
    for (JsonObject v : objects(VECTORS, "heads")) {
      var proof = new ArrayList<byte[]>();
      v.getAsJsonArray("proof").forEach(hash -> proof.add(unhex(hash)));
      Head before = LOG.openHead(string(v, "old_note"));
      Head after = LOG.openHead(string(v, "new_note"));
      assertEquals(string(v, "verdict"),
          verdict(() -> ReceiptCheck.checkExtension(before, after, proof)), string(v, "name"));
    }
  }

  private static void noticed(String what, Consumer<Receipt.Builder> change) {
    var changed = receipt(0).toBuilder();
    change.accept(changed);
    assertNotEquals("OK", verdict(() -> ReceiptCheck.check(changed.build(), event(0), LOG)), what);
  }

  private static ByteString flip(ByteString bytes, int at) {
    byte[] out = bytes.toByteArray();
    out[at] ^= 1;
    return ByteString.copyFrom(out);
  }

  private static void eachByte(String what, ByteString bytes,
      BiFunction<Receipt.Builder, ByteString, Receipt.Builder> set) {
    for (int i = 0; i < bytes.size(); i++) {
      ByteString flipped = flip(bytes, i);
      noticed(what + ", byte " + i, r -> set.apply(r, flipped));
    }
  }

  @Test
  void aFlippedBitAnywhereIsNoticed() {
    Receipt good = receipt(0);
    assertEquals("OK", verdict(() -> ReceiptCheck.check(good, event(0), LOG)));
    eachByte("leaf", good.getLeaf(), Receipt.Builder::setLeaf);
    eachByte("seed", good.getOpening().getSeed(), (r, bytes) -> {
      r.getOpeningBuilder().setSeed(bytes);
      return r;
    });
    eachByte("header", good.getOpening().getHeader(), (r, bytes) -> {
      r.getOpeningBuilder().setHeader(bytes);
      return r;
    });
    eachByte("note", good.getCheckpoint().getNoteBytes(), (r, bytes) -> {
      r.getCheckpointBuilder().setNote(bytes.toStringUtf8());
      return r;
    });
    for (int i = 0; i < good.getInclusion().getHashesCount(); i++) {
      int hash = i;
      eachByte("hash " + i, good.getInclusion().getHashes(i), (r, bytes) -> {
        r.getInclusionBuilder().setHashes(hash, bytes);
        return r;
      });
    }
    for (int i = 0; i < Long.SIZE; i++) {
      long bit = 1L << i;
      noticed("index " + i, r -> r.setIndex(r.getIndex() ^ bit));
      noticed("leaf index " + i, r -> r.getInclusionBuilder().setLeafIndex(
          r.getInclusion().getLeafIndex() ^ bit));
      noticed("tree size " + i, r -> r.getInclusionBuilder().setTreeSize(
          r.getInclusion().getTreeSize() ^ bit));
    }
    for (int i = 0; i < event(0).size(); i++) {
      ByteString changed = flip(event(0), i);
      assertNotEquals("OK", verdict(() -> ReceiptCheck.check(good, changed, LOG)), "event " + i);
    }
  }

  @Test
  void randomDamageIsRefusedInNoOtherWay() {
    var random = new Random(7);
    var vectors = objects(VECTORS, "receipts").stream()
        .filter(v -> List.of("a receipt", "secrets masked").contains(string(v, "name"))).toList();
    int refused = 0;
    for (int round = 0; round < 2000; round++) {
      byte[] data = unhex(vectors.get(round % 2).get("receipt"));
      byte[] sent = unhex(vectors.get(round % 2).get("event"));
      for (int n = random.nextInt(3); n >= 0; n--) {
        byte[] damaged = random.nextInt(3) == 0 ? sent : data;
        damaged[random.nextInt(damaged.length)] = (byte) random.nextInt(256);
      }
      int cut = List.of(0, 1, 40).get(random.nextInt(3));
      Receipt receipt;
      try {
        receipt = Receipt.parseFrom(ByteString.copyFrom(data, 0, data.length - cut));
      } catch (InvalidProtocolBufferException e) {
        continue;
      }
      ByteString event = ByteString.copyFrom(sent);
      refused += verdict(() -> ReceiptCheck.check(receipt, event, LOG)).equals("OK") ? 0 : 1;
    }
    assertTrue(refused > 300, Integer.toString(refused));
  }

  @Test
  void anotherKeyAndAnotherOriginAreEvidence() throws InvalidProtocolBufferException {
    AuditEvent message = AuditEvent.parseFrom(event(0));
    Receipt receipt = receipt(0);
    ReceiptCheck.check(receipt, message, LOG);
    var stranger = new PinnedLog(string(PINNED, "origin"), string(PINNED, "stranger_vkey"));
    var refused = assertThrows(
        ReceiptException.class, () -> ReceiptCheck.check(receipt, message, stranger));
    assertEquals("UNAUTHENTICATED", refused.code().name());
    assertSame(receipt, refused.receipt());
    var elsewhere = new PinnedLog("ledger.example.org/elsewhere", string(PINNED, "vkey"));
    assertEquals("FAILED_PRECONDITION",
        verdict(() -> ReceiptCheck.check(receipt, message, elsewhere)));
  }
}
