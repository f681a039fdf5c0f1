package auditledger

import (
	"fmt"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	grpcstatus "google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	pb "auditledger.test/client/auditledgerpb"
)

// kind is a class of Error, to be asked for with errors.Is.
type kind string

func (k kind) Error() string { return string(k) }

const (
	// ErrConflict: another event is recorded under this id (ALREADY_EXISTS). Sending again never
	// helps.
	ErrConflict = kind("another event has this id")
	// ErrPrecondition: the ledger takes no such call as it is: read-only, frozen, erased
	// (FAILED_PRECONDITION).
	ErrPrecondition = kind("the ledger takes no such call as it is")
	// ErrOutcomeUnknown: nobody answered, so the event may have been recorded. Send it later, with
	// the same id and contents.
	ErrOutcomeUnknown = kind("the outcome is unknown")
)

// Error is a refusal by the ledger, or nobody's answer.
type Error struct {
	Code    codes.Code
	Message string
	// Reason is the ledger's own ("OVERLOADED", "NOT_PERMITTED"); empty when gRPC itself gave up.
	Reason   string
	Metadata map[string]string
	// RetryAfter is what the ledger asked to wait; 0 when it said nothing.
	RetryAfter time.Duration
}

func (e *Error) Error() string {
	return fmt.Sprintf("%v %s: %s", e.Code, e.Reason, e.Message)
}

// Is tells the classes apart.
func (e *Error) Is(target error) bool {
	switch target {
	case ErrConflict:
		return e.Code == codes.AlreadyExists
	case ErrPrecondition:
		return e.Code == codes.FailedPrecondition
	case ErrOutcomeUnknown:
		return e.Code == codes.Unavailable || e.Code == codes.DeadlineExceeded
	}
	return false
}

// Retryable says whether the same event may be sent again.
func (e *Error) Retryable() bool {
	return e.Is(ErrOutcomeUnknown) || (e.Code == codes.ResourceExhausted && e.RetryAfter > 0)
}

func fromStatus(s *grpcstatus.Status) *Error {
	out := &Error{Code: s.Code(), Message: s.Message()}
	for _, detail := range s.Details() {
		switch d := detail.(type) {
		case *errdetails.ErrorInfo:
			out.Reason, out.Metadata = d.Reason, d.Metadata
		case *errdetails.RetryInfo:
			out.RetryAfter = d.RetryDelay.AsDuration()
		}
	}
	return out
}

// fromRPC gives nil for nil.
func fromRPC(err error) error {
	if err == nil {
		return nil
	}
	return fromStatus(grpcstatus.Convert(err))
}

func fromProblem(problem *pb.Problem) *Error {
	details := &status.Status{}
	if proto.Unmarshal(problem.StatusDetails, details) != nil {
		details = &status.Status{}
	}
	details.Code, details.Message = problem.Code, problem.Message
	return fromStatus(grpcstatus.FromProto(details))
}

// ReceiptError is a receipt or head that does not prove what it should. Keep it, it is evidence.
type ReceiptError struct {
	// Code: InvalidArgument malformed; DataLoss it proves nothing, or something else;
	// Unauthenticated the pinned key has not signed it; FailedPrecondition it is another log's.
	Code    codes.Code
	Message string
	// Receipt is what was checked; nil where it was something else.
	Receipt *pb.Receipt
}

func (e *ReceiptError) Error() string { return fmt.Sprintf("%v: %s", e.Code, e.Message) }

func malformed(format string, args ...any) error {
	return &ReceiptError{Code: codes.InvalidArgument, Message: fmt.Sprintf(format, args...)}
}

func differs(format string, args ...any) error {
	return &ReceiptError{Code: codes.DataLoss, Message: fmt.Sprintf(format, args...)}
}
