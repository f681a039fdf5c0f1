package auditledger.client;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.grpc.Status;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Assumptions;

/** Where the vectors lie, and how their byte strings are written. */
final class Vectors {
  private static final Path ROOT = Path.of("../../..").toAbsolutePath().normalize();

  private Vectors() {}

  static JsonObject seal(String name) {
    return JsonParser.parseString(read(ROOT.resolve("tests/testdata/seal").resolve(name)))
        .getAsJsonObject();
  }

  /** A public vector file; the test is skipped where shared/ is absent, but not in CI. */
  static String publicText(String name) {
    String shared = System.getenv("AUDITLEDGER_SHARED");
    Path folder = shared == null ? ROOT.resolveSibling("shared") : Path.of(shared);
    Path path = folder.resolve("testdata/vectors").resolve(name);
    Assumptions.assumeTrue(Files.exists(path) || System.getenv("CI") != null, path.toString());
    return read(path);
  }

  static JsonObject publicJson(String name) {
    return JsonParser.parseString(publicText(name)).getAsJsonObject();
  }

  private static String read(Path path) {
    try {
      return Files.readString(path);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** 'ab 61*300 cd' is ab, 300 times 61, cd. */
  static byte[] unhex(JsonElement text) {
    var out = new ByteArrayOutputStream();
    for (String token : text.getAsString().split(" ")) {
      String[] parts = token.split("\\*");
      byte[] unit = HexFormat.of().parseHex(parts[0]);
      for (int n = parts.length == 2 ? Integer.parseInt(parts[1]) : 1; n > 0; n--) {
        out.writeBytes(unit);
      }
    }
    return out.toByteArray();
  }

  static byte[] base64(JsonElement text) {
    return text.isJsonNull() ? new byte[0] : Base64.getDecoder().decode(text.getAsString());
  }

  static List<JsonObject> objects(JsonObject parent, String name) {
    var out = new ArrayList<JsonObject>();
    parent.getAsJsonArray(name).forEach(one -> out.add(one.getAsJsonObject()));
    return out;
  }

  static String string(JsonObject parent, String name) {
    return parent.get(name).getAsString();
  }

  /** What a check says: OK or the code of its ReceiptException. */
  static String verdict(Runnable check) {
    try {
      check.run();
    } catch (ReceiptException e) {
      return e.code().name();
    }
    return Status.Code.OK.name();
  }
}
