package bench

import (
	"context"
	"time"

	"tallygate/cmd/internal/load"
)

// gatewayOn is the gateway as a contestant.
func (b *bench) gatewayOn(v *venue) contestant {
	return contestant{name: nameGateway, prepare: 900_000, start: func(ctx context.Context) (*server, error) {
		g, err := b.gateway(ctx, v)
		if err != nil {
			return nil, err
		}
		return &g.server, nil
	}}
}

// freeRADIUSAt is FreeRADIUS as one.
func (b *bench) freeRADIUSAt(name string, job freeRADIUSCase) contestant {
	return contestant{name: name, prepare: job.prepare, start: func(ctx context.Context) (*server, error) {
		if b.freeRADIUSPath == "" || job.dialect == "postgresql" && b.postgres == nil {
			return nil, errNotHere // said once already
		}
		return b.freeRADIUS(ctx, job, b.postgres)
	}}
}

func (b *bench) responder() contestant {
	return contestant{name: nameResponder, prepare: 1_200_000, start: b.startResponder}
}

// authMAC compares logins by MAC.
func (b *bench) authMAC(ctx context.Context) error {
	return b.contest(ctx, load.AuthMAC, b.gatewayOn(b.venue), b.freeRADIUSAt(nameFRFiles, frFiles), b.responder())
}

// authPAP compares portal logins whose passwords the server knows.
func (b *bench) authPAP(ctx context.Context) error {
	return b.contest(ctx, load.AuthPAP, b.gatewayOn(b.local), b.freeRADIUSAt(nameFRFiles, frFiles), b.responder())
}

// accounting compares accounting, which only some of the rivals make durable. It is of guests
// who have been there before, as nearly all of a venue's are; strangers only tell the gateway
// and its rivals apart in what the rivals do not do, so the gateway has them to itself.
func (b *bench) accounting(ctx context.Context) error {
	us := b.gatewayOn(b.known)
	if err := b.contest(ctx, load.Acct, us,
		b.freeRADIUSAt(nameFROK, frOK), b.freeRADIUSAt(nameFRDetail, frDetail), b.freeRADIUSAt(nameFRSQLite, frSQLite),
		b.freeRADIUSAt(nameFRSQLiteWAL, frSQLiteWAL), b.freeRADIUSAt(nameFRPostgres, frPostgres), b.responder()); err != nil {
		return err
	}
	best, err := b.bestWindow(ctx, us, load.Acct)
	if err != nil {
		return err
	}
	b.result.Strangers.Outstanding = best.ports * best.each
	for range b.times.pairs {
		sample, err := b.turn(ctx, b.gatewayOn(b.venue), b.load(load.Acct, best, b.enough(us, load.Acct)))
		if err != nil {
			return err
		}
		b.result.Strangers.Samples = append(b.result.Strangers.Samples, sample)
	}
	return nil
}

// mixed is both at once.
func (b *bench) mixed(ctx context.Context) error {
	us := b.gatewayOn(b.known)
	us.prepare /= 2
	for range max(b.times.pairs/2, 1) {
		sample, err := b.turn(ctx, us, b.load(load.Mixed, window{16, 16}, us.prepare))
		if err != nil {
			return err
		}
		b.result.Mixed.Samples = append(b.result.Mixed.Samples, sample)
	}
	return nil
}

// latency measures accounting at rates below the highest, each on a gateway that was just
// started. What is half of the highest rate is found out right before each run: a machine that
// others share is not as fast at one time as at another.
func (b *bench) latency(ctx context.Context) error {
	best, err := b.bestWindow(ctx, b.gatewayOn(b.known), load.Acct)
	if err != nil {
		return err
	}
	_, contested := b.result.ours(load.Acct)
	for _, at := range []struct {
		series *Series
		venue  *venue
		window window
		rate   float64 // 0: none
		half   bool    // of the highest
	}{
		{&b.result.Half, b.known, window{16, 256}, 0, true},
		{&b.result.HalfNew, b.venue, window{16, 256}, 0, true},
		{&b.result.At10k, b.known, window{16, 256}, 10_000, false},
		{&b.result.Idle, b.known, window{1, 1}, 0, false},
	} {
		us := b.gatewayOn(at.venue)
		for range b.times.pairs { // a machine that others share stops now and then
			rate := at.rate
			if at.half {
				peak, err := b.turn(ctx, us, b.load(load.Acct, best, b.enough(us, load.Acct)))
				if err != nil {
					return err
				}
				rate = peak.PerSecond / 2
				if at.series == &b.result.Half && !contested { // no rival was there
					b.result.Alone.Samples = append(b.result.Alone.Samples, peak)
				}
			}
			cfg := b.load(load.Acct, at.window, max(us.prepare, int(1.1*rate*(b.times.warmUp+b.times.run).Seconds())))
			cfg.Rate = rate
			sample, err := b.turn(ctx, us, cfg)
			if err != nil {
				return err
			}
			at.series.Samples = append(at.series.Samples, sample)
		}
	}
	return nil
}

// endurance measures accounting without a pause, for so long that nothing can be put off:
// with as many sessions at a time as the other runs, and with so many that their records
// lie far apart.
func (b *bench) endurance(ctx context.Context) error {
	us := b.gatewayOn(b.known)
	best, err := b.bestWindow(ctx, us, load.Acct)
	if err != nil {
		return err
	}
	for _, at := range []struct {
		series   *Series
		sessions int
	}{{&b.result.Long, 0}, {&b.result.Wide, openSessions}} {
		cfg := b.load(load.Acct, best, 2*us.prepare)
		cfg.WarmUp, cfg.Duration, cfg.Sessions = 0, b.times.long, at.sessions
		sample, err := b.toTheEnd(ctx, cfg)
		if err != nil {
			return err
		}
		at.series.Outstanding, at.series.Samples = best.ports*best.each, []Sample{sample}
	}
	return nil
}

// rest is how long a server must have done nothing to be done.
const rest = 1500 * time.Millisecond

// toTheEnd measures a fresh gateway, and counts the work that it does afterwards, too.
func (b *bench) toTheEnd(ctx context.Context, cfg load.Config) (Sample, error) {
	g, err := b.gateway(ctx, b.known)
	if err != nil {
		return Sample{}, err
	}
	defer g.close()
	before, err := g.usage()
	if err != nil {
		return Sample{}, err
	}
	sample, err := measure(ctx, &g.server, cfg)
	if err != nil {
		return sample, err
	}
	for after := before; ; {
		u, err := g.usage()
		if err != nil {
			return sample, err
		}
		if u.cpu-after.cpu <= rest/100 {
			sample.CPUMicros = float64(u.cpu-before.cpu) / float64(time.Microsecond) / float64(sample.Acct.Records.All())
			return sample, nil
		}
		after = u
		select {
		case <-ctx.Done():
			return sample, ctx.Err()
		case <-time.After(rest):
		}
	}
}

func (b *bench) disk(context.Context) error {
	d, err := probeDisk(b.root, b.times.syncs)
	if err == nil {
		b.result.Disks = append(b.result.Disks, d)
	}
	return err
}

func (b *bench) standstill(context.Context) error {
	s, err := probeStandstill(b.root, b.times.long/5)
	if err == nil {
		b.result.Standstills = append(b.result.Standstills, s)
	}
	return err
}
