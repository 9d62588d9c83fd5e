package simulate

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"layeh.com/radius"
	"layeh.com/radius/rfc2866"
)

// run is a venue being played.
type run struct {
	cfg   Config
	aps   []*accessPoint
	tally *tally
}

// Run plays the venue until every guest has paid all visits, the duration is over, or
// ctx ends; the Report tells which. The error is a configuration that cannot be played
// (a *licensing.Error), a socket that cannot be opened, or a ledger that cannot be
// written; what the server does is never an error.
func Run(ctx context.Context, cfg Config) (Report, error) {
	cfg, err := cfg.validated()
	if err != nil {
		return Report{}, err
	}
	r := &run{cfg: cfg, aps: newVenue(cfg), tally: newTally(ledger{w: cfg.Ledger})}
	for i, ap := range r.aps {
		if ap.nas, err = Dial(cfg.Auth, cfg.Acct, cfg.Secret); err != nil {
			r.close(i)
			return Report{}, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, cfg.Duration)
	defer cancel()
	begun := time.Now()
	for i, ap := range r.aps {
		r.boot(ctx, ap, i)
	}
	for round := 0; round < cfg.Sessions && ctx.Err() == nil; round++ {
		visits, reboot := plan(cfg, r.aps, round)
		r.round(ctx, visits)
		if reboot != nil && ctx.Err() == nil {
			r.tally.note(func(rep *Report) { rep.Reboots++ })
			// Nothing boots within a second, and event times are no finer than that: a
			// session id that comes back must not do so at the same time.
			sleep(ctx, time.Until(time.Now().Truncate(time.Second).Add(time.Second)))
			reboot.restart()
			r.boot(ctx, reboot, cfg.APs+round)
		}
	}
	r.tally.report.Finished = ctx.Err() == nil
	r.tally.report.Seconds = time.Since(begun).Seconds()
	for _, ap := range r.aps {
		for what, n := range ap.nas.BadReplies() {
			r.tally.report.BadReplies[what] += n
		}
	}
	r.close(len(r.aps))
	return r.tally.finish(), r.tally.ledger.err
}

// close closes the first n access points.
func (r *run) close(n int) {
	for _, ap := range r.aps[:n] {
		ap.nas.Close()
	}
}

// round lets all guests pay their visits, so many at a time, and waits for them.
func (r *run) round(ctx context.Context, visits []visit) {
	next := make(chan visit)
	var guests sync.WaitGroup
	for range min(r.cfg.Concurrency, len(visits)) {
		guests.Go(func() {
			for v := range next {
				r.play(ctx, v)
			}
		})
	}
	defer guests.Wait()
	defer close(next)
	for _, v := range visits {
		select {
		case next <- v:
		case <-ctx.Done():
			return
		}
	}
}

// boot announces an access point that has just come up (RFC 2866 section 5.1).
func (r *run) boot(ctx context.Context, ap *accessPoint, n int) {
	if !ap.vendor.announce {
		return
	}
	e := ap.entry("Accounting-On")
	req := Request{Code: radius.CodeAccountingRequest, Delays: ap.vendor.delays}
	req.Integer(rfc2866.AcctStatusType_Type, statusCodes[e.Status])
	ap.identify(&req)
	rng := rand.New(rand.NewPCG(r.cfg.Seed, 3<<32|uint64(n)))
	r.account(ctx, rng, record{request: req, entry: e, ap: ap})
}

// delivery makes the network as bad as configured. The mishaps are drawn from the
// guest's own sequence: they are the same in every run with the same seed.
func (r *run) delivery(rng *rand.Rand) Delivery {
	return Delivery{
		Timeout: r.cfg.Timeout,
		Retries: r.cfg.Retries,
		Fate: func(int) Fate {
			f := Fate{
				LoseRequest: draw(rng, r.cfg.Loss),
				Duplicate:   draw(rng, r.cfg.Duplicate),
				LoseReply:   draw(rng, r.cfg.Loss),
			}
			r.tally.note(func(rep *Report) {
				switch {
				case f.LoseRequest:
					rep.LostRequests++
				case f.LoseReply:
					rep.LostReplies++
				}
				if f.Duplicate && !f.LoseRequest {
					rep.Duplicates++
				}
			})
			return f
		},
	}
}
