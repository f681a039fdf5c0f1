package auditledger.client;

import com.google.rpc.ErrorInfo;
import io.grpc.Status;
import java.time.Duration;

/** ALREADY_EXISTS: another event is recorded under this id. Sending again never helps. */
public final class ConflictException extends LedgerException {
  private static final long serialVersionUID = 1;

  ConflictException(String message, ErrorInfo info, Duration retryAfter) {
    super(Status.Code.ALREADY_EXISTS, message, info, retryAfter);
  }
}
