package auditledger

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	grpcstatus "google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	pb "auditledger.test/client/auditledgerpb"
)

// service answers with the refusals that are laid down, then with the receipt of the vectors.
type service struct {
	pb.UnimplementedLedgerServiceServer
	receipt  *pb.Receipt
	refusals []*grpcstatus.Status // nil: none for this event
	requests []proto.Message
}

func (s *service) next() *grpcstatus.Status {
	if len(s.refusals) == 0 {
		return nil
	}
	out := s.refusals[0]
	s.refusals = s.refusals[1:]
	return out
}

func (s *service) AppendEvent(_ context.Context, r *pb.AppendEventRequest) (*pb.AppendEventResponse, error) {
	s.requests = append(s.requests, r)
	return &pb.AppendEventResponse{Receipt: s.receipt}, s.next().Err()
}

func (s *service) BatchAppendEvents(_ context.Context, r *pb.BatchAppendEventsRequest) (*pb.BatchAppendEventsResponse, error) {
	s.requests = append(s.requests, r)
	return &pb.BatchAppendEventsResponse{Receipts: []*pb.Receipt{s.receipt, s.receipt}}, s.next().Err()
}

func (s *service) AppendEventStream(stream grpc.BidiStreamingServer[pb.AppendEventStreamRequest, pb.AppendEventStreamResponse]) error {
	position := uint64(0)
	for {
		message, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, r := range message.Requests {
			s.requests = append(s.requests, r)
			result := &pb.AppendResult{Position: position, Receipt: s.receipt}
			refusal := s.next()
			if refusal.Code() == codes.Unauthenticated { // the token's end is the stream's
				return refusal.Err()
			} else if refusal.Code() == codes.Aborted { // the connection, so to speak
				return grpcstatus.Error(codes.Unavailable, "cut")
			} else if refusal != nil {
				details, _ := proto.Marshal(refusal.Proto())
				result = &pb.AppendResult{Position: position, Problem: &pb.Problem{
					Code: int32(refusal.Code()), Message: refusal.Message(), StatusDetails: details}}
			}
			position++
			if err := stream.Send(&pb.AppendEventStreamResponse{Results: []*pb.AppendResult{result}}); err != nil {
				return err
			}
		}
	}
}

func refusal(code codes.Code, reason string, hint time.Duration) *grpcstatus.Status {
	details := []protoadapt.MessageV1{&errdetails.ErrorInfo{Reason: reason, Domain: "auditledger",
		Metadata: map[string]string{"first_index": "7"}}}
	if hint > 0 {
		details = append(details, &errdetails.RetryInfo{RetryDelay: durationpb.New(hint)})
	}
	out, err := grpcstatus.New(code, "refused").WithDetails(details...)
	if err != nil {
		panic(err)
	}
	return out
}

// bench is a client of such a service, whose waits are noted and not waited.
type bench struct {
	*Client
	service *service
	event   *pb.AuditEvent
	waits   []time.Duration
}

func newBench(t *testing.T) *bench {
	t.Helper()
	vectors := seal[receiptVectors](t, "receipts.json")
	b := &bench{service: &service{receipt: parseReceipt(t, vectors.Receipts[0].Receipt)},
		event: &pb.AuditEvent{}}
	if err := proto.Unmarshal(unhex(t, vectors.Receipts[0].Event), b.event); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	pb.RegisterLedgerServiceServer(server, b.service)
	go server.Serve(listener)
	t.Cleanup(server.Stop)
	conn, err := grpc.NewClient(listener.Addr().String(),
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDisableRetry())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	b.Client = NewClient(conn, "main", pinned(t, vectors))
	b.Timeout = time.Minute // a busy machine's
	b.Retry.Random = func() float64 { return 1 }
	b.Retry.Sleep = func(_ context.Context, wait time.Duration) error {
		b.waits = append(b.waits, wait)
		return nil
	}
	return b
}

func TestWhatHadNoAnswerIsSentAgainTheSame(t *testing.T) {
	b := newBench(t)
	b.service.refusals = slices.Repeat([]*grpcstatus.Status{grpcstatus.New(codes.Unavailable, "")}, 3)
	if _, err := b.Append(t.Context(), b.event); err != nil {
		t.Fatal(err)
	}
	if want := []time.Duration{100e6, 200e6, 400e6}; !slices.Equal(b.waits, want) {
		t.Errorf("waited %v", b.waits)
	}
	for _, request := range b.service.requests {
		if !proto.Equal(request, b.service.requests[0]) {
			t.Error("another request was sent")
		}
	}
	if len(b.service.requests) != 4 {
		t.Errorf("%d requests", len(b.service.requests))
	}
}

func TestAttemptsAreBounded(t *testing.T) {
	b := newBench(t)
	b.service.refusals = slices.Repeat([]*grpcstatus.Status{refusal(codes.DeadlineExceeded, "", 0)}, 9)
	_, err := b.Append(t.Context(), b.event)
	if !errors.Is(err, ErrOutcomeUnknown) || len(b.service.requests) != 4 {
		t.Errorf("%v after %d requests", err, len(b.service.requests))
	}
}

func TestAHintIsHonoured(t *testing.T) {
	b := newBench(t)
	overloaded := refusal(codes.ResourceExhausted, "OVERLOADED", 3*time.Second)
	b.service.refusals = []*grpcstatus.Status{overloaded, overloaded}
	if _, err := b.AppendBatch(t.Context(), []*pb.AuditEvent{b.event, b.event}); err != nil {
		t.Fatal(err)
	}
	if want := []time.Duration{3e9, 3e9}; !slices.Equal(b.waits, want) {
		t.Errorf("waited %v", b.waits)
	}
}

func TestWithoutAHintTooMuchIsTooMuch(t *testing.T) {
	b := newBench(t)
	b.service.refusals = []*grpcstatus.Status{refusal(codes.ResourceExhausted, "", 0)}
	if _, err := b.Append(t.Context(), b.event); err == nil || len(b.waits) > 0 {
		t.Errorf("%v, waited %v", err, b.waits)
	}
}

func TestRefusalsAreToldApart(t *testing.T) {
	b := newBench(t)
	kinds := []error{ErrConflict, ErrPrecondition, ErrOutcomeUnknown}
	for code, kind := range map[codes.Code]error{codes.AlreadyExists: ErrConflict,
		codes.FailedPrecondition: ErrPrecondition, codes.PermissionDenied: nil} {
		b.service.refusals = []*grpcstatus.Status{refusal(code, "WHY", 0)}
		_, err := b.Append(t.Context(), b.event)
		var refused *Error
		if !errors.As(err, &refused) || refused.Reason != "WHY" || refused.Metadata["first_index"] != "7" {
			t.Fatalf("%v", err)
		}
		for _, one := range kinds {
			if errors.Is(err, one) != (one == kind) {
				t.Errorf("%v is %v", err, one)
			}
		}
	}
	if len(b.waits) > 0 {
		t.Errorf("waited %v", b.waits)
	}
}

func TestABatchOfAnotherLengthIsRefused(t *testing.T) {
	b := newBench(t)
	_, err := b.AppendBatch(t.Context(), []*pb.AuditEvent{b.event})
	expect(t, "two receipts for one event", codes.DataLoss, err)
}

func TestAStreamGoesOnWhereItWasCut(t *testing.T) {
	b := newBench(t)
	b.service.refusals = append(make([]*grpcstatus.Status, 70), grpcstatus.New(codes.Aborted, ""))
	seen := map[int]bool{}
	err := b.AppendStream(t.Context(), slices.Repeat([]*pb.AuditEvent{b.event}, 120),
		func(position int, receipt *pb.Receipt, err error) {
			if err != nil || seen[position] {
				t.Errorf("%d: %v", position, err)
			}
			seen[position] = true
		})
	if err != nil || len(seen) != 120 || !slices.Equal(b.waits, []time.Duration{100e6}) {
		t.Errorf("%v, %d results, waited %v", err, len(seen), b.waits)
	}
}

func TestAStreamOutlivesATokenThatWasGoodForSomeOfIt(t *testing.T) {
	b := newBench(t)
	expired := refusal(codes.Unauthenticated, "TOKEN_EXPIRED", 0)
	b.service.refusals = append(make([]*grpcstatus.Status, 3), expired)
	results := 0
	count := func(int, *pb.Receipt, error) { results++ }
	err := b.AppendStream(t.Context(), slices.Repeat([]*pb.AuditEvent{b.event}, 9), count)
	if err != nil || results != 9 {
		t.Errorf("%v, %d results", err, results)
	}
	b.service.refusals = []*grpcstatus.Status{expired}
	var refused *Error
	err = b.AppendStream(t.Context(), []*pb.AuditEvent{b.event}, count)
	if !errors.As(err, &refused) || refused.Reason != "TOKEN_EXPIRED" {
		t.Error(err)
	}
}

func TestAStreamThatGetsNowhereEnds(t *testing.T) {
	b := newBench(t)
	b.service.refusals = slices.Repeat([]*grpcstatus.Status{grpcstatus.New(codes.Aborted, "")}, 9)
	err := b.AppendStream(t.Context(), []*pb.AuditEvent{b.event}, func(int, *pb.Receipt, error) {
		t.Error("a result")
	})
	if !errors.Is(err, ErrOutcomeUnknown) || len(b.service.requests) != 4 {
		t.Errorf("%v after %d requests", err, len(b.service.requests))
	}
}

func TestARefusedEventDoesNotEndAStream(t *testing.T) {
	b := newBench(t)
	b.service.refusals = []*grpcstatus.Status{refusal(codes.AlreadyExists, "EVENT_ID_CONFLICT", 0),
		refusal(codes.ResourceExhausted, "OVERLOADED", 2*time.Second)}
	results := map[int]error{}
	err := b.AppendStream(t.Context(), []*pb.AuditEvent{b.event, b.event, {EventId: "e-7"}, b.event},
		func(position int, _ *pb.Receipt, err error) { results[position] = err })
	if err != nil || !errors.Is(results[0], ErrConflict) || results[1] != nil || results[3] != nil {
		t.Errorf("%v, %v", err, results)
	}
	expect(t, "the receipt of another event", codes.DataLoss, results[2])
	if !slices.Equal(b.waits, []time.Duration{2e9}) {
		t.Errorf("waited %v", b.waits)
	}
}

func TestThePublishedConfigurationIsOneThatGRPCTakes(t *testing.T) {
	conn, err := grpc.NewClient("localhost:1", grpc.WithDefaultServiceConfig(ServiceConfig),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	policy := PublishedRetryPolicy()
	if policy.MaxAttempts != 4 || policy.Initial != 100*time.Millisecond || policy.Longest != 2*time.Second {
		t.Errorf("%+v", policy)
	}
}

func TestATokenIsReadAgainAndNothingElseIsSent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	for text, want := range map[string]string{"abc.def\n": "Bearer abc.def", " next ": "Bearer next",
		"": "", "two words": "", strings.Repeat("x", maxTokenBytes+1): "", "\xff": "", "a\nb": ""} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		sent, err := tokenFile(path).GetRequestMetadata(t.Context())
		if sent["authorization"] != want || (err == nil) != (want != "") {
			t.Errorf("%.10q: %v, %v", text, sent, err)
		}
	}
	if _, err := Dial("localhost:1", TLS{CA: path}); err == nil {
		t.Error("a file without a certificate is an authority")
	}
}
