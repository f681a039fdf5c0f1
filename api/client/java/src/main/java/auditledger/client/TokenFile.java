package auditledger.client;

import io.grpc.CallCredentials;
import io.grpc.Metadata;
import io.grpc.Status;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Executor;

/** Sends the token that stands in a file, which whoever gets tokens replaces. */
final class TokenFile extends CallCredentials {
  private static final int MAX_BYTES = 8 << 10;
  private static final Metadata.Key<String> AUTHORIZATION =
      Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

  private final Path path;

  TokenFile(Path path) {
    this.path = path;
  }

  String read() throws IOException {
    byte[] bytes;
    try (InputStream in = Files.newInputStream(path)) {
      bytes = in.readNBytes(MAX_BYTES + 1);
    }
    String token = new String(bytes, StandardCharsets.ISO_8859_1).strip();
    boolean visible = token.chars().allMatch(c -> c > 0x20 && c < 0x7f);
    if (token.isEmpty() || bytes.length > MAX_BYTES || !visible) {
      throw new IOException(path + ": does not hold a token");
    }
    return token;
  }

  @Override
  public void applyRequestMetadata(RequestInfo info, Executor executor, MetadataApplier applier) {
    executor.execute(() -> {
      try {
        var headers = new Metadata();
        headers.put(AUTHORIZATION, "Bearer " + read());
        applier.apply(headers);
      } catch (IOException e) {
        applier.fail(Status.UNAUTHENTICATED.withDescription(e.getMessage()));
      }
    });
  }
}
