package auditledger.client;

import auditledger.v1.AppendEventRequest;
import auditledger.v1.AppendEventResponse;
import auditledger.v1.AppendEventStreamRequest;
import auditledger.v1.AppendEventStreamResponse;
import auditledger.v1.AppendResult;
import auditledger.v1.BatchAppendEventsRequest;
import auditledger.v1.BatchAppendEventsResponse;
import auditledger.v1.LedgerServiceGrpc;
import auditledger.v1.Problem;
import auditledger.v1.Receipt;
import com.google.protobuf.Any;
import com.google.protobuf.Duration;
import com.google.protobuf.Message;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import com.google.rpc.Status;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.StreamObserver;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.List;

/** Answers with the refusals that are laid down, then with the receipt of the vectors. */
final class FakeLedger extends LedgerServiceGrpc.LedgerServiceImplBase {
  /** Stands for no refusal, and for a stream that breaks. */
  static final Status NONE = Status.getDefaultInstance();
  static final Status CUT = Status.newBuilder().setCode(14).setMessage("cut").build();

  final Deque<Status> refusals = new ArrayDeque<>();
  final List<Message> requests = Collections.synchronizedList(new ArrayList<>());
  private final Receipt receipt = ReceiptTest.receipt(0);

  static Status refusal(io.grpc.Status.Code code, String reason, long hintSeconds) {
    var out = Status.newBuilder().setCode(code.value()).setMessage("refused")
        .addDetails(Any.pack(ErrorInfo.newBuilder().setReason(reason).setDomain("auditledger")
            .putMetadata("first_index", "7").build()));
    if (hintSeconds > 0) {
      out.addDetails(Any.pack(RetryInfo.newBuilder()
          .setRetryDelay(Duration.newBuilder().setSeconds(hintSeconds)).build()));
    }
    return out.build();
  }

  private Status next() {
    return refusals.isEmpty() ? NONE : refusals.pop();
  }

  private <T> void answer(Message request, T response, StreamObserver<T> observer) {
    requests.add(request);
    Status refusal = next();
    if (refusal != NONE) {
      observer.onError(StatusProto.toStatusRuntimeException(refusal));
      return;
    }
    observer.onNext(response);
    observer.onCompleted();
  }

  @Override
  public void appendEvent(AppendEventRequest request, StreamObserver<AppendEventResponse> out) {
    answer(request, AppendEventResponse.newBuilder().setReceipt(receipt).build(), out);
  }

  @Override
  public void batchAppendEvents(
      BatchAppendEventsRequest request, StreamObserver<BatchAppendEventsResponse> out) {
    answer(request, BatchAppendEventsResponse.newBuilder().addReceipts(receipt)
        .addReceipts(receipt).build(), out);
  }

  @Override
  public StreamObserver<AppendEventStreamRequest> appendEventStream(
      StreamObserver<AppendEventStreamResponse> out) {
    return new StreamObserver<>() {
      private long position;
      private boolean broken;

      @Override
      public void onNext(AppendEventStreamRequest message) {
        for (AppendEventRequest request : message.getRequestsList()) {
          if (broken) {
            return;
          }
          requests.add(request);
          Status refusal = next();
          boolean expired = refusal.getCode() == io.grpc.Status.Code.UNAUTHENTICATED.value();
          if (refusal == CUT || expired) { // the token's end is the stream's
            broken = true;
            out.onError(StatusProto.toStatusRuntimeException(refusal));
            return;
          }
          var result = AppendResult.newBuilder().setPosition(position++);
          if (refusal == NONE) {
            result.setReceipt(receipt);
          } else {
            result.setProblem(Problem.newBuilder().setCode(refusal.getCode())
                .setMessage(refusal.getMessage()).setStatusDetails(refusal.toByteString()));
          }
          out.onNext(AppendEventStreamResponse.newBuilder().addResults(result).build());
        }
      }

      @Override
      public void onError(Throwable error) {}

      @Override
      public void onCompleted() {
        if (!broken) {
          out.onCompleted();
        }
      }
    };
  }
}
