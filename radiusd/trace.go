package radiusd

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// DefaultTraceHistory is how many events of each kind are kept when nothing is configured.
const DefaultTraceHistory = 4096

const (
	// tracePace is how many accepts or records a second each socket puts into the
	// history, and how many drops for one reason all of them together. A venue stays far
	// below; a flood costs a comparison per packet beyond it. Who watches sees all.
	tracePace = 2000
	// maxWatchers is how many may watch at once.
	maxWatchers = 16
	// watcherQueue is how many events may wait for a watcher before it is cut off.
	watcherQueue = 1024
	// traceChunk is how much of the history is copied in one go, so that readers never
	// wait long for the lock.
	traceChunk = 128
)

// tracer keeps the recent history and feeds those who watch. Three kinds do not push
// each other out: accepts, records, and what was refused or dropped. Its memory is at
// most 3 * history * 700 octets, taken as it is used.
type tracer struct {
	history int
	paces   [256]sharedQuota // by Reason of a drop
	left    [results]atomic.Uint64

	watching atomic.Pointer[[]*watcher] // nil: nobody

	mu       sync.Mutex
	closed   bool
	sequence uint64
	rings    [results]ring // of accepts and records
	shelf    shelf
}

func newTracer(history int) *tracer {
	t := &tracer{history: history, shelf: newShelf(history)}
	// At once, so that no packet pays for it; the system gives the memory as it is used.
	t.rings[resultAccept].events = make([]event, 0, history)
	t.rings[resultRecord].events = make([]event, 0, history)
	return t
}

// ring is the latest events of one kind.
type ring struct {
	events []event
	next   int
}

func (r *ring) add(e *event, capacity int) {
	if len(r.events) < capacity {
		r.events = append(r.events, *e)
		return
	}
	r.events[r.next] = *e
	r.next = (r.next + 1) % capacity
}

// quota lets through so many a second. It belongs to one goroutine at a time.
type quota struct {
	second instant
	used   int
}

func (q *quota) take(now instant, most int) bool {
	if second := now / instant(time.Second); second != q.second {
		q.second, q.used = second, 0
	}
	if q.used >= most {
		return false
	}
	q.used++
	return true
}

// sharedQuota is a quota for all goroutines; around the turn of a second it may let
// through a few more.
type sharedQuota struct{ second, used atomic.Int64 }

func (q *sharedQuota) take(now instant, most int64) bool {
	second := int64(now / instant(time.Second))
	if q.second.Load() != second {
		q.second.Store(second)
		q.used.Store(0)
	}
	return q.used.Load() < most && q.used.Add(1) <= most
}

// wants says whether an event is worth filling in, and whether the history takes it. It
// is all that a packet pays when nobody watches and the pace is high.
func (t *tracer) wants(became result, reason licensing.Reason, q *quota, now instant) (want, keep bool) {
	switch {
	case t.history == 0:
	case became == resultReject:
		keep = true
	case became == resultDrop:
		keep = t.paces[reason].take(now, tracePace)
	default:
		keep = q.take(now, tracePace)
	}
	if t.history > 0 && !keep {
		t.left[became].Add(1)
	}
	return keep || t.watching.Load() != nil, keep
}

// tell files an event and hands it to those who watch. It copies.
func (t *tracer) tell(e *event, keep bool) {
	if watching := t.watching.Load(); !keep && (watching == nil || !slices.ContainsFunc(*watching, func(w *watcher) bool { return w.filter.lets(e) })) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sequence++
	e.sequence = t.sequence
	if watching := t.watching.Load(); watching != nil {
		for _, w := range *watching {
			w.offer(e)
		}
	}
	switch {
	case !keep:
	case e.result.refused():
		t.shelf.add(e)
	default:
		t.rings[e.result].add(e, t.history)
	}
}

// watcher is somebody who watches.
type watcher struct {
	filter eventFilter
	events chan event
	cut    chan struct{} // closed when it was too slow, or the gateway stops
	slow   bool
	gone   bool // cut is closed
}

// offer never waits: who does not keep up is cut off. The tracer's lock is held.
func (w *watcher) offer(e *event) {
	if w.gone || !w.filter.lets(e) {
		return
	}
	select {
	case w.events <- *e:
	default:
		w.slow = true
		w.end()
	}
}

func (w *watcher) end() {
	if !w.gone {
		w.gone = true
		close(w.cut)
	}
}

// watch adds a watcher and says which events came before it.
func (t *tracer) watch(f eventFilter) (w *watcher, before uint64, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var now []*watcher
	if p := t.watching.Load(); p != nil {
		now = *p
	}
	switch {
	case t.closed:
		return nil, 0, licensing.Errorf(licensing.CodeUnavailable, "the gateway is stopping")
	case len(now) >= maxWatchers:
		return nil, 0, licensing.Errorf(licensing.CodeConflict, "%d traces run already", maxWatchers).
			WithHint("end one of them, or look at the history alone with --no-follow")
	}
	w = &watcher{filter: f, events: make(chan event, watcherQueue), cut: make(chan struct{})}
	next := append(slices.Clone(now), w)
	t.watching.Store(&next)
	return w, t.sequence, nil
}

// leave takes a watcher away.
func (t *tracer) leave(w *watcher) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.watching.Load()
	if p == nil {
		return
	}
	left := slices.DeleteFunc(slices.Clone(*p), func(other *watcher) bool { return other == w })
	if len(left) == 0 {
		t.watching.Store(nil)
		return
	}
	t.watching.Store(&left)
}

// EndTraces ends every Trace that follows, and lets no new one begin: they would hold up
// the end of whoever serves them.
func (s *Server) EndTraces() {
	t := s.trace
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	if p := t.watching.Load(); p != nil {
		for _, w := range *p {
			w.end()
		}
	}
}

// recall copies what the history holds of the events up to one, oldest first.
func (t *tracer) recall(f eventFilter, upTo uint64) []event {
	var out []event
	take := func(e *event) {
		// An entry of the shelf may have been repeated meanwhile; it began earlier.
		if (e.sequence <= upTo || e.count > 1) && f.lets(e) && e.at >= f.since {
			out = append(out, *e)
		}
	}
	// copied goes over a list that may change between two chunks.
	copied := func(length func() int, at func(int) *event) {
		for i, more := 0, true; more; {
			t.mu.Lock()
			n := min(i+traceChunk, length())
			for ; i < n; i++ {
				take(at(i))
			}
			more = i < length()
			t.mu.Unlock()
		}
	}
	for r := range t.rings {
		ring := &t.rings[r]
		copied(func() int { return len(ring.events) }, func(i int) *event { return &ring.events[i] })
	}
	copied(func() int { return len(t.shelf.entries) }, func(i int) *event { return &t.shelf.entries[i].event })
	slices.SortFunc(out, func(a, b event) int {
		if a.at != b.at {
			return int(min(max(a.at-b.at, -1), 1))
		}
		return int(min(max(int64(a.sequence)-int64(b.sequence), -1), 1))
	})
	return out
}

// Trace hands the recent history that the filter lets through to each, oldest first, and
// with Follow what happens from then on, until ctx ends or each fails. It never makes a
// packet wait: who is too slow is cut off, and told so in the last line.
func (s *Server) Trace(ctx context.Context, f macwatch.TraceFilter, each func(macwatch.TraceLine) error) error {
	filter, err := s.view.Load().compile(f)
	if err != nil {
		return err
	}
	var w *watcher
	before := ^uint64(0)
	if f.Follow {
		if w, before, err = s.trace.watch(filter); err != nil {
			return err
		}
		defer s.trace.leave(w)
	}
	if !f.Live {
		if err := s.tellHistory(filter, before, each); err != nil {
			return err
		}
	}
	if !f.Follow {
		return nil
	}
	if err := each(macwatch.TraceLine{Now: true}); err != nil {
		return err
	}
	for {
		select {
		case e := <-w.events:
			shown := e.show(s.view.Load())
			if err := each(macwatch.TraceLine{Event: &shown}); err != nil {
				return err
			}
		case <-ctx.Done():
			return nil
		case <-w.cut:
			end := "the gateway is stopping"
			if w.slow {
				end = "cut off: more came than could be shown; narrow the trace down, for example with --client or --result reject"
			}
			return each(macwatch.TraceLine{End: end})
		}
	}
}

func (s *Server) tellHistory(f eventFilter, before uint64, each func(macwatch.TraceLine) error) error {
	if s.trace.history == 0 {
		return each(macwatch.TraceLine{Note: "no history is kept: trace.history is 0 in the configuration"})
	}
	for _, e := range s.trace.recall(f, before) {
		shown := e.show(s.view.Load())
		if err := each(macwatch.TraceLine{Event: &shown}); err != nil {
			return err
		}
	}
	return s.tellLeft(each)
}
