package quickstart;

import auditledger.client.LedgerClient;
import auditledger.client.PinnedLog;
import auditledger.client.TlsFiles;
import auditledger.v1.Agent;
import auditledger.v1.AuditEvent;
import auditledger.v1.Outcome;
import auditledger.v1.Reference;
import auditledger.v1.Source;
import auditledger.v1.Time;
import com.google.protobuf.Timestamp;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.UUID;

/** What README.md shows; a test runs it with the folder where `auditctl dev-certs` wrote. */
public final class Quickstart {
  private Quickstart() {}

  /** Records one event; returns the index of its entry. */
  public static long run(String address, String certs) throws IOException {
    // snippet-begin: quickstart
    var log = new PinnedLog("audit.example.org/clinic", Files.readString(Path.of(certs, "clinic.vkey")));
    var files = TlsFiles.of(certs + "/ca.pem", certs + "/ehr.pem", certs + "/ehr.key");
    var now = Timestamp.newBuilder().setSeconds(Instant.now().getEpochSecond());
    var event = AuditEvent.newBuilder().setEventId(UUID.randomUUID().toString()).setSchemaVersion(1)
        .setRecorded(Time.newBuilder().setAt(now)).addAgent(Agent.newBuilder().setName("Dr. A"))
        .setOutcome(Outcome.newBuilder().setIndicator(Outcome.Indicator.INDICATOR_SUCCESS))
        .setSource(Source.newBuilder().setObserver(Reference.newBuilder().setDisplay("EHR")).setStreamId("ehr-1"));
    try (var ledger = LedgerClient.connect(address, "clinic", log, files)) {
      return ledger.append(event.build()).getIndex();
    }
    // snippet-end: quickstart
  }
}
