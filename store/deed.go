package store

import (
	"context"

	"tallygate/licensing"
)

// deed is a small change that somebody waits for and that many ask for at once: it goes
// with the group commit, and rebuilds nothing. refused is why it was not done; err, that
// the store could not be written.
type deed struct {
	do           func(*batch) (refused, err error)
	refused, err error
	done         chan struct{}
}

// with carries out do in the next batch and returns after the commit.
func (s *Store) with(ctx context.Context, do func(*batch) (refused, err error)) error {
	if err := ctx.Err(); err != nil {
		return err // the caller has gone before its turn came
	}
	d := &deed{do: do, done: make(chan struct{})}
	if !s.queue.push(op{deed: d}) {
		return licensing.Errorf(licensing.CodeUnavailable, "the gateway has too much to do, or is shutting down").WithHint("try again in a moment")
	}
	<-d.done // whoever has begun is told, whatever the caller does meanwhile
	if d.err != nil {
		return unavailable(d.err)
	}
	return d.refused
}

// run carries it out within the batch. What was refused has written nothing.
func (d *deed) run(b *batch) (err error) {
	d.err = nil // a batch that failed tries its operations again, one by one
	d.refused, err = d.do(b)
	return err
}
