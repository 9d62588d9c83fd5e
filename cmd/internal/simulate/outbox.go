package simulate

import (
	"context"
	"errors"
	"math/rand/v2"
)

// outbox sends a guest's accounting records one after the other; now and then one is
// held back until its successor has overtaken it.
type outbox struct {
	run  *run
	rng  *rand.Rand
	held *record
}

func (o *outbox) post(ctx context.Context, rec record) {
	switch {
	case o.held == nil && draw(o.rng, o.run.cfg.Reorder):
		o.held = &rec
	case o.held != nil && swappable(o.held.entry, rec.entry):
		o.run.tally.note(func(rep *Report) { rep.Reordered++ })
		o.run.account(ctx, o.rng, rec)
		o.flush(ctx)
	default:
		o.flush(ctx)
		o.run.account(ctx, o.rng, rec)
	}
}

// flush sends what is held back.
func (o *outbox) flush(ctx context.Context) {
	if o.held != nil {
		o.run.account(ctx, o.rng, *o.held)
		o.held = nil
	}
}

// swappable: a Start that arrives after the Stop of the same second cannot be told
// from a session that begins anew under the old id, by nobody.
func swappable(first, second Entry) bool {
	same := first.SessionID == second.SessionID && first.NAS == second.NAS
	return !same || first.Status != "Start" || second.Status != "Stop"
}

// account sends one record.
func (r *run) account(ctx context.Context, rng *rand.Rand, rec record) {
	if ctx.Err() != nil {
		return // never sent: neither acknowledged nor unanswered
	}
	r.tally.note(func(rep *Report) { rep.Requests++ })
	reply, err := rec.ap.nas.Exchange(ctx, &rec.request, r.delivery(rng))
	if err != nil {
		r.failed(err, &rec.entry)
		return
	}
	r.tally.acknowledged(rec.entry, reply)
}

// failed notes a request that got no answer. e is the accounting record, if it is one.
func (r *run) failed(err error, e *Entry) {
	r.tally.note(func(rep *Report) {
		if errors.Is(err, ErrNoAnswer) {
			rep.Timeouts++
			rep.Retransmissions += r.cfg.Retries
		}
		if e != nil {
			rep.Unanswered = append(rep.Unanswered, *e)
		}
	})
}
