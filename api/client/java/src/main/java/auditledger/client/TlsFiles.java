package auditledger.client;

import io.grpc.ChannelCredentials;
import io.grpc.CompositeChannelCredentials;
import io.grpc.TlsChannelCredentials;
import java.io.IOException;
import java.nio.file.Path;

/**
 * The PEM files of a connection.
 *
 * @param ca who signs the server's certificate
 * @param cert ours, with exactly one URI SAN; null, as the key, where a token is enough
 * @param key its private key (PKCS #8)
 * @param token a file with an access token, read and sent with each call; null for none
 */
public record TlsFiles(Path ca, Path cert, Path key, Path token) {
  /** Checks that there is something to show. */
  public TlsFiles {
    if ((cert == null) != (key == null) || (cert == null && token == null)) {
      throw new IllegalArgumentException("give cert and key, or token, or all three");
    }
  }

  /** A certificate alone. */
  public static TlsFiles of(String ca, String cert, String key) {
    return new TlsFiles(Path.of(ca), Path.of(cert), Path.of(key), null);
  }

  ChannelCredentials credentials() throws IOException {
    var tls = TlsChannelCredentials.newBuilder().trustManager(ca.toFile());
    if (cert != null) {
      tls.keyManager(cert.toFile(), key.toFile());
    }
    return token == null ? tls.build()
                         : CompositeChannelCredentials.create(tls.build(), new TokenFile(token));
  }
}
