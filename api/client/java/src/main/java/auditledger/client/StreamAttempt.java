package auditledger.client;

import static auditledger.client.ReceiptException.differs;

import auditledger.v1.AppendEventRequest;
import auditledger.v1.AppendEventStreamRequest;
import auditledger.v1.AppendEventStreamResponse;
import auditledger.v1.AppendResult;
import auditledger.v1.LedgerServiceGrpc.LedgerServiceStub;
import io.grpc.Status;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.IntFunction;

/** One attempt at a stream of events: how many are under way, and which have their answer. */
final class StreamAttempt {
  private static final int WINDOW = 500; // unanswered; the server reads no further from 1,000 on
  private static final int EVENTS_PER_MESSAGE = 50;

  /** Takes the answer to the event at a position. */
  @FunctionalInterface
  interface Answers {
    void on(int position, AppendResult result);
  }

  /** What came: a response, or else how the stream ended (null: well). */
  private record Arrival(AppendEventStreamResponse response, Throwable error) {}

  private static final class Observer
      implements ClientResponseObserver<AppendEventStreamRequest, AppendEventStreamResponse> {
    private final BlockingQueue<Arrival> arrivals = new LinkedBlockingQueue<>();
    private ClientCallStreamObserver<AppendEventStreamRequest> requests;

    @Override
    public void beforeStart(ClientCallStreamObserver<AppendEventStreamRequest> call) {
      requests = call;
    }

    @Override
    public void onNext(AppendEventStreamResponse response) {
      arrivals.add(new Arrival(response, null));
    }

    @Override
    public void onError(Throwable error) {
      arrivals.add(new Arrival(null, error));
    }

    @Override
    public void onCompleted() {
      arrivals.add(new Arrival(null, null));
    }
  }

  private final Observer observer = new Observer();
  private final String ledger;
  private final IntFunction<AppendEventRequest> requestOf;
  private final List<Integer> order;
  private int sent;
  private int answered;

  StreamAttempt(String ledger, IntFunction<AppendEventRequest> requestOf, List<Integer> order) {
    this.ledger = ledger;
    this.requestOf = requestOf;
    this.order = order;
  }

  /** Sends the events at the positions `order`. Throws when the stream broke before the last. */
  void run(LedgerServiceStub stub, Answers answers) {
    stub.appendEventStream(observer);
    try {
      while (true) {
        sendMore();
        Arrival arrival = observer.arrivals.take();
        if (arrival.error() != null) {
          throw LedgerException.of(Status.fromThrowable(arrival.error()).asRuntimeException(
              Status.trailersFromThrowable(arrival.error())));
        }
        if (arrival.response() == null) {
          break;
        }
        for (AppendResult result : arrival.response().getResultsList()) {
          if (answered >= sent || result.getPosition() != answered) {
            throw differs("results come out of order");
          }
          answers.on(order.get(answered++), result);
        }
      }
      if (answered < order.size()) {
        throw LedgerException.unavailable("the stream ended before all results");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw LedgerException.unavailable("interrupted");
    } finally {
      observer.requests.cancel("done", null);
    }
  }

  private void sendMore() {
    while (sent < order.size() && sent - answered < WINDOW) {
      var message = AppendEventStreamRequest.newBuilder();
      if (sent == 0) {
        message.setLedger(ledger);
      }
      int end = Math.min(sent + EVENTS_PER_MESSAGE, order.size());
      for (int position : order.subList(sent, end)) {
        message.addRequests(requestOf.apply(position));
      }
      sent = end;
      observer.requests.onNext(message.build());
      if (sent == order.size()) {
        observer.requests.onCompleted();
      }
    }
  }
}
