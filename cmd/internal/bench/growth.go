package bench

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"tallygate/cmd/internal/load"
	"tallygate/macwatch"
)

// A venue with many devices.
const (
	few          = 10_000
	million      = 1_000_000
	openSessions = 100_000
)

// Growth compares gateways that know few devices, and as many sessions, with such as know many,
// in turns: the fewest first.
type Growth []Known

// Known is a gateway that knows so many devices, and had a session of each.
type Known struct {
	Devices int
	Series
}

// Ratio is the rate with the most devices divided by that with the fewest, pair by pair: the median.
func (g Growth) Ratio() (median, lowest, highest float64) {
	return Contest{Ours: g[len(g)-1].Series, Theirs: g[0].Series}.Ratio()
}

// growth measures accounting of devices that are all known.
func (b *bench) growth(ctx context.Context) error {
	out := Growth{{Devices: few}, {Devices: million}}
	if b.times.many > million {
		out = append(out, Known{Devices: b.times.many})
	}
	var gateways []*gateway
	for _, at := range out {
		v, err := b.copyVenue(b.venue, knownDevices(at.Devices)...)
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(v.dir) }()
		if err := v.seedSessions(ctx, at.Devices); err != nil {
			return err
		}
		g, err := v.serve(ctx, v.dir, nil)
		if err != nil {
			return err
		}
		defer g.close()
		b.say("  a gateway that knows %d devices and sessions was ready after %s", at.Devices, g.ready.Round(time.Millisecond))
		if err := g.learn(ctx); err != nil {
			return err
		}
		gateways = append(gateways, g)
	}
	best, err := b.bestWindow(ctx, b.gatewayOn(b.known), load.Acct)
	if err != nil {
		return err
	}
	rounds := (b.times.pairs + 1) / 2
	for round := range rounds {
		for i := range out {
			cfg := b.load(load.Acct, best, b.enough(b.gatewayOn(b.known), load.Acct))
			// Other guests each time: those of a moment ago are known best of all.
			cfg.Guests, cfg.Skip = out[i].Devices, round*b.times.many/rounds
			sample, err := measure(ctx, &gateways[i].server, cfg)
			if err != nil {
				return err
			}
			b.say("  %8.0f/s %6.2f us  with %d devices known", sample.PerSecond, sample.CPUMicros, cfg.Guests)
			out[i].Samples = append(out[i].Samples, sample)
		}
	}
	b.result.Growth = out
	return nil
}

// learn waits until the gateway knows all its devices in memory: growth is about what lasts.
func (g *gateway) learn(ctx context.Context) error {
	for {
		page, err := metrics(ctx, g.admin)
		if err != nil || strings.Contains(page, "\ntallygate_known_devices_learned 1\n") {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// Million is the gateway of a large venue.
type Million struct {
	Ready     time.Duration // from the start of the process
	Empty     int64         // resident octets of a gateway that knows nothing
	Resident  int64         // with a million devices and the open sessions
	PerDevice float64       // octets of an entry in the cache of devices
}

// million starts a gateway that knows a million devices, and opens sessions.
func (b *bench) million(ctx context.Context) error {
	empty, err := b.gateway(ctx, b.venue)
	if err != nil {
		return err
	}
	u, err := empty.usage()
	empty.close()
	if err != nil {
		return err
	}
	v, err := b.copyVenue(b.venue, knownDevices(million)...)
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(v.dir) }()
	g, err := v.serve(ctx, v.dir, nil)
	if err != nil {
		return err
	}
	defer g.close()
	out := &Million{Ready: g.ready, Empty: u.resident, PerDevice: cacheEntry()}
	cfg := b.load(load.Acct, windows[len(windows)-1], openSessions)
	cfg.Guests, cfg.Sessions, cfg.Count, cfg.WarmUp, cfg.Duration = million, openSessions, openSessions, 0, time.Minute
	sample, err := measure(ctx, &g.server, cfg)
	if err != nil {
		return err
	}
	if starts := sample.Acct.Records.Starts; starts != openSessions {
		return fmt.Errorf("%d of %d sessions were opened", starts, openSessions)
	}
	// After the work, not in its midst: what stays.
	if err := g.learn(ctx); err != nil {
		return err
	}
	if u, err = g.usage(); err != nil {
		return err
	}
	out.Resident = max(u.resident, sample.Resident)
	b.result.Million = out
	return nil
}

// cacheEntry is what a device takes in the cache that stands before the store, in octets.
func cacheEntry() float64 {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	cache := macwatch.NewCache(million)
	for i := range uint64(million) {
		cache.Add(macwatch.DeviceKey{Location: 1, MAC: macwatch.MAC(load.MAC(i, million))}, 1, time.Time{})
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	entries := cache.Len()
	return float64(after.HeapAlloc-before.HeapAlloc) / float64(entries)
}
