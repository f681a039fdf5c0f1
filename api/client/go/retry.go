package auditledger

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// ServiceConfig is the gRPC service configuration that is published with the protos.
//
//go:embed service_config.json
var ServiceConfig string

// RetryPolicy says when to send again, and after how long. Appending is exactly-once at the ledger,
// so whatever has no answer may be sent again with the same bytes. The numbers are those of
// ServiceConfig, which a stock gRPC client takes as it is; the ledger's hint (RetryInfo), which gRPC
// does not read, comes on top: a wait is never shorter.
type RetryPolicy struct {
	MaxAttempts      int // the first one counts
	Initial, Longest time.Duration
	// For tests: how to wait, and a random number of [0, 1).
	Sleep  func(context.Context, time.Duration) error
	Random func() float64
}

// PublishedRetryPolicy is that of ServiceConfig.
func PublishedRetryPolicy() RetryPolicy {
	var config struct {
		MethodConfig []struct {
			RetryPolicy *struct {
				MaxAttempts                int
				InitialBackoff, MaxBackoff string
			}
		}
	}
	if err := json.Unmarshal([]byte(ServiceConfig), &config); err != nil {
		panic(fmt.Sprintf("auditledger: the embedded service configuration: %v", err))
	}
	for _, method := range config.MethodConfig {
		if policy := method.RetryPolicy; policy != nil {
			initial, _ := time.ParseDuration(policy.InitialBackoff)
			longest, _ := time.ParseDuration(policy.MaxBackoff)
			return RetryPolicy{policy.MaxAttempts, initial, longest, sleep, rand.Float64}
		}
	}
	panic("auditledger: the embedded service configuration has no retry policy")
}

func sleep(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// wait waits after `attempt` attempts, the last of which ended with err.
func (p *RetryPolicy) wait(ctx context.Context, attempt int, err *Error) error {
	bound := min(p.Initial<<min(attempt-1, 20), p.Longest)
	return p.Sleep(ctx, max(time.Duration(p.Random()*float64(bound)), err.RetryAfter))
}

// run calls until there is an answer, a refusal, or too many attempts.
func (p *RetryPolicy) run(ctx context.Context, call func() error) error {
	for attempt := 1; ; attempt++ {
		err := call()
		var refused *Error
		if !errors.As(err, &refused) || !refused.Retryable() || attempt >= p.MaxAttempts {
			return err
		}
		if p.wait(ctx, attempt, refused) != nil {
			return err
		}
	}
}
