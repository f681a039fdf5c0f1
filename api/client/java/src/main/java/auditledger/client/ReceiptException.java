package auditledger.client;

import auditledger.v1.Receipt;
import io.grpc.Status;

/** A receipt or head that does not prove what it should. Keep it, it is evidence. */
public final class ReceiptException extends RuntimeException {
  private static final long serialVersionUID = 1;

  private final Status.Code code;
  private final Receipt receipt;

  private ReceiptException(Status.Code code, String message, Receipt receipt) {
    super(message);
    this.code = code;
    this.receipt = receipt;
  }

  static ReceiptException of(Status.Code code, String message) {
    return new ReceiptException(code, message, null);
  }

  static ReceiptException malformed(String message) {
    return of(Status.Code.INVALID_ARGUMENT, message);
  }

  static ReceiptException differs(String message) {
    return of(Status.Code.DATA_LOSS, message);
  }

  ReceiptException with(Receipt evidence) {
    return new ReceiptException(code, getMessage(), evidence);
  }

  /**
   * INVALID_ARGUMENT malformed; DATA_LOSS it proves nothing, or something else; UNAUTHENTICATED the
   * pinned key has not signed it; FAILED_PRECONDITION it is another log's.
   */
  public Status.Code code() {
    return code;
  }

  /** What was checked; null where it was something else. */
  public Receipt receipt() {
    return receipt;
  }
}
