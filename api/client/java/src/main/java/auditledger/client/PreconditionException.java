package auditledger.client;

import com.google.rpc.ErrorInfo;
import io.grpc.Status;
import java.time.Duration;

/** FAILED_PRECONDITION: the ledger takes no such call as it is: read-only, frozen, erased. */
public final class PreconditionException extends LedgerException {
  private static final long serialVersionUID = 1;

  PreconditionException(String message, ErrorInfo info, Duration retryAfter) {
    super(Status.Code.FAILED_PRECONDITION, message, info, retryAfter);
  }
}
