package radiusd

import (
	"context"
	"sync/atomic"
)

// inflight counts what has been handed out and must come back: records at the
// Journal, claims. The Server holds one itself until it is closing, so that the
// count reaches zero once only.
type inflight struct {
	n       atomic.Int64
	drained chan struct{}
}

func newInflight() *inflight {
	f := &inflight{drained: make(chan struct{})}
	f.n.Store(1)
	return f
}

func (f *inflight) add(n int) { f.n.Add(int64(n)) }

func (f *inflight) done(n int) {
	if f.n.Add(-int64(n)) == 0 {
		close(f.drained)
	}
}

// wait gives up the Server's own one and waits for the others.
func (f *inflight) wait(ctx context.Context) error {
	f.done(1)
	select {
	case <-f.drained:
		return nil
	case <-ctx.Done():
	}
	select {
	case <-f.drained: // both had come, and nothing is left to give up on
		return nil
	default:
		return ctx.Err()
	}
}
