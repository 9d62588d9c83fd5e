package bench

import (
	"context"
	"errors"
	"math"
	"os"
	"regexp"
	"strconv"
	"time"

	"tallygate/cmd/internal/load"
)

// oldCount is how many sessions are too old when the gateway starts: more than it can
// delete while it is watched.
const oldCount = 200_000

// Retention is a gateway that deletes old sessions while it takes accounting.
type Retention struct {
	Deleted float64       // sessions
	Longest time.Duration // step of deleting, as the gateway's histogram has it: rounded up
	Series  Series        // the accounting meanwhile, at 10 000 a second
}

// retention measures how long the gateway does nothing else.
func (b *bench) retention(ctx context.Context) error {
	v, err := b.copyVenue(b.venue, oldSessions(oldCount)...)
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(v.dir) }()
	v.more = "retention: {session_days: 30}\n"
	g, err := v.serve(ctx, v.dir, nil)
	if err != nil {
		return err
	}
	defer g.close()
	cfg := b.load(load.Acct, window{16, 256}, 200_000)
	cfg.Rate, cfg.Duration = 10_000, b.times.long/2
	sample, err := measure(ctx, &g.server, cfg)
	if err != nil {
		return err
	}
	page, err := metrics(ctx, g.admin)
	if err != nil {
		return err
	}
	out := &Retention{Series: Series{Samples: []Sample{sample}}}
	if m := deletedSessions.FindStringSubmatch(page); m != nil {
		out.Deleted, _ = strconv.ParseFloat(m[1], 64)
	}
	steps, longest := 0.0, math.Inf(1)
	for _, m := range retentionSteps.FindAllStringSubmatch(page, -1) {
		upTo, _ := strconv.ParseFloat(m[1], 64)
		n, _ := strconv.ParseFloat(m[2], 64)
		if n > steps {
			steps, longest = n, upTo
		}
	}
	if out.Deleted == 0 || math.IsInf(longest, 1) {
		return errors.New("the gateway tells of no step, or of one that took longer than its histogram is")
	}
	out.Longest = time.Duration(longest * float64(time.Second))
	b.say("  %.0f sessions deleted meanwhile, no step took more than %s; p99 %.2f ms", out.Deleted, out.Longest, p99(sample.Acct.Latency)/1000)
	b.result.Retention = out
	return nil
}

var (
	deletedSessions = regexp.MustCompile(`(?m)^tallygate_retention_deleted_total{kind="session"} (\S+)$`)
	retentionSteps  = regexp.MustCompile(`(?m)^tallygate_retention_step_seconds_bucket{le="([^"]+)"} (\S+)$`)
)
