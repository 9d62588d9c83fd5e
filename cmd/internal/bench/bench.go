// Package bench measures the gateway against the goals that it has: real processes over
// loopback UDP, asked by cmd/internal/load, and FreeRADIUS on the same machine, asked by
// the same generator in alternation. `make bench` runs it.
//
// Absolute figures are worth little: they depend on the machine and on who else uses it.
// So servers that are compared take turns, A B A B, and what counts is the ratio of
// neighbours.
package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"time"
)

// Options say what to measure.
type Options struct {
	Program string    // the tallygate binary
	Dir     string    // a folder on the disk to measure; default: the system's temporary one
	Quick   bool      // a few minutes, for a first impression: one pair, short runs, small stores
	Install bool      // install FreeRADIUS when it is missing, as root
	Only    string    // regular expression: the steps to take; "": all
	Say     io.Writer // what is being done; nil: silence
}

// bench is a benchmark under way.
type bench struct {
	options Options
	times   times
	root    string
	folders int
	result  *Result

	venue          *venue // which knows nobody
	known          *venue // which knows the guests of accounting
	local          *venue // which knows the passwords of its guests
	freeRADIUSPath string
	initdb         string // PostgreSQL's; "" without it
	postgres       *postgres
	best           map[pairing]pace
}

// times are how long things take.
type times struct {
	warmUp, run time.Duration
	long        time.Duration // a run in which nothing can be put off
	sweep       time.Duration // a run to find the best concurrency; 0: do not look for it
	pairs       int
	syncs       int // of the disk
	many        int // devices that are many
}

func (o Options) times() times {
	if o.Quick {
		return times{warmUp: 300 * time.Millisecond, run: time.Second, long: 5 * time.Second, pairs: 1, syncs: 500, many: 1_000_000}
	}
	return times{warmUp: 2 * time.Second, run: 3 * time.Second, long: 20 * time.Second, sweep: 700 * time.Millisecond, pairs: 5, syncs: 2000, many: 10_000_000}
}

// Run measures everything. What cannot be measured is left out, with a note that says
// why; an error means that nothing could be.
func Run(ctx context.Context, o Options) (*Result, error) {
	if o.Say == nil {
		o.Say = io.Discard
	}
	only, err := regexp.Compile(o.Only)
	if err != nil {
		return nil, fmt.Errorf("which steps: %w", err)
	}
	root, err := os.MkdirTemp(o.Dir, "tallygate-bench-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for the benchmark: %w", err)
	}
	defer func() { _ = os.RemoveAll(root) }()
	// PostgreSQL runs as another user and must find its way.
	if err := os.Chmod(root, 0o711); err != nil { //nolint:gosec // it may pass, not look
		return nil, fmt.Errorf("open the folder of the benchmark: %w", err)
	}
	b := &bench{options: o, times: o.times(), root: root, best: map[pairing]pace{}, result: &Result{Quick: o.Quick, Began: time.Now()}}
	if !onDisk(root) {
		b.note("%s is not on a disk: syncing costs nothing there, and durable figures mean nothing. Name another folder with -dir.", root)
	}
	if err := b.prepare(ctx); err != nil {
		return nil, err
	}
	defer func() {
		if b.postgres != nil {
			b.postgres.close()
		}
	}()
	for _, step := range []struct {
		what string
		do   func(context.Context) error
	}{
		{"the disk", b.disk},
		{"how the machine stands still", b.standstill},
		{"authentication by MAC", b.authMAC},
		{"authentication by PAP", b.authPAP},
		{"accounting", b.accounting},
		{"authentication and accounting together", b.mixed},
		{"latency of accounting", b.latency},
		{"endurance", b.endurance},
		{"overload", b.overload},
		{"memory and start with a million devices", b.million},
		{"growth", b.growth},
		{"retention", b.retention},
		{"how the machine stands still after all that", b.standstill},
		{"the disk once more", b.disk},
	} {
		if !only.MatchString(step.what) {
			continue
		}
		b.say("%s", step.what)
		if err := step.do(ctx); err != nil {
			b.note("%s: %v", step.what, err)
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	b.result.Took = time.Since(b.result.Began)
	return b.result, nil
}

// prepare makes the venues and finds the competitors.
func (b *bench) prepare(ctx context.Context) (err error) {
	b.result.Machine = thisMachine()
	if busy := b.result.Machine.Busy; busy > 0.5 {
		b.note("The machine had other work at the start (load average %.1f): what runs on several threads lost more to it than what runs on one, and even ratios may be off.", busy)
	}
	b.say("preparing the venue")
	if b.venue, err = b.newVenue(ctx); err != nil {
		return err
	}
	if b.known, err = b.copyVenue(b.venue, knownDevices(acctGuests)...); err != nil {
		return err
	}
	if b.local, err = b.copyVenue(b.venue, localGuests(authUsers)...); err != nil {
		return err
	}
	if err := b.findFreeRADIUS(ctx); err != nil {
		b.note("no comparison with FreeRADIUS: %v", err)
		return nil
	}
	if b.initdb == "" {
		b.note("no comparison with PostgreSQL: it is not installed (apt-get install postgresql freeradius-postgresql)")
		return nil
	}
	if b.postgres, err = b.startPostgres(ctx); err != nil {
		b.note("no comparison with PostgreSQL: %v", err)
		return nil
	}
	b.result.Machine.PostgreSQL = b.postgres.version(ctx)
	return nil
}

// copyVenue makes another venue like v, and fills its database.
func (b *bench) copyVenue(v *venue, statements ...seeding) (*venue, error) {
	dir, err := b.folder("venue")
	if err != nil {
		return nil, err
	}
	if err := copyData(filepath.Join(v.dir, "data"), filepath.Join(dir, "data")); err != nil {
		return nil, err
	}
	other := &venue{program: v.program, dir: dir, issuer: v.issuer}
	return other, other.seed(context.Background(), statements...)
}

// folder makes one under the root.
func (b *bench) folder(name string) (string, error) {
	b.folders++
	dir := filepath.Join(b.root, fmt.Sprintf("%s-%d", name, b.folders))
	if err := os.Mkdir(dir, 0o755); err != nil { //nolint:gosec // nothing secret; PostgreSQL reads its own
		return "", fmt.Errorf("make a folder: %w", err)
	}
	return dir, nil
}

func (b *bench) say(format string, args ...any) {
	_, _ = fmt.Fprintf(b.options.Say, "[%4.0f s] "+format+"\n", append([]any{time.Since(b.result.Began).Seconds()}, args...)...)
}

// note keeps what the reader of the result should know.
func (b *bench) note(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	b.say("note: %s", text)
	b.result.Notes = append(b.result.Notes, text)
}

var errNotHere = errors.New("not on this machine")
