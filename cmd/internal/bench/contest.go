package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"tallygate/cmd/internal/load"
)

// Names of the contestants, as the tables show them.
const (
	nameGateway     = "Tallygate"
	nameResponder   = "bare Go responder, crypto only"
	nameFRFiles     = "FreeRADIUS, files"
	nameFROK        = "FreeRADIUS, recording nothing"
	nameFRDetail    = "FreeRADIUS, detail file"
	nameFRSQLite    = "FreeRADIUS, SQLite as shipped"
	nameFRSQLiteWAL = "FreeRADIUS, SQLite WAL + FULL"
	nameFRPostgres  = "FreeRADIUS, PostgreSQL"
)

// Contest is two servers at the same work, in turns: ours, theirs, ours, theirs.
type Contest struct {
	Workload     load.Workload
	Rival        string
	Ours, Theirs Series
}

// Series is what one server did in all its runs.
type Series struct {
	Outstanding int // requests, at which it does best
	Samples     []Sample
}

// pick is the median, smallest and largest of something in all samples.
func (s Series) pick(of func(Sample) float64) (median, lowest, highest float64) {
	if len(s.Samples) == 0 {
		return 0, 0, 0
	}
	var values []float64
	for _, sample := range s.Samples {
		values = append(values, of(sample))
	}
	slices.Sort(values)
	return middle(values), values[0], values[len(values)-1]
}

// middle is the median of sorted values.
func middle(values []float64) float64 {
	n := len(values)
	if n == 0 {
		return 0
	}
	return (values[(n-1)/2] + values[n/2]) / 2
}

// PerSecond is the answers a second: median, lowest, highest.
func (s Series) PerSecond() (median, lowest, highest float64) {
	return s.pick(func(s Sample) float64 { return s.PerSecond })
}

// CPU is the server's microseconds per answer, the median.
func (s Series) CPU() float64 {
	median, _, _ := s.pick(func(s Sample) float64 { return s.CPUMicros })
	return median
}

// Latency is the median of a percentile, in microseconds. Both sides of a mixed workload
// count as accounting, which is the slower one.
func (s Series) Latency(of func(load.Latency) float64) float64 {
	median, _, _ := s.pick(func(s Sample) float64 {
		if s.Acct != nil {
			return of(s.Acct.Latency)
		}
		return of(s.Access.Latency)
	})
	return median
}

// Percentiles of a latency.
func p50(l load.Latency) float64  { return l.P50 }
func p99(l load.Latency) float64  { return l.P99 }
func p999(l load.Latency) float64 { return l.P999 }

// Ratio is ours divided by theirs, pair by pair: median, lowest, highest.
func (c Contest) Ratio() (median, lowest, highest float64) {
	var ratios []float64
	for i, ours := range c.Ours.Samples {
		if theirs := c.Theirs.Samples[i].PerSecond; theirs > 0 {
			ratios = append(ratios, ours.PerSecond/theirs)
		}
	}
	if len(ratios) == 0 {
		return 0, 0, 0
	}
	slices.Sort(ratios)
	return middle(ratios), ratios[0], ratios[len(ratios)-1]
}

// contest lets the gateway and its rivals take turns, each at its best concurrency. A
// rival that cannot be measured is noted and left out.
func (b *bench) contest(ctx context.Context, workload load.Workload, us contestant, rivals ...contestant) error {
	ours, err := b.bestWindow(ctx, us, workload)
	if err != nil {
		return fmt.Errorf("%s: %w", us.name, err)
	}
	for _, rival := range rivals {
		c, err := b.pairs(ctx, workload, us, ours, rival)
		switch {
		case errors.Is(err, errNotHere):
			continue
		case err != nil:
			b.note("%s, %s: %v", workload, rival.name, err)
			continue
		}
		b.result.Contests = append(b.result.Contests, c)
		median, _, _ := c.Ratio()
		b.say("  %.2f times %s", median, rival.name)
	}
	return ctx.Err()
}

func (b *bench) pairs(ctx context.Context, workload load.Workload, us contestant, ours window, rival contestant) (Contest, error) {
	theirs, err := b.bestWindow(ctx, rival, workload)
	if err != nil {
		return Contest{}, err
	}
	c := Contest{
		Workload: workload, Rival: rival.name,
		Ours: Series{Outstanding: ours.ports * ours.each}, Theirs: Series{Outstanding: theirs.ports * theirs.each},
	}
	for range b.times.pairs {
		for _, turn := range []struct {
			who contestant
			at  window
			of  *Series
		}{{us, ours, &c.Ours}, {rival, theirs, &c.Theirs}} {
			sample, err := b.turn(ctx, turn.who, b.load(workload, turn.at, b.enough(turn.who, workload)))
			if err != nil {
				return Contest{}, err
			}
			turn.of.Samples = append(turn.of.Samples, sample)
			b.say("  %8.0f/s %6.2f us  %s", sample.PerSecond, sample.CPUMicros, turn.who.name)
		}
	}
	return c, nil
}

// turn starts a server afresh, runs the generator once, and ends it.
func (b *bench) turn(ctx context.Context, who contestant, cfg load.Config) (Sample, error) {
	s, err := who.start(ctx)
	if err != nil {
		return Sample{}, err
	}
	defer s.close()
	return measure(ctx, s, cfg)
}

// load is the run that most measurements are made of.
func (b *bench) load(workload load.Workload, at window, prepare int) load.Config {
	cfg := load.Config{
		Workload: workload, Ports: at.ports, Window: at.each, WarmUp: b.times.warmUp, Duration: b.times.run,
		Prepare: prepare, Users: authUsers, Guests: acctGuests,
	}
	if workload == load.AuthMAC || workload == load.AuthPAP {
		cfg.Guests = authGuests
	}
	return cfg
}

// rounds is how often each concurrency is tried, in turns: once, and a moment in which the
// machine had other work would decide.
const rounds = 3

// bestWindow finds the concurrency at which a contestant answers most.
func (b *bench) bestWindow(ctx context.Context, who contestant, workload load.Workload) (window, error) {
	key := pairing{who.name, workload}
	if best, known := b.best[key]; known {
		return best.window, nil
	}
	best, most := windows[1], 0.0
	reached := map[window][]float64{}
	for range rounds {
		for _, at := range windows {
			if b.times.sweep == 0 {
				break
			}
			cfg := b.load(workload, at, who.prepare/2)
			cfg.WarmUp, cfg.Duration = b.times.sweep/2, b.times.sweep
			sample, err := b.turn(ctx, who, cfg)
			if err != nil {
				return best, err
			}
			reached[at] = append(reached[at], sample.PerSecond)
		}
	}
	for at, all := range reached {
		slices.Sort(all)
		if median := middle(all); median > most {
			best, most = at, median
		}
	}
	b.best[key] = pace{best, most}
	return best, nil
}

// pairing is a contestant at a workload.
type pairing struct {
	name     string
	workload load.Workload
}

// pace is the concurrency at which a contestant does best, and the answers a second there; 0:
// it was not looked for.
type pace struct {
	window    window
	perSecond float64
}

// enough is how many requests are to be written in advance so that none has to be written in
// a run: the faster a server, the sooner they would be spent, and the more of the machine the
// generator would take from just that server.
func (b *bench) enough(who contestant, workload load.Workload) int {
	seconds := (b.times.warmUp + b.times.run).Seconds()
	return max(who.prepare, int(1.25*seconds*b.best[pairing{who.name, workload}].perSecond))
}
