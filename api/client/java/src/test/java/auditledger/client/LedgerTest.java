package auditledger.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import auditledger.v1.Agent;
import auditledger.v1.AuditEvent;
import auditledger.v1.Entity;
import auditledger.v1.GetLedgerRequest;
import auditledger.v1.Outcome;
import auditledger.v1.Receipt;
import auditledger.v1.Reference;
import auditledger.v1.Source;
import auditledger.v1.Time;
import com.google.protobuf.ByteString;
import com.google.protobuf.Timestamp;
import io.grpc.Status;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import quickstart.Quickstart;

/** Against a real ledger: tests/clients/rig.py runs this. */
@EnabledIfEnvironmentVariable(named = "AUDITLEDGER", matches = ".+")
class LedgerTest {
  private static final String ORIGIN = "audit.example.org/clinic";
  private static final String CERTS = System.getenv("AUDITLEDGER_CERTS");
  private static long sequence;
  private final List<LedgerClient> clients = new ArrayList<>();

  private static PinnedLog log() throws IOException {
    return new PinnedLog(ORIGIN, Files.readString(Path.of(CERTS, "clinic.vkey")));
  }

  private LedgerClient connect(String where, PinnedLog log, TlsFiles files) throws IOException {
    var standard = LedgerClient.Options.standard();
    var patient = new LedgerClient.Options(standard.retry(), Duration.ofMinutes(1),
        standard.streamTimeout(), standard.ack()); // a busy machine's
    clients.add(LedgerClient.connect(System.getenv(where), "clinic", log, files, patient));
    return clients.get(clients.size() - 1);
  }

  private static TlsFiles files(String name) {
    return TlsFiles.of(CERTS + "/ca.pem", CERTS + "/" + name + ".pem", CERTS + "/" + name + ".key");
  }

  private LedgerClient connect() throws IOException {
    return connect("AUDITLEDGER", log(), files("ehr"));
  }

  @AfterEach
  void close() {
    clients.forEach(LedgerClient::close);
  }

  private static void rig(String command) throws IOException {
    String[] address = System.getenv("AUDITLEDGER_RIG").split(":");
    try (var socket = new Socket(address[0], Integer.parseInt(address[1]))) {
      socket.getOutputStream().write((command + "\n").getBytes(StandardCharsets.UTF_8));
      var in = new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8);
      assertEquals("ok", new BufferedReader(in).readLine());
    }
  }

  private static AuditEvent newEvent() {
    var now = Timestamp.newBuilder().setSeconds(Instant.now().getEpochSecond());
    return AuditEvent.newBuilder().setEventId(UUID.randomUUID().toString()).setSchemaVersion(1)
        .setRecorded(Time.newBuilder().setAt(now)).addAgent(Agent.newBuilder().setName("Dr. A"))
        .setOutcome(Outcome.newBuilder().setIndicator(Outcome.Indicator.INDICATOR_SUCCESS))
        .setSource(Source.newBuilder().setObserver(Reference.newBuilder().setDisplay("EHR"))
            .setStreamId("java").setStreamSequence(++sequence)).build();
  }

  private static List<AuditEvent> newEvents(int count) {
    return Stream.generate(LedgerTest::newEvent).limit(count).toList();
  }

  private static long size(LedgerClient client) {
    return client.stub().getLedger(GetLedgerRequest.newBuilder().setName("ledgers/clinic").build())
        .getLedger().getSize();
  }

  private static List<Long> indexes(List<Receipt> receipts) {
    return receipts.stream().map(Receipt::getIndex).sorted().toList();
  }

  private static List<Long> streamed(LedgerClient client, List<AuditEvent> events) {
    var receipts = new ArrayList<Receipt>();
    client.appendStream(events, (position, receipt, error) -> {
      assertEquals(null, error);
      receipts.add(receipt);
    });
    return indexes(receipts);
  }

  private static List<Long> range(long first, int count) {
    return LongStream.range(first, first + count).boxed().toList();
  }

  @Test
  void theQuickstartRuns() throws IOException {
    assertTrue(Quickstart.run(System.getenv("AUDITLEDGER"), CERTS) > 0);
  }

  @Test
  void headsFollowEachOther() throws IOException {
    LedgerClient client = connect();
    Head head = null;
    Receipt receipt = null;
    for (int i = 0; i < 5; i++) {
      receipt = client.append(newEvent());
      Head newer = client.follow(head, receipt);
      assertTrue(head == null || newer.size() > head.size());
      head = newer;
    }
    assertSame(head, client.follow(head, receipt));
  }

  @Test
  void batchesAndStreams() throws IOException {
    LedgerClient client = connect();
    long before = size(client);
    assertEquals(range(before, 50), indexes(client.appendBatch(newEvents(50))));
    assertEquals(range(before + 50, 700), streamed(client, newEvents(700)));
  }

  @Test
  void theSameEventAgainGetsTheFirstReceipt() throws IOException {
    LedgerClient client = connect();
    AuditEvent event = newEvent();
    Receipt first = client.append(event);
    Receipt again = client.append(event);
    assertEquals(first.getIndex(), again.getIndex());
    assertFalse(first.getRepeatedEvent());
    assertTrue(again.getRepeatedEvent());
    var other = event.toBuilder().setAgent(0, Agent.newBuilder().setName("Dr. B")).build();
    var refused = assertThrows(ConflictException.class, () -> client.append(other));
    assertEquals("EVENT_ID_CONFLICT", refused.reason());
  }

  @Test
  void refusalsHaveReasons() throws IOException {
    LedgerClient auditor = connect("AUDITLEDGER", log(), files("auditor"));
    var refused = assertThrows(LedgerException.class, () -> auditor.append(newEvent()));
    assertEquals(Status.Code.PERMISSION_DENIED, refused.code());
    assertEquals("NOT_PERMITTED", refused.reason());
  }

  @Test
  void secretsAreMaskedAndTheReceiptStillHolds() throws IOException {
    var query = Entity.newBuilder().setQuery(
        ByteString.copyFromUtf8("/login?user=ann&password=x1"));
    Receipt receipt = connect().append(newEvent().toBuilder().addEntity(query).build());
    assertTrue(receipt.getFlagsList().contains("SECRETS_MASKED"));
    var sealed = AuditEvent.parseFrom(receipt.getOpening().getEvent());
    assertEquals("/login?user=ann&password=**", sealed.getEntity(0).getQuery().toStringUtf8());
  }

  @Test
  void anotherKeyIsNotBelieved() throws IOException {
    LedgerClient client =
        connect("AUDITLEDGER", new PinnedLog(ORIGIN, VectorsTest.PETER), files("ehr"));
    var refused = assertThrows(ReceiptException.class, () -> client.append(newEvent()));
    assertEquals(Status.Code.UNAUTHENTICATED, refused.code());
  }

  @Test
  void aTokenIsEnoughWhereTokensAreAskedFor() throws IOException {
    var token = new TlsFiles(Path.of(CERTS, "ca.pem"), null, null, Path.of(CERTS, "token"));
    assertFalse(connect("AUDITLEDGER_TOKEN", log(), token).append(newEvent()).getRepeatedEvent());
  }

  @Test
  void anAnswerThatWasLostMakesNoSecondEntry() throws IOException {
    LedgerClient direct = connect();
    LedgerClient client = connect("AUDITLEDGER_PROXY", log(), files("ehr"));
    client.append(newEvent());
    long before = size(direct);
    rig("lose-answer");
    Receipt receipt = client.append(newEvent());
    assertTrue(receipt.getRepeatedEvent());
    assertEquals(before, receipt.getIndex());
    rig("lose-answer");
    List<Receipt> receipts = client.appendBatch(newEvents(20));
    assertTrue(receipts.stream().allMatch(Receipt::getRepeatedEvent));
    assertEquals(range(before + 1, 20), indexes(receipts));
    rig("lose-answer");
    assertEquals(range(before + 21, 700), streamed(client, newEvents(700)));
    assertEquals(before + 721, size(direct));
  }

  @Test
  void aLedgerThatWasRolledBackIsNoticed() throws IOException {
    LedgerClient client = connect();
    rig("snapshot");
    Head head = null;
    for (int i = 0; i < 3; i++) {
      head = client.follow(null, client.append(newEvent()));
    }
    rig("rollback");
    Head seen = head;
    for (int i = 0; i < 4; i++) { // smaller than what was seen, as large but another, larger
      Receipt receipt = client.append(newEvent());
      var refused = assertThrows(ReceiptException.class, () -> client.follow(seen, receipt));
      assertEquals(Status.Code.DATA_LOSS, refused.code());
    }
  }
}
