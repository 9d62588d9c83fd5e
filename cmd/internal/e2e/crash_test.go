package e2e

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tallygate/cmd/internal/simulate"
)

var (
	crashRounds = flag.Int("crash.rounds", 3, "how often TestCrash and TestCrashAtTheStart kill the gateway")
	crashSeed   = flag.Uint64("crash.seed", 0, "seed of the crash tests, as a failed run has logged it; 0: a new one")
)

// seeded is a source of chance that a failed run tells how to repeat.
func seeded(t *testing.T) *rand.Rand {
	t.Helper()
	seed := *crashSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("repeat with -crash.seed=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// sessionKey is one session as the access point names it.
type sessionKey struct{ session, mac, ap string }

// sessionSum is what is known of a session, whose legs are taken together.
type sessionSum struct {
	records       int
	input, output uint64
	started       int64 // earliest Event-Timestamp of a Start; 0: there was none
	ended         bool  // a Stop came
}

// account is what access points know: every record that was acknowledged, and those
// of which nobody can say whether they are stored.
type account struct {
	acknowledged map[sessionKey]sessionSum
	unanswered   map[sessionKey]int
	announced    map[string]bool // access points of which an Accounting-On was
	devices      map[string]bool
	seen         map[simulate.Entry]bool
}

func newAccount() *account {
	return &account{
		acknowledged: map[sessionKey]sessionSum{}, unanswered: map[sessionKey]int{},
		announced: map[string]bool{}, devices: map[string]bool{}, seen: map[simulate.Entry]bool{},
	}
}

// add takes over a run's ledger. A record that was acknowledged twice is one.
func (a *account) add(t *testing.T, ledger *bytes.Buffer, report simulate.Report) {
	t.Helper()
	entries, err := simulate.ReadLedger(ledger)
	require.NoError(t, err)
	require.Len(t, entries, report.Acknowledged)
	for _, e := range entries {
		if e.SessionID == "" {
			a.announced[e.NAS+" "+e.AP] = true
			continue
		}
		e.SentAt, e.Transmissions = 0, 0
		require.False(t, a.seen[e], "the venue plays a record twice, which nobody could tell from a repeat: %+v", e)
		a.seen[e] = true
		k := sessionKey{e.SessionID, e.MAC, e.AP}
		s := a.acknowledged[k]
		s.records++
		s.input, s.output = max(s.input, e.InputOctets), max(s.output, e.OutputOctets)
		if e.Status == "Start" && e.EventTimestamp != 0 && (s.started == 0 || e.EventTimestamp < s.started) {
			s.started = e.EventTimestamp
		}
		s.ended = s.ended || e.Status == "Stop"
		a.acknowledged[k] = s
		a.devices[e.MAC] = true
	}
	for _, e := range report.Unanswered {
		if e.SessionID != "" {
			a.unanswered[sessionKey{e.SessionID, e.MAC, e.AP}]++
		}
	}
}

// settle compares what was acknowledged with what is stored: each record is there, once.
func (a *account) settle(t *testing.T, g *gateway) {
	t.Helper()
	stored := map[sessionKey]sessionSum{}
	for _, s := range g.sessions(t) {
		k := sessionKey{s.SessionID, s.MAC, s.AP}
		sum, known := stored[k]
		sum.records += s.Records
		sum.input, sum.output = max(sum.input, s.InputOctets), max(sum.output, s.OutputOctets)
		if at := s.StartedAt.Unix(); !known || at < sum.started {
			sum.started = at
		}
		sum.ended = sum.ended || s.EndedAt != nil
		stored[k] = sum
	}
	for k, want := range a.acknowledged {
		got, unsure := stored[k], a.unanswered[k]
		require.GreaterOrEqual(t, got.records, want.records, "%+v: acknowledged and not stored", k)
		require.LessOrEqual(t, got.records, want.records+unsure, "%+v: stored twice", k)
		if unsure > 0 {
			require.GreaterOrEqual(t, got.input, want.input, "%+v", k)
			require.GreaterOrEqual(t, got.output, want.output, "%+v", k)
			continue
		}
		require.Equal(t, want.input, got.input, "%+v", k)
		require.Equal(t, want.output, got.output, "%+v", k)
		if want.started != 0 {
			require.Equal(t, want.started, got.started, "%+v", k)
		}
		if want.ended {
			require.True(t, got.ended, "%+v", k)
		}
	}
	for k := range stored {
		_, known := a.acknowledged[k]
		require.True(t, known || a.unanswered[k] > 0, "%+v was never sent", k)
	}
	devices := g.devices(t)
	for mac := range a.devices {
		_, listed := devices[mac]
		require.True(t, listed, "%s is in no list", mac)
	}
}

// rebooted is how many access points an Accounting-On is stored of.
const rebooted = "SELECT count(*) FROM (SELECT DISTINCT nas, called_mac FROM nas_events)"

// load is a venue that is being played.
type load struct {
	ledger  bytes.Buffer
	watch   chan struct{} // closed at the watched acknowledgement
	left    int           // acknowledgements until then
	mu      sync.Mutex
	report  simulate.Report
	failure error
	done    chan struct{}
}

// Write gets the ledger line by line.
func (l *load) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.left--; l.left == 0 {
		close(l.watch)
	}
	return l.ledger.Write(line)
}

// play begins to play a venue. watch is closed at its after-th acknowledgement.
func (g *gateway) play(ctx context.Context, cfg simulate.Config, after int) *load {
	l := &load{watch: make(chan struct{}), left: after, done: make(chan struct{})}
	cfg.Auth, cfg.Acct, cfg.Secret, cfg.Ledger = g.auth, g.acct, secret, l
	go func() {
		defer close(l.done)
		l.report, l.failure = simulate.Run(ctx, cfg)
	}()
	return l
}

// finish waits for the end of the play and takes over its ledger.
func (l *load) finish(t *testing.T, into *account) simulate.Report {
	t.Helper()
	<-l.done
	require.NoError(t, l.failure)
	require.True(t, l.report.Finished)
	require.Empty(t, l.report.BadReplies)
	require.Empty(t, l.report.Rejects)
	into.add(t, &l.ledger, l.report)
	return l.report
}

// await waits for the watched acknowledgement, and then for an instant more, so that the
// crash falls anywhere between two of them.
func (l *load) await(rng *rand.Rand) {
	select {
	case <-l.watch:
	case <-l.done:
	}
	timer := time.NewTimer(time.Duration(rng.IntN(20_000)) * time.Microsecond)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-l.done:
	}
}

// TestCrash kills the gateway again and again under load, while access points go on
// sending: what was acknowledged is stored, exactly once.
func TestCrash(t *testing.T) {
	rng := seeded(t)
	g := newVenue(t, site{})
	g.configure(t) // from now on it comes back where it was
	known := newAccount()
	var started *time.Time
	for round := range *crashRounds {
		l := g.play(t.Context(), simulate.Config{
			APs: 8, Guests: 60, Sessions: 2, Interims: 2, Reboots: 1, Roam: 40, Concurrency: 30,
			Loss: 3, Duplicate: 5, Reorder: 5, Timeout: 50 * time.Millisecond, Retries: 60,
			Seed: rng.Uint64(),
		}, 1+rng.IntN(400))
		l.await(rng)
		g.kill(t)
		if rng.IntN(3) == 0 { // and once more on its way up
			require.NoError(t, g.launch())
			timer := time.NewTimer(time.Duration(rng.IntN(100_000)) * time.Microsecond)
			<-timer.C
			g.kill(t)
		}
		g.start(t)
		report := l.finish(t, known)
		license := g.license(t)
		t.Logf("round %d: %d acknowledged, %d retransmissions, %d unanswered, %d devices", round, report.Acknowledged,
			report.Retransmissions, len(report.Unanswered), license.DevicesCounted)
		if started == nil {
			started = license.StartsAt
		}
		require.Equal(t, started, license.StartsAt, "the start is final")
		if round%10 == 9 {
			known.settle(t, g)
		}
	}
	known.settle(t, g)
	g.verifyAudit(t)
	counted := g.license(t).DevicesCounted
	require.Len(t, g.devices(t), counted)
	g.stop(t)
	db := g.openDatabase(t)
	db.whole(t)
	db.startedOnce(t)
	require.Equal(t, counted, db.number(t, "SELECT count(*) FROM counted"))
	require.GreaterOrEqual(t, db.number(t, rebooted), len(known.announced))
}

// TestCrashAtTheStart kills the gateway while the fifth device arrives, again and again
// and from many senders, each round with a new license.
func TestCrashAtTheStart(t *testing.T) {
	t.Parallel()
	rng := seeded(t)
	for round := range *crashRounds {
		t.Run(fmt.Sprint("round ", round), func(t *testing.T) { crashAtTheStart(t, rng) })
	}
}

func crashAtTheStart(t *testing.T, rng *rand.Rand) {
	g := newVenue(t, site{})
	g.configure(t)
	base := secondsOfService(t, time.Now(), 1)
	for i := range 4 {
		g.send(t, record(start, fmt.Sprint("first-", i), spell(0x8041_0000_0001+uint64(i), i), stamped(base)))
	}
	const senders = 24
	var arriving sync.WaitGroup
	failures := make([]error, senders)
	answered := make(chan struct{}, senders)
	for i := range senders {
		nas := g.dial(t)
		r := record(start, fmt.Sprint("crowd-", i), spell(0x8041_0000_0100+uint64(i%8), i), stamped(base))
		arriving.Go(func() {
			_, failures[i] = nas.Exchange(t.Context(), r, simulate.Delivery{Timeout: 30 * time.Millisecond, Retries: 200})
			answered <- struct{}{}
		})
	}
	// Before the start is stored, while it is, or as soon as the first knows of it.
	if rng.IntN(2) == 0 {
		<-answered
	}
	timer := time.NewTimer(time.Duration(rng.IntN(3000)) * time.Microsecond)
	<-timer.C
	g.kill(t)
	g.start(t)
	arriving.Wait()
	require.NoError(t, errors.Join(failures...))
	started := g.counts(t, 4+8, inUse)
	require.Equal(t, base, started.StartsAt.UTC())
	require.Len(t, g.receipt(t).Sightings, 5)
	g.verifyAudit(t)
	g.stop(t)
	db := g.openDatabase(t)
	db.whole(t)
	db.startedOnce(t)
	require.Equal(t, 4+senders, db.number(t, "SELECT sum(records) FROM sessions"))
}

// TestLossyNetwork plays a venue whose network loses three datagrams of ten on each way,
// doubles and reorders them: the totals are those of the ledger.
func TestLossyNetwork(t *testing.T) {
	t.Parallel()
	g := newVenue(t, site{})
	known := newAccount()
	l := g.play(t.Context(), simulate.Config{
		APs: 10, Guests: 60, Sessions: 2, Interims: 2, Reboots: 1, Roam: 40, Concurrency: 60,
		Loss: 30, Duplicate: 20, Reorder: 20, Timeout: 20 * time.Millisecond, Retries: 80, Seed: 7,
	}, 1)
	report := l.finish(t, known)
	require.Empty(t, report.Unanswered)
	require.Positive(t, report.LostRequests)
	require.Positive(t, report.LostReplies)
	require.Positive(t, report.Duplicates)
	require.Positive(t, report.Reordered)
	known.settle(t, g)

	records := 0
	for _, s := range known.acknowledged {
		records += s.records
	}
	require.Equal(t, len(known.devices), g.counts(t, len(known.devices), inUse).DevicesCounted)
	g.stop(t)
	db := g.openDatabase(t)
	db.whole(t)
	db.startedOnce(t)
	require.Equal(t, records, db.number(t, "SELECT sum(records) FROM sessions"))
	require.Equal(t, len(known.announced), db.number(t, rebooted))
}
