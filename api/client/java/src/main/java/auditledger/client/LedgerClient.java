package auditledger.client;

import static auditledger.client.ReceiptException.differs;

import auditledger.v1.AckLevel;
import auditledger.v1.AppendEventRequest;
import auditledger.v1.AuditEvent;
import auditledger.v1.BatchAppendEventsRequest;
import auditledger.v1.GetConsistencyProofRequest;
import auditledger.v1.LedgerServiceGrpc;
import auditledger.v1.LedgerServiceGrpc.LedgerServiceBlockingStub;
import auditledger.v1.Receipt;
import com.google.protobuf.ByteString;
import io.grpc.Grpc;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.stream.IntStream;

/**
 * Appends to one ledger. Thread-safe; calls block.
 *
 * <p>An event is recorded once however often it is sent, under its event_id, which is unique in its
 * stream: so a {@link LedgerException} with {@code outcomeUnknown()} means to keep the event and
 * send it later, with the same id and contents. Every receipt is checked before it is returned
 * ({@link ReceiptException}).
 */
public final class LedgerClient implements AutoCloseable {
  private static final int MAX_RECEIVE_BYTES = 16 << 20; // a full batch with openings is 4 MiB

  /**
   * How to call.
   *
   * @param timeout of one attempt
   * @param streamTimeout of one attempt at a stream
   */
  public record Options(
      RetryPolicy retry, Duration timeout, Duration streamTimeout, AckLevel ack) {
    /** Four attempts of 5 s; a minute for a stream; receipts under a signed head. */
    public static Options standard() {
      return new Options(RetryPolicy.published(), Duration.ofSeconds(5), Duration.ofMinutes(1),
          AckLevel.ACK_LEVEL_DURABLE);
    }
  }

  /** Takes the result of an event of a stream: a receipt, or what is wrong with it. */
  @FunctionalInterface
  public interface ResultCallback {
    /** One of receipt and error is null; the error a Ledger- or ReceiptException. */
    void onResult(int position, Receipt receipt, RuntimeException error);
  }

  private final ManagedChannel channel;
  private final String ledger;
  private final PinnedLog log;
  private final Options options;

  /** Over a channel of the caller's, which close() shuts down. */
  public LedgerClient(ManagedChannel channel, String ledger, PinnedLog log, Options options) {
    this.channel = channel;
    this.ledger = "ledgers/" + ledger;
    this.log = log;
    this.options = options;
  }

  /** For the ledger with this id at "host:port", over TLS; it connects when it is first used. */
  public static LedgerClient connect(String address, String ledger, PinnedLog log, TlsFiles files)
      throws IOException {
    return connect(address, ledger, log, files, Options.standard());
  }

  /** The same with other options. */
  public static LedgerClient connect(String address, String ledger, PinnedLog log, TlsFiles files,
      Options options) throws IOException {
    // Retries are ours (RetryPolicy): gRPC's would not see the ledger's reason and hint.
    ManagedChannel channel = Grpc.newChannelBuilder(address, files.credentials()).disableRetry()
        .maxInboundMessageSize(MAX_RECEIVE_BYTES).build();
    return new LedgerClient(channel, ledger, log, options);
  }

  @Override
  public void close() {
    channel.shutdownNow();
  }

  /** For all other calls. */
  public LedgerServiceBlockingStub stub() {
    return LedgerServiceGrpc.newBlockingStub(channel);
  }

  /** Records one event. */
  public Receipt append(AuditEvent event) {
    var request = request(event).toBuilder().setLedger(ledger).build();
    Receipt receipt = call(stub -> stub.appendEvent(request)).getReceipt();
    check(List.of(receipt), List.of(event));
    return receipt;
  }

  /** Records all events or none, next to each other, one receipt each in their order. */
  public List<Receipt> appendBatch(List<AuditEvent> events) {
    var request = BatchAppendEventsRequest.newBuilder().setLedger(ledger).setAck(options.ack())
        .addAllRequests(events.stream().map(this::request).toList()).build();
    List<Receipt> receipts = call(stub -> stub.batchAppendEvents(request)).getReceiptsList();
    if (receipts.size() != events.size()) {
      throw differs("answer to a batch: " + receipts.size() + " receipts for " + events.size()
          + " events");
    }
    check(receipts, events);
    return receipts;
  }

  /**
   * Records each event by itself. The callback is called once for each, on this thread, with its
   * position among the events; in order but for events that were sent again.
   *
   * @throws LedgerException after which the rest has no result
   */
  public void appendStream(List<AuditEvent> events, ResultCallback callback) {
    List<Integer> pending = IntStream.range(0, events.size()).boxed().toList();
    for (int attempt = 1; !pending.isEmpty(); attempt++) {
      var rest = new TreeSet<>(pending);
      LedgerException failed = streamOnce(events, pending, rest, callback);
      boolean progress = rest.size() < pending.size();
      pending = List.copyOf(rest);
      if (pending.isEmpty()) {
        return;
      }
      if (progress) {
        attempt = 1; // it goes on: attempts count between two results
      }
      // A token that was good for some of the events: its file may hold the next one by now.
      boolean renewed = failed.reason().equals("TOKEN_EXPIRED") && progress;
      if (!(failed.retryable() || renewed) || attempt >= options.retry().maxAttempts()) {
        throw failed;
      }
      options.retry().waitAfter(attempt, failed);
    }
  }

  /** Takes out of `rest` what has its result; says why the others have none. */
  private LedgerException streamOnce(List<AuditEvent> events, List<Integer> order,
      TreeSet<Integer> rest, ResultCallback callback) {
    var again = new ArrayList<LedgerException>();
    var stub = LedgerServiceGrpc.newStub(channel)
        .withDeadlineAfter(options.streamTimeout().toMillis(), TimeUnit.MILLISECONDS);
    try {
      new StreamAttempt(ledger, position -> request(events.get(position)), order)
          .run(stub, (position, result) -> {
            RuntimeException error = null;
            if (result.hasProblem()) {
              LedgerException refused = LedgerException.of(result.getProblem());
              if (refused.retryable()) {
                again.add(refused);
                return;
              }
              error = refused;
            } else {
              error = errorOf(result.getReceipt(), events.get(position));
            }
            rest.remove(position);
            callback.onResult(position, error == null ? result.getReceipt() : null, error);
          });
    } catch (LedgerException e) {
      return e;
    }
    return again.isEmpty() ? null : again.get(again.size() - 1);
  }

  private ReceiptException errorOf(Receipt receipt, AuditEvent event) {
    try {
      check(List.of(receipt), List.of(event));
      return null;
    } catch (ReceiptException e) {
      return e;
    }
  }

  /**
   * The newest of `head` (the last one seen, or null) and the receipt's head. The ledger has to
   * prove that one extends the other (role prover). Keep what is returned.
   *
   * @throws ReceiptException when the ledger was rolled back or shows another history
   */
  public Head follow(Head head, Receipt receipt) {
    Head seen = log.openHead(receipt.getCheckpoint().getNote());
    if (head == null) {
      return seen;
    }
    Head first = seen.size() < head.size() ? seen : head;
    Head last = first == seen ? head : seen;
    List<byte[]> proof =
        first.size() == last.size() ? List.of() : consistency(first.size(), last.size());
    ReceiptCheck.checkExtension(first, last, proof);
    return last.size() > head.size() ? last : head;
  }

  private List<byte[]> consistency(long oldSize, long newSize) {
    var request = GetConsistencyProofRequest.newBuilder().setLedger(ledger).setOldSize(oldSize)
        .setNewSize(newSize).build();
    try {
      return call(stub -> stub.getConsistencyProof(request)).getProof().getHashesList().stream()
          .map(ByteString::toByteArray).toList();
    } catch (LedgerException e) {
      if (e.code() != Status.Code.OUT_OF_RANGE) {
        throw e;
      }
      throw differs("the ledger does not know size " + newSize + ", which it has signed: it was "
          + "rolled back, or this is another one");
    }
  }

  private AppendEventRequest request(AuditEvent event) {
    return AppendEventRequest.newBuilder().setEvent(event).setIncludeOpening(true)
        .setAck(options.ack()).build();
  }

  private <T> T call(Function<LedgerServiceBlockingStub, T> method) {
    return options.retry().run(() -> {
      try {
        return method.apply(
            stub().withDeadlineAfter(options.timeout().toMillis(), TimeUnit.MILLISECONDS));
      } catch (StatusRuntimeException e) {
        throw LedgerException.of(e);
      }
    });
  }

  /** Of each; the signature of a note is checked once for all that share it. */
  private void check(List<Receipt> receipts, List<AuditEvent> events) {
    Head head = null;
    for (int i = 0; i < events.size(); i++) {
      Receipt receipt = receipts.get(i);
      try {
        String note = receipt.getCheckpoint().getNote();
        if (head == null || !head.note().equals(note)) {
          head = log.openHead(note);
        }
        ReceiptCheck.checkUnder(head, receipt, events.get(i).toByteString());
      } catch (ReceiptException e) {
        throw e.with(receipt);
      }
    }
  }
}
