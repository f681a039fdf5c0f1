package auditledger

import (
	"context"
	"errors"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	pb "auditledger.test/client/auditledgerpb"
)

// Client appends to one ledger. All methods may be called by any number of goroutines.
type Client struct {
	Stub pb.LedgerServiceClient // for all other calls

	Retry         RetryPolicy
	Timeout       time.Duration // of one attempt
	StreamTimeout time.Duration
	// AckLevel_ACK_LEVEL_WITNESSED: heads that the quorum of the ledger's witness policy cosigned.
	Ack pb.AckLevel

	ledger string
	log    *PinnedLog
}

// NewClient is for the ledger with this id. Change its fields before the first call, if at all.
func NewClient(conn grpc.ClientConnInterface, ledger string, log *PinnedLog) *Client {
	return &Client{
		Stub: pb.NewLedgerServiceClient(conn), Retry: PublishedRetryPolicy(),
		Timeout: 5 * time.Second, StreamTimeout: time.Minute,
		Ack: pb.AckLevel_ACK_LEVEL_DURABLE, ledger: "ledgers/" + ledger, log: log,
	}
}

func (c *Client) request(event *pb.AuditEvent) *pb.AppendEventRequest {
	return &pb.AppendEventRequest{Event: event, IncludeOpening: true, Ack: c.Ack}
}

// call makes a unary call, again and again where that helps.
func call[Request, Response any](ctx context.Context, c *Client, request *Request,
	method func(context.Context, *Request, ...grpc.CallOption) (*Response, error)) (*Response, error) {
	var response *Response
	err := c.Retry.run(ctx, func() error {
		attempt, cancel := context.WithTimeout(ctx, c.Timeout)
		defer cancel()
		var err error
		response, err = method(attempt, request)
		return fromRPC(err)
	})
	return response, err
}

// Append records one event.
func (c *Client) Append(ctx context.Context, event *pb.AuditEvent) (*pb.Receipt, error) {
	request := c.request(event)
	request.Ledger = c.ledger
	response, err := call(ctx, c, request, c.Stub.AppendEvent)
	if err != nil {
		return nil, err
	}
	receipts := []*pb.Receipt{response.GetReceipt()}
	return receipts[0], c.check(receipts, []*pb.AuditEvent{event})
}

// AppendBatch records all events or none, next to each other, one receipt each in their order.
func (c *Client) AppendBatch(ctx context.Context, events []*pb.AuditEvent) ([]*pb.Receipt, error) {
	request := &pb.BatchAppendEventsRequest{Ledger: c.ledger, Ack: c.Ack}
	for _, event := range events {
		request.Requests = append(request.Requests, c.request(event))
	}
	response, err := call(ctx, c, request, c.Stub.BatchAppendEvents)
	if err != nil {
		return nil, err
	}
	if len(response.Receipts) != len(events) {
		return nil, differs("answer to a batch: %d receipts for %d events", len(response.Receipts),
			len(events))
	}
	return response.Receipts, c.check(response.Receipts, events)
}

// check is CheckReceipt of each, with the signature of a note checked once for all that share it.
func (c *Client) check(receipts []*pb.Receipt, events []*pb.AuditEvent) error {
	var head *Head
	for i, receipt := range receipts {
		note := receipt.GetCheckpoint().GetNote()
		if head == nil || head.Note != note {
			opened, err := c.log.OpenHead(note)
			if err != nil {
				return withEvidence(err, receipt)
			}
			head = opened
		}
		data, err := encode(events[i])
		if err != nil {
			return err
		}
		if err := checkReceiptUnder(head, receipt, data); err != nil {
			return withEvidence(err, receipt)
		}
	}
	return nil
}

// Follow gives the newest of `head` (the last one seen, or nil) and the receipt's head. The ledger
// has to prove that one extends the other (role prover). Keep what is returned: a *ReceiptError
// then says that the ledger was rolled back or shows another history.
func (c *Client) Follow(ctx context.Context, head *Head, receipt *pb.Receipt) (*Head, error) {
	seen, err := c.log.OpenHead(receipt.GetCheckpoint().GetNote())
	if err != nil || head == nil {
		return seen, err
	}
	first, last := head, seen
	if seen.Size < head.Size {
		first, last = seen, head
	}
	var proof [][]byte
	if first.Size != last.Size {
		if proof, err = c.consistency(ctx, first.Size, last.Size); err != nil {
			return nil, err
		}
	}
	if err := CheckExtension(first, last, proof); err != nil {
		return nil, err
	}
	if last.Size > head.Size {
		return last, nil
	}
	return head, nil
}

func (c *Client) consistency(ctx context.Context, oldSize, newSize uint64) ([][]byte, error) {
	request := &pb.GetConsistencyProofRequest{Ledger: c.ledger, OldSize: oldSize, NewSize: newSize}
	response, err := call(ctx, c, request, c.Stub.GetConsistencyProof)
	var refused *Error
	if errors.As(err, &refused) && refused.Code == codes.OutOfRange {
		return nil, differs("the ledger does not know size %d, which it has signed: it was rolled "+
			"back, or this is another one", newSize)
	}
	return response.GetProof().GetHashes(), err
}
