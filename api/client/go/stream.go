package auditledger

import (
	"context"
	"errors"
	"io"
	"slices"

	"google.golang.org/grpc/codes"

	pb "auditledger.test/client/auditledgerpb"
)

const (
	window           = 500 // unanswered events; the server reads no further from 1,000 on
	eventsPerMessage = 50
)

// AppendStream records each event by itself. onResult is called once for each, on the caller's
// goroutine, with its position among the events and a receipt, or the *Error or *ReceiptError of
// that event; in order but for events that were sent again. nil when every event had its result,
// else the *Error after which the rest has none.
func (c *Client) AppendStream(ctx context.Context, events []*pb.AuditEvent,
	onResult func(position int, receipt *pb.Receipt, err error)) error {
	pending := make([]int, len(events))
	for i := range pending {
		pending[i] = i
	}
	for attempt := 1; len(pending) > 0; attempt++ {
		before := len(pending)
		rest, err := c.streamOnce(ctx, events, pending, onResult)
		pending = rest
		if len(pending) == 0 {
			break
		}
		var refused *Error
		if !errors.As(err, &refused) {
			return err
		}
		// A token that was good for some of the events: its file may hold the next one by now.
		renewed := refused.Reason == "TOKEN_EXPIRED" && len(pending) < before
		if len(pending) < before {
			attempt = 1 // it goes on: attempts count between two results
		}
		if !(refused.Retryable() || renewed) || attempt >= c.Retry.MaxAttempts {
			return err
		}
		if c.Retry.wait(ctx, attempt, refused) != nil {
			return err
		}
	}
	return nil
}

// streamOnce sends the events at `order`; it gives the positions without a final result, and why.
func (c *Client) streamOnce(ctx context.Context, events []*pb.AuditEvent, order []int,
	onResult func(int, *pb.Receipt, error)) ([]int, error) {
	ctx, cancel := context.WithTimeout(ctx, c.StreamTimeout)
	defer cancel()
	var again []int
	sent, answered := 0, 0
	rest := func() []int { return slices.Sorted(slices.Values(append(again, order[answered:]...))) }
	stream, err := c.Stub.AppendEventStream(ctx)
	if err != nil {
		return order, fromRPC(err)
	}
	var retryable error
	for {
		for sent < len(order) && sent-answered < window {
			message := &pb.AppendEventStreamRequest{}
			if sent == 0 {
				message.Ledger = c.ledger
			}
			end := min(sent+eventsPerMessage, len(order))
			for _, position := range order[sent:end] {
				message.Requests = append(message.Requests, c.request(events[position]))
			}
			sent = end
			if stream.Send(message) != nil {
				break // Recv tells why
			}
			if sent == len(order) {
				stream.CloseSend() // its error is that of the next Recv
			}
		}
		response, err := stream.Recv()
		if errors.Is(err, io.EOF) && answered < len(order) {
			return rest(), &Error{Code: codes.Unavailable, Message: "the stream ended before all results"}
		}
		if errors.Is(err, io.EOF) {
			return rest(), retryable
		}
		if err != nil {
			return rest(), fromRPC(err)
		}
		for _, result := range response.Results {
			if answered >= sent || result.Position != uint64(answered) {
				return rest(), differs("results come out of order")
			}
			position := order[answered]
			answered++
			err := c.resultOf(result, events[position])
			var refused *Error
			if errors.As(err, &refused) && refused.Retryable() {
				again, retryable = append(again, position), err
			} else if err != nil {
				onResult(position, nil, err)
			} else {
				onResult(position, result.Receipt, nil)
			}
		}
	}
}

func (c *Client) resultOf(result *pb.AppendResult, event *pb.AuditEvent) error {
	if result.Problem != nil {
		return fromProblem(result.Problem)
	}
	return c.check([]*pb.Receipt{result.Receipt}, []*pb.AuditEvent{event})
}
