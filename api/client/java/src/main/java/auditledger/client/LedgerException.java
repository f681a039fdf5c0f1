package auditledger.client;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.time.Duration;
import java.util.Map;

/** The ledger refused a call, or nobody answered. */
public class LedgerException extends RuntimeException {
  private static final long serialVersionUID = 1;
  private static final com.google.rpc.Status NO_DETAILS = com.google.rpc.Status.getDefaultInstance();

  private final Status.Code code;
  private final transient ErrorInfo info;
  private final transient Duration retryAfter;

  LedgerException(Status.Code code, String message, ErrorInfo info, Duration retryAfter) {
    super(code + " " + info.getReason() + ": " + message);
    this.code = code;
    this.info = info;
    this.retryAfter = retryAfter;
  }

  /** That of gRPC. */
  public Status.Code code() {
    return code;
  }

  /** The ledger's own ("OVERLOADED", "NOT_PERMITTED"); empty when gRPC itself gave up. */
  public String reason() {
    return info.getReason();
  }

  /** What belongs to the reason. */
  public Map<String, String> metadata() {
    return info.getMetadataMap();
  }

  /** What the ledger asked to wait; null when it said nothing. */
  public Duration retryAfter() {
    return retryAfter;
  }

  /** Whether the event may have been recorded all the same: keep it and send it later. */
  public boolean outcomeUnknown() {
    return code == Status.Code.UNAVAILABLE || code == Status.Code.DEADLINE_EXCEEDED;
  }

  /** Whether the same event may be sent again: it is recorded once, however often. */
  public boolean retryable() {
    return outcomeUnknown() || (code == Status.Code.RESOURCE_EXHAUSTED && retryAfter != null);
  }

  static LedgerException unavailable(String message) {
    return of(Status.Code.UNAVAILABLE, message, NO_DETAILS);
  }

  static LedgerException of(StatusRuntimeException error) {
    com.google.rpc.Status details = StatusProto.fromThrowable(error);
    Status status = error.getStatus();
    String message = status.getDescription() == null ? "" : status.getDescription();
    return of(status.getCode(), message, details == null ? NO_DETAILS : details);
  }

  static LedgerException of(auditledger.v1.Problem problem) {
    com.google.rpc.Status details = NO_DETAILS;
    try {
      details = com.google.rpc.Status.parseFrom(problem.getStatusDetails());
    } catch (InvalidProtocolBufferException e) {
      // Not what we know: the code stands alone.
    }
    Status.Code code = Status.fromCodeValue(problem.getCode()).getCode();
    return of(code, problem.getMessage(), details);
  }

  private static LedgerException of(
      Status.Code code, String message, com.google.rpc.Status details) {
    ErrorInfo info = ErrorInfo.getDefaultInstance();
    Duration retryAfter = null;
    for (Any detail : details.getDetailsList()) {
      try {
        if (detail.is(ErrorInfo.class)) {
          info = detail.unpack(ErrorInfo.class);
        } else if (detail.is(RetryInfo.class)) {
          var delay = detail.unpack(RetryInfo.class).getRetryDelay();
          retryAfter = Duration.ofSeconds(delay.getSeconds(), delay.getNanos());
        }
      } catch (InvalidProtocolBufferException e) {
        // Not what we know: the code stands alone.
      }
    }
    return switch (code) {
      case ALREADY_EXISTS -> new ConflictException(message, info, retryAfter);
      case FAILED_PRECONDITION -> new PreconditionException(message, info, retryAfter);
      default -> new LedgerException(code, message, info, retryAfter);
    };
  }
}
