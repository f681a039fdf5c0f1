package auditledger.client;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.DoubleSupplier;
import java.util.function.Supplier;

/**
 * When to send again, and after how long. Appending is exactly-once at the ledger, so whatever has
 * no answer may be sent again with the same bytes. The numbers are those of the published service
 * configuration, which a stock gRPC client takes as it is; the ledger's hint (RetryInfo), which gRPC
 * does not read, comes on top: a wait is never shorter.
 *
 * @param maxAttempts the first one counts
 * @param sleeper how to wait; tests give their own
 * @param random a number of [0, 1)
 */
public record RetryPolicy(
    int maxAttempts, Duration initial, Duration longest, Sleeper sleeper, DoubleSupplier random) {

  /** Waits. */
  @FunctionalInterface
  public interface Sleeper {
    /** Returns after this time. */
    void sleep(Duration wait) throws InterruptedException;
  }

  /** The text of the gRPC service configuration that is published with the protos. */
  public static String serviceConfig() {
    try (InputStream in = RetryPolicy.class.getResourceAsStream("service_config.json")) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new IllegalStateException("the package lacks service_config.json", e);
    }
  }

  /** That of the service configuration. */
  public static RetryPolicy published() {
    JsonObject config = JsonParser.parseString(serviceConfig()).getAsJsonObject();
    for (JsonElement method : config.getAsJsonArray("methodConfig")) {
      JsonObject policy = method.getAsJsonObject().getAsJsonObject("retryPolicy");
      if (policy != null) {
        return new RetryPolicy(policy.get("maxAttempts").getAsInt(),
            Duration.parse("PT" + policy.get("initialBackoff").getAsString()),
            Duration.parse("PT" + policy.get("maxBackoff").getAsString()),
            wait -> Thread.sleep(wait.toMillis()), () -> ThreadLocalRandom.current().nextDouble());
      }
    }
    throw new IllegalStateException("service_config.json has no retry policy");
  }

  /** After `attempt` attempts, the last of which ended with `error`. */
  void waitAfter(int attempt, LedgerException error) {
    long bound = Math.min(initial.toMillis() << Math.min(attempt - 1, 20), longest.toMillis());
    Duration wait = Duration.ofMillis((long) (random.getAsDouble() * bound));
    Duration hint = error.retryAfter();
    try {
      sleeper.sleep(hint != null && hint.compareTo(wait) > 0 ? hint : wait);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw error;
    }
  }

  /** Calls until there is an answer, a refusal, or too many attempts. */
  <T> T run(Supplier<T> call) {
    for (int attempt = 1;; attempt++) {
      try {
        return call.get();
      } catch (LedgerException e) {
        if (!e.retryable() || attempt >= maxAttempts) {
          throw e;
        }
        waitAfter(attempt, e);
      }
    }
  }
}
