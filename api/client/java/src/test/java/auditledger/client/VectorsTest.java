package auditledger.client;

import static auditledger.client.Vectors.base64;
import static auditledger.client.Vectors.objects;
import static auditledger.client.Vectors.publicJson;
import static auditledger.client.Vectors.publicText;
import static auditledger.client.Vectors.seal;
import static auditledger.client.Vectors.string;
import static auditledger.client.Vectors.unhex;
import static auditledger.client.Vectors.verdict;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** The parts of the check against the vectors, the hostile ones included. */
class VectorsTest {
  static final String PETER =
      "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

  private static ByteBuffer bytes(JsonObject vector, String name) {
    return ByteBuffer.wrap(unhex(vector.get(name)));
  }

  @Test
  void anEventFromItsBytesToItsLeaf() {
    var vectors = objects(seal("events.json"), "vectors");
    for (JsonObject v : vectors) {
      String name = string(v, "name");
      var units = new Units(bytes(v, "event"));
      assertEquals(v.get("unit_count").getAsInt(), units.list().size(), name);
      if (v.has("units")) {
        var wanted = objects(v, "units");
        for (int i = 0; i < wanted.size(); i++) {
          var path = wanted.get(i).getAsJsonArray("path");
          assertEquals(new Units.Unit(path.get(0).getAsInt(), path.get(1).getAsInt(),
              path.get(2).getAsInt(), bytes(wanted.get(i), "bytes")), units.list().get(i), name);
        }
      }
      assertEquals(v.get("event_time_us").getAsLong(), units.eventTimeUs(), name);
      byte[] seed = unhex(v.get("seed"));
      assertArrayEquals(
          unhex(v.get("commitment")), units.commitment(seed, bytes(v, "header")), name);
      assertArrayEquals(unhex(v.get("leaf_hash")), Merkle.leafHash(bytes(v, "leaf")), name);
      ReceiptCheck.verifyOpening(
          Leaf.parse(bytes(v, "leaf")), seed, bytes(v, "header"), bytes(v, "event"));
    }
    assertTrue(vectors.size() >= 30);
  }

  @Test
  void openings() {
    var verdicts = Map.of(
        "verified", "OK", "differs", "DATA_LOSS", "malformed", "INVALID_ARGUMENT");
    int checked = 0;
    for (JsonObject v : objects(seal("openings.json"), "vectors")) {
      Leaf leaf = Leaf.parse(bytes(v, "leaf"));
      // Tags are checked by whoever has the index key; other kinds are no receipts of events.
      if (List.of("tags", "UTF-8").contains(string(v, "blames")) || leaf.kind() != Leaf.EVENT) {
        continue;
      }
      ByteBuffer opening = bytes(v, "opening");
      byte[] seed = new byte[32];
      opening.position(1).get(seed);
      byte[] header = new byte[opening.getShort() & 0xffff];
      opening.get(header);
      ByteBuffer event = opening.position(opening.position() + 4).slice();
      checked++;
      assertEquals(verdicts.get(string(v, "verdict")), verdict(() -> ReceiptCheck.verifyOpening(
          leaf, seed, ByteBuffer.wrap(header), event)), string(v, "name"));
    }
    assertTrue(checked >= 30);
  }

  @Test
  void hostileBytesAreRefused() {
    Map<String, Consumer<ByteBuffer>> parsers = Map.of(
        "units", Units::new, "leaf", Leaf::parse, "header", Header::parse,
        "time", data -> new Units(data).eventTimeUs(),
        "identity", data -> new Units(data).identity());
    int checked = 0;
    for (JsonObject v : objects(seal("hostile.json"), "vectors")) {
      var parser = parsers.get(string(v, "parser"));
      if (parser != null) {
        checked++;
        assertEquals("INVALID_ARGUMENT", verdict(() -> parser.accept(bytes(v, "bytes"))),
            string(v, "name"));
      }
    }
    assertTrue(checked >= 100);
  }

  /** How many cases were accepted and refused, each as it should be. */
  private static List<Integer> judge(String file, BiConsumer<JsonObject, List<byte[]>> verify) {
    int accepted = 0;
    int refused = 0;
    for (String line : publicText(file).strip().split("\n")) {
      JsonObject c = JsonParser.parseString(line).getAsJsonObject();
      if (string(c, "file").endsWith("/sizes-are-equal-one-and-proof-is-empty.json")) {
        continue; // two equal roots of twelve bytes
      }
      var proof = new ArrayList<byte[]>();
      if (!c.get("proof").isJsonNull()) {
        c.getAsJsonArray("proof").forEach(hash -> proof.add(base64(hash)));
      }
      boolean good = verdict(() -> verify.accept(c, proof)).equals("OK");
      assertEquals(!c.get("wantErr").getAsBoolean(), good, string(c, "file"));
      accepted += good ? 1 : 0;
      refused += good ? 0 : 1;
    }
    return List.of(accepted, refused);
  }

  // Sizes of 64 bits are in these files too.
  private static long number(JsonObject c, String name) {
    return c.get(name).getAsBigInteger().longValue();
  }

  @Test
  void publicProofs() {
    assertEquals(List.of(6, 92), judge("merkle/inclusion.jsonl",
        (c, proof) -> Merkle.verifyInclusion(number(c, "leafIdx"), number(c, "treeSize"),
            base64(c.get("leafHash")), proof, base64(c.get("root")))));
    assertEquals(List.of(5, 92), judge("merkle/consistency.jsonl",
        (c, proof) -> Merkle.verifyConsistency(number(c, "size1"), base64(c.get("root1")),
            number(c, "size2"), base64(c.get("root2")), proof)));
  }

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  @Test
  void signedNotes() {
    JsonObject vectors = publicJson("note/signed-note.json");
    var peter = VerifierKey.parse(PETER);
    for (JsonObject v : objects(vectors, "good")) {
      for (JsonElement vkey : v.getAsJsonArray("vkeys")) {
        String text = Note.open(utf8(string(v, "note")), VerifierKey.parse(vkey.getAsString()));
        assertTrue(string(v, "note").startsWith(text + "\n"));
      }
    }
    for (JsonObject v : objects(vectors, "malformed")) {
      assertEquals("INVALID_ARGUMENT",
          verdict(() -> Note.open(base64(v.get("note_base64")), peter)), string(v, "why"));
    }
    for (JsonObject v : objects(vectors, "known_key_bad_signature")) {
      assertEquals("DATA_LOSS", verdict(() -> Note.open(base64(v.get("note_base64")), peter)));
    }
    for (JsonObject v : objects(vectors, "unverified")) {
      assertEquals("UNAUTHENTICATED", verdict(() -> Note.open(utf8(string(v, "note")), peter)));
    }
  }

  @Test
  void vkeys() {
    for (JsonObject v : objects(publicJson("note/signed-note.json"), "bad_vkeys")) {
      assertEquals("INVALID_ARGUMENT",
          verdict(() -> VerifierKey.parse(string(v, "vkey"))), string(v, "why"));
    }
    for (int cut = 0; cut < PETER.length(); cut++) { // nothing less than all of it is one
      for (String part : List.of(PETER.substring(0, cut), PETER.substring(cut + 1))) {
        assertEquals("INVALID_ARGUMENT", verdict(() -> VerifierKey.parse(part)), part);
      }
    }
    for (JsonObject v : objects(publicJson("note/vkeys-other-types.json"), "vkeys")) {
      if (v.get("type").getAsInt() != 1) { // no log's key
        assertEquals("INVALID_ARGUMENT", verdict(() -> VerifierKey.parse(string(v, "vkey"))));
      }
    }
  }

  @Test
  void checkpointsOfALogByOthers() {
    JsonObject log = publicJson("tlog/tessera-testlog.json");
    var pinned = new PinnedLog(string(log, "origin"), string(log, "vkey"));
    var notes = log.getAsJsonArray("checkpoints_by_size");
    for (int size = 0; size < notes.size(); size++) {
      assertEquals(size, pinned.openHead(notes.get(size).getAsString()).size());
    }
  }

  @Test
  void ed25519() {
    for (JsonObject group : objects(
        publicJson("ed25519/wycheproof_ed25519_test.json"), "testGroups")) {
      var key = new VerifierKey(
          "", new byte[4], unhex(group.getAsJsonObject("publicKey").get("pk")));
      for (JsonObject c : objects(group, "tests")) {
        String wanted = string(c, "result").equals("valid") ? "OK" : "DATA_LOSS";
        assertEquals(wanted,
            verdict(() -> key.verify(unhex(c.get("msg")), unhex(c.get("sig")))),
            c.get("tcId").toString());
      }
    }
  }
}
