package disconnect

import (
	"net/netip"
	"sync"
	"time"

	"go.uber.org/zap"

	"tallygate/macwatch"
)

// Bounds of what waits and flies.
const (
	queueSize = 4096 // sessions that wait or are asked for, in all
	nasQueue  = 512  // of one NAS: what is at most half a minute old when its turn comes
	window    = 16   // unanswered sessions of one NAS
	silence   = 8    // so many unanswered in a row: nobody listens there
)

// carrier takes packets away.
type carrier interface {
	send(b []byte, to netip.AddrPort) error
}

// sender asks NAS to end sessions, each at its pace. One goroutine (run) sends;
// whoever receives calls receive.
type sender struct {
	carrier carrier
	rate    int
	now     func() time.Time
	metrics *metrics
	log     *journalist
	news    chan struct{} // something to do may have come

	mu      sync.Mutex
	total   pace
	nas     map[netip.Addr]*nas
	order   []*nas // those with anything to do, in turn
	flights map[flightKey]*flight
	waiting int // jobs in all
	closed  bool
	settled []settled // told of once mu is free
}

// nas is one that is asked, by its address.
type nas struct {
	address netip.Addr
	pace    pace
	queue   []*job
	flying  []*job
	silent  int             // unanswered in a row
	listed  bool            // in sender.order
	ids     map[uint16]byte // latest Identifier by port
}

// flightKey finds the request that an answer belongs to: RFC 5176 section 2.3 leaves
// nothing but the Identifier, so each address and port has its own.
type flightKey struct {
	to         netip.AddrPort
	identifier byte
}

type flight struct {
	job           *job
	nas           *nas
	asked         code
	authenticator [authenticatorSize]byte
}

type settled struct {
	done    func(macwatch.Disconnect)
	outcome macwatch.Disconnect
}

func newSender(c carrier, rate, total int, now func() time.Time, m *metrics, log *zap.Logger) *sender {
	return &sender{
		carrier: c, rate: rate, now: now, metrics: m, log: newJournalist(log), news: make(chan struct{}, 1),
		total: newPace(total), nas: map[netip.Addr]*nas{}, flights: map[flightKey]*flight{},
	}
}

// add queues a job; false when there is no room for it. It does not block.
func (s *sender) add(j *job) bool {
	s.mu.Lock()
	defer s.unlock()
	n := s.nas[j.to]
	if n == nil {
		n = &nas{address: j.to, pace: newPace(s.rate), ids: map[uint16]byte{}}
	}
	if s.closed || s.waiting >= queueSize || len(n.queue)+len(n.flying) >= nasQueue {
		s.metrics.overflow.Inc()
		return false
	}
	s.nas[j.to] = n
	if !n.listed {
		n.listed = true
		s.order = append(s.order, n)
	}
	n.queue = append(n.queue, j)
	s.waiting++
	s.metrics.waiting.Set(float64(s.waiting))
	s.wake()
	return true
}

func (s *sender) wake() {
	select {
	case s.news <- struct{}{}:
	default:
	}
}

// unlock frees mu and then says what has been settled under it.
func (s *sender) unlock() {
	said := s.settled
	s.settled = nil
	s.mu.Unlock()
	for _, e := range said {
		e.done(e.outcome)
	}
}

// run sends until stop is closed.
func (s *sender) run(stop <-chan struct{}) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		next := s.turn(time.Now())
		timer.Reset(next)
		select {
		case <-s.news:
		case <-timer.C:
		case <-stop:
			return
		}
	}
}

// turn sends all that may be sent at now, and returns how long there is nothing to do.
func (s *sender) turn(now time.Time) time.Duration {
	s.mu.Lock()
	defer s.unlock()
	next := now.Add(time.Hour)
	earlier := func(t time.Time) {
		if t.Before(next) {
			next = t
		}
	}
	// One packet for each NAS in turn, until none may send: none waits for another.
	for busy := true; busy; {
		busy = false
		for _, n := range s.order {
			at := n.due(now)
			if at.IsZero() {
				continue
			}
			if at.After(now) {
				earlier(at)
				continue
			}
			if ready := s.total.ready(now); ready.After(now) {
				earlier(ready)
				continue
			}
			if s.advance(n, now) {
				busy = true
			}
		}
	}
	s.tidy()
	return max(next.Sub(now), time.Millisecond)
}

// due is when the NAS has something to do next; zero: nothing.
func (n *nas) due(now time.Time) (at time.Time) {
	for _, j := range n.flying {
		if at.IsZero() || j.due.Before(at) {
			at = j.due
		}
	}
	if len(n.queue) > 0 && len(n.flying) < n.window() {
		at = now
	}
	if at.IsZero() {
		return at
	}
	if ready := n.pace.ready(now); ready.After(at) {
		return ready
	}
	return at
}

// window is how many may be unanswered: of one that is silent, a single one that tries.
func (n *nas) window() int {
	if n.silent >= silence {
		return 1
	}
	return window
}

// advance does the next thing for a NAS: gives one up, repeats one, or begins one. It
// reports whether it has done anything.
func (s *sender) advance(n *nas, now time.Time) bool {
	for _, j := range n.flying {
		if j.due.After(now) {
			continue
		}
		if j.sent >= tries {
			s.unanswered(n, j)
		} else {
			s.transmit(n, j, now)
		}
		return true
	}
	if len(n.queue) == 0 || len(n.flying) >= n.window() {
		return false
	}
	j := n.queue[0]
	n.queue[0] = nil
	n.queue = n.queue[1:]
	if j.wanted != nil && !j.wanted() {
		s.finish(j, j.outcome(macwatch.DisconnectDropped, "it may stay", s.now()))
		return true
	}
	n.flying = append(n.flying, j)
	s.transmit(n, j, now)
	return true
}

// transmit sends the present step of a job once more. With Event-Timestamp the content
// changes, and with it Identifier and Request Authenticator (RFC 5176 section 2.3); an
// answer to any of them counts.
func (s *sender) transmit(n *nas, j *job, now time.Time) {
	to, t := j.address(), j.steps[j.step]
	identifier, ok := s.identifier(n, to)
	if j.sent > 0 && t.stamp == never {
		identifier, ok = j.flights[len(j.flights)-1].identifier, true // the same octets
	}
	j.due = now.Add(waitAfter(j.sent))
	if !ok {
		return // all 256 are under way: again later
	}
	b := t.encode(j.session, identifier, j.sent, s.now(), j.secret)
	f := flightKey{to, identifier}
	fl := &flight{job: j, nas: n, asked: t.kind()}
	copy(fl.authenticator[:], b[4:headerSize])
	if s.flights[f] == nil {
		j.flights = append(j.flights, f)
	}
	s.flights[f] = fl
	j.sent++
	n.pace.took(now)
	s.total.took(now)
	s.metrics.requests[t.kind()].Inc()
	if err := s.carrier.send(b, to); err != nil {
		// A route may be missing for a moment: it is repeated like one that got lost.
		s.log.unsent(to, err)
	}
}

// identifier is the next one that is not under way to this address and port.
func (s *sender) identifier(n *nas, to netip.AddrPort) (byte, bool) {
	for range 256 {
		n.ids[to.Port()]++
		id := n.ids[to.Port()]
		if s.flights[flightKey{to, id}] == nil {
			return id, true
		}
	}
	return 0, false
}

// land forgets what is under way for a job.
func (s *sender) land(n *nas, j *job) {
	for _, f := range j.flights {
		delete(s.flights, f)
	}
	j.flights = j.flights[:0]
	for i, other := range n.flying {
		if other == j {
			n.flying = append(n.flying[:i], n.flying[i+1:]...)
			break
		}
	}
}

func (s *sender) finish(j *job, o macwatch.Disconnect) {
	s.waiting--
	s.metrics.waiting.Set(float64(s.waiting))
	s.metrics.result(o.State)
	s.settled = append(s.settled, settled{j.done, o})
}

// unanswered gives a job up. When nobody answers any more, what waits for that NAS is
// given up with it: half a minute for each would take hours.
func (s *sender) unanswered(n *nas, j *job) {
	s.land(n, j)
	n.silent++
	now := s.now()
	switch {
	case j.refused: // it has answered, to other words
		s.finish(j, j.outcome(macwatch.DisconnectRefused, j.refusal.hint(), now))
		s.log.refused(j)
	case j.forged:
		s.finish(j, j.outcome(macwatch.DisconnectUnanswered, wrongSecret, now))
	default:
		s.finish(j, j.outcome(macwatch.DisconnectUnanswered, j.recipe.turn, now))
		s.log.unanswered(j, len(n.queue))
	}
	if n.silent < silence {
		return
	}
	for _, waiting := range n.queue {
		s.finish(waiting, waiting.outcome(macwatch.DisconnectUnanswered, "not sent, since nothing there has answered; "+waiting.recipe.turn, now))
	}
	n.queue = nil
}

// receive takes a datagram. What is no true answer to one of our requests, from whom it
// was sent to, is counted and ignored.
func (s *sender) receive(datagram []byte, from netip.AddrPort) {
	s.mu.Lock()
	defer s.unlock()
	var fl *flight
	if len(datagram) >= headerSize {
		fl = s.flights[flightKey{from, datagram[1]}]
	}
	if fl == nil {
		s.metrics.ignored.Inc()
		return
	}
	a, ok := readAnswer(datagram, fl.asked, fl.authenticator[:], fl.job.secret)
	if !ok {
		s.metrics.ignored.Inc()
		fl.job.forged = true
		s.log.falseAnswer(fl.job)
		return
	}
	s.answered(fl.nas, fl.job, a)
	s.wake()
}

// answered goes on with a job that was answered.
func (s *sender) answered(n *nas, j *job, a answer) {
	n.silent = 0
	now := s.now()
	if a.acknowledged {
		s.land(n, j)
		s.finish(j, j.outcome(macwatch.DisconnectAcknowledged, "", now))
		return
	}
	j.refusedBy(a.cause)
	s.land(n, j)
	if a.cause.otherWords() && j.step+1 < len(j.steps) {
		n.flying = append(n.flying, j)
		j.step, j.sent, j.due = j.step+1, 0, time.Now()
		return
	}
	s.finish(j, j.outcome(macwatch.DisconnectRefused, j.refusal.hint(), now))
	s.log.refused(j)
}

// tidy forgets NAS that have nothing to do, and turns the order.
func (s *sender) tidy() {
	kept := s.order[:0]
	for _, n := range s.order {
		if len(n.queue) > 0 || len(n.flying) > 0 {
			kept = append(kept, n)
			continue
		}
		n.listed = false
		// The pace of one that has just been asked must not begin anew, nor its
		// Identifiers: it stays as long as few are known.
		if len(s.nas) > queueSize {
			delete(s.nas, n.address)
		}
	}
	clear(s.order[len(kept):])
	s.order = kept
	if len(s.order) > 1 {
		s.order = append(s.order[1:], s.order[0])
	}
}

// giveUp ends everything at once.
func (s *sender) giveUp() {
	s.mu.Lock()
	defer s.unlock()
	s.closed = true
	for _, n := range s.order {
		for _, j := range append(n.queue, n.flying...) {
			s.finish(j, j.outcome(macwatch.DisconnectDropped, "the gateway was stopped", s.now()))
		}
		n.queue, n.flying = nil, nil
	}
	clear(s.flights)
}
