package auditledger.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import auditledger.v1.AuditEvent;
import auditledger.v1.Receipt;
import com.google.gson.Gson;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.InsecureServerCredentials;
import io.grpc.Server;
import io.grpc.Status;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How often and when a client sends again, and what it makes of refusals: a server of ours. */
class ClientTest {
  private final FakeLedger ledger = new FakeLedger();
  private final List<Long> waits = new ArrayList<>();
  private AuditEvent event;
  private Server server;
  private LedgerClient client;

  @BeforeEach
  void start() throws IOException {
    event = AuditEvent.parseFrom(ReceiptTest.event(0));
    server = Grpc.newServerBuilderForPort(0, InsecureServerCredentials.create())
        .addService(ledger).build().start();
    var published = RetryPolicy.published();
    var retry = new RetryPolicy(published.maxAttempts(), published.initial(), published.longest(),
        wait -> waits.add(wait.toMillis()), () -> 1);
    var standard = LedgerClient.Options.standard();
    client = new LedgerClient(
        Grpc.newChannelBuilder("localhost:" + server.getPort(), InsecureChannelCredentials.create())
            .disableRetry().build(), "main", ReceiptTest.LOG,
        new LedgerClient.Options(
            retry, Duration.ofMinutes(1), standard.streamTimeout(), standard.ack()));
  }

  @AfterEach
  void stop() {
    client.close();
    server.shutdownNow();
  }

  private void refuse(int times, Status.Code code, String reason, long hintSeconds) {
    ledger.refusals.addAll(
        Collections.nCopies(times, FakeLedger.refusal(code, reason, hintSeconds)));
  }

  @Test
  void whatHadNoAnswerIsSentAgainTheSame() {
    refuse(3, Status.Code.UNAVAILABLE, "", 0);
    assertEquals(ReceiptTest.receipt(0), client.append(event));
    assertEquals(List.of(100L, 200L, 400L), waits);
    assertEquals(4, ledger.requests.size());
    assertEquals(1, new HashSet<>(ledger.requests).size());
  }

  @Test
  void attemptsAreBounded() {
    refuse(9, Status.Code.DEADLINE_EXCEEDED, "", 0);
    assertTrue(assertThrows(LedgerException.class, () -> client.append(event)).outcomeUnknown());
    assertEquals(4, ledger.requests.size());
  }

  @Test
  void aHintIsHonoured() {
    refuse(2, Status.Code.RESOURCE_EXHAUSTED, "OVERLOADED", 3);
    client.appendBatch(List.of(event, event));
    assertEquals(List.of(3000L, 3000L), waits);
  }

  @Test
  void withoutAHintTooMuchIsTooMuch() {
    refuse(1, Status.Code.RESOURCE_EXHAUSTED, "", 0);
    assertThrows(LedgerException.class, () -> client.append(event));
    assertEquals(List.of(), waits);
  }

  @Test
  void refusalsAreToldApart() {
    var kinds = Map.of(Status.Code.ALREADY_EXISTS, ConflictException.class,
        Status.Code.FAILED_PRECONDITION, PreconditionException.class,
        Status.Code.PERMISSION_DENIED, LedgerException.class);
    kinds.forEach((code, kind) -> {
      refuse(1, code, "WHY", 0);
      var refused = assertThrows(LedgerException.class, () -> client.append(event));
      assertEquals(kind, refused.getClass());
      assertEquals(code, refused.code());
      assertEquals("WHY", refused.reason());
      assertEquals(Map.of("first_index", "7"), refused.metadata());
    });
    assertEquals(List.of(), waits);
  }

  @Test
  void aBatchOfAnotherLengthIsRefused() {
    assertThrows(ReceiptException.class, () -> client.appendBatch(List.of(event)));
  }

  private Map<Integer, Object> stream(List<AuditEvent> events) {
    var results = new TreeMap<Integer, Object>();
    client.appendStream(events, (position, receipt, error) ->
        assertEquals(null, results.put(position, error == null ? receipt : error)));
    return results;
  }

  @Test
  void aStreamGoesOnWhereItWasCut() {
    ledger.refusals.addAll(Collections.nCopies(70, FakeLedger.NONE));
    ledger.refusals.add(FakeLedger.CUT);
    var results = stream(Collections.nCopies(120, event));
    assertEquals(120, results.size());
    assertTrue(results.values().stream().allMatch(Receipt.class::isInstance));
    assertEquals(List.of(100L), waits);
  }

  @Test
  void aStreamOutlivesATokenThatWasGoodForSomeOfIt() {
    ledger.refusals.addAll(Collections.nCopies(3, FakeLedger.NONE));
    refuse(1, Status.Code.UNAUTHENTICATED, "TOKEN_EXPIRED", 0);
    assertEquals(9, stream(Collections.nCopies(9, event)).size());
    refuse(1, Status.Code.UNAUTHENTICATED, "TOKEN_EXPIRED", 0);
    assertEquals("TOKEN_EXPIRED",
        assertThrows(LedgerException.class, () -> stream(List.of(event))).reason());
  }

  @Test
  void aStreamThatGetsNowhereEnds() {
    ledger.refusals.addAll(Collections.nCopies(9, FakeLedger.CUT));
    assertThrows(LedgerException.class, () -> stream(List.of(event)));
    assertEquals(List.of(100L, 200L, 400L), waits);
  }

  @Test
  void aRefusedEventDoesNotEndAStream() {
    refuse(1, Status.Code.ALREADY_EXISTS, "EVENT_ID_CONFLICT", 0);
    refuse(1, Status.Code.RESOURCE_EXHAUSTED, "OVERLOADED", 2);
    var other = AuditEvent.newBuilder().setEventId("e-7").build();
    var results = stream(List.of(event, event, other, event));
    assertInstanceOf(ConflictException.class, results.get(0));
    assertInstanceOf(Receipt.class, results.get(1));
    assertInstanceOf(Receipt.class, results.get(3));
    assertEquals(
        Status.Code.DATA_LOSS, assertInstanceOf(ReceiptException.class, results.get(2)).code());
    assertEquals(List.of(2000L), waits);
  }

  @Test
  void thePublishedConfigurationIsOneThatGrpcTakes() {
    Map<String, ?> config = new Gson().<Map<String, ?>>fromJson(
        RetryPolicy.serviceConfig(), Map.class);
    Grpc.newChannelBuilder("localhost:1", InsecureChannelCredentials.create())
        .defaultServiceConfig(config).build().shutdownNow();
    var policy = RetryPolicy.published();
    assertEquals(List.of(4, Duration.ofMillis(100), Duration.ofSeconds(2)),
        List.of(policy.maxAttempts(), policy.initial(), policy.longest()));
  }

  @Test
  void aTokenIsReadAgainAndNothingElseIsSent(@TempDir Path folder) throws IOException {
    Path path = folder.resolve("token");
    var token = new TokenFile(path);
    for (var good : Map.of("abc.def\n", "abc.def", " next ", "next").entrySet()) {
      Files.writeString(path, good.getKey());
      assertEquals(good.getValue(), token.read());
    }
    for (String bad : List.of("", "two words", "x".repeat(8193), "\u00ff", "a\nb")) {
      Files.writeString(path, bad, StandardCharsets.ISO_8859_1);
      assertTrue(assertThrows(IOException.class, token::read).getMessage()
          .startsWith(path.toString()));
    }
    assertThrows(IllegalArgumentException.class, () -> new TlsFiles(path, null, null, null));
  }
}
