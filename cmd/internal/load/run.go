package load

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"tallygate/cmd/internal/mmsg"
)

// run is a run under way. Times are nanoseconds since base.
type run struct {
	cfg     Config
	sides   []*side
	ports   []*port // of all sides, which take turns
	poll    int     // epoll descriptor
	net     *mmsg.Trains
	bulk    *bulk
	judged  []judgement // of the datagrams in hand
	queued  int         // to be sent
	mishaps *mishaps
	base    time.Time

	from, until int64  // what is measured
	due         uint64 // in an open loop: requests that were due by now, of all ports
	burst       uint64 // requests that one port has in a row, so that a late sender can send them together
	scan        int64  // when slots are next looked through for what has waited too long
	step        int64  // from one scan to the next
	slept       int64  // until when
	open        bool   // requests are still begun
	measuring   bool
	measured    time.Duration
}

// quantum is how far two wakings of an open loop lie apart at least: to wake for each of many
// requests would take the time of the server. What they wait to be sent counts as latency; how
// long an answer waits to be read does not (see arrival).
const quantum = int64(250 * time.Microsecond)

// batch is how many datagrams a system call moves.
const batch = 64

// Run asks until the time is over, the count is reached or ctx ends, and then waits for
// the answers that are due. The error is a configuration that cannot be played (a
// *licensing.Error) or a fault of this machine; what the server does is never an error.
func Run(ctx context.Context, cfg Config) (Report, error) {
	cfg, err := cfg.validated()
	if err != nil {
		return Report{}, err
	}
	r := &run{cfg: cfg, net: mmsg.NewTrains(batch), bulk: newBulk(cfg.Secret), mishaps: newMishaps(cfg)}
	if r.sides, err = newSides(cfg); err != nil {
		return Report{}, err
	}
	defer func() {
		for _, s := range r.sides {
			s.close()
		}
	}()
	for i := range cfg.Ports {
		r.ports = append(r.ports, r.sides[i%len(r.sides)].ports[i/len(r.sides)])
	}
	undo, err := settle(cfg.CPUs)
	if err != nil {
		return Report{}, err
	}
	defer undo()
	if err := r.listen(); err != nil {
		return Report{}, err
	}
	defer func() { _ = unix.Close(r.poll) }()
	err = r.play(ctx)
	return r.report(), err
}

// listen makes the epoll instance that tells which ports have something to read.
func (r *run) listen() (err error) {
	if r.poll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return fmt.Errorf("epoll_create: %w", err)
	}
	for i, p := range r.ports {
		r.net.Prepare(p.fd)
		event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(i)}
		if err := unix.EpollCtl(r.poll, unix.EPOLL_CTL_ADD, p.fd, &event); err != nil {
			_ = unix.Close(r.poll)
			return fmt.Errorf("epoll_ctl: %w", err)
		}
	}
	return nil
}

func (r *run) now() int64 { return int64(time.Since(r.base)) }

// play is the loop. It ends with an error only for a fault of this machine.
func (r *run) play(ctx context.Context) error {
	r.base, r.open, r.burst = time.Now(), true, uint64(min(r.cfg.Window, batch/8))
	r.from, r.until = int64(r.cfg.WarmUp), int64(r.cfg.WarmUp+r.cfg.Duration)
	// A retransmission may be late by one step, and what nothing overtakes waits for one.
	r.step = min(max(int64(r.cfg.Timeout)/16, int64(time.Millisecond)), int64(100*time.Millisecond))
	events := make([]unix.EpollEvent, len(r.ports))
	for {
		now := r.now()
		if !r.advance(ctx, now) {
			return nil
		}
		if err := r.begin(now); err != nil {
			return err
		}
		n, err := r.wait(events)
		if err != nil {
			return err
		}
		for _, e := range events[:n] {
			if err := r.read(r.ports[e.Fd]); err != nil {
				return err
			}
		}
	}
}

// advance moves on from the warm-up to what is measured to the end; false when the run
// is over.
func (r *run) advance(ctx context.Context, now int64) bool {
	busy, spent := 0, true
	for _, s := range r.sides {
		busy += s.outstanding
		spent = spent && s.limit > 0 && s.begun == s.limit
	}
	ended := now >= r.until || spent && busy == 0 || ctx.Err() != nil
	switch {
	case !r.open:
	case ended:
		r.open = false
		if r.measuring {
			r.until = now
			r.measure(false)
		}
	case !r.measuring && now >= r.from:
		r.from, r.until = now, now+int64(r.cfg.Duration)
		r.measure(true)
	}
	return r.open || busy > 0 && ctx.Err() == nil
}

func (r *run) measure(begins bool) {
	r.measuring = begins
	if !begins {
		r.measured = time.Duration(r.until - r.from)
	}
	if r.cfg.Measuring != nil {
		r.cfg.Measuring(begins)
	}
}

// begin sends what is due: again what has waited too long, and new requests.
func (r *run) begin(now int64) error {
	if now >= r.scan {
		r.scan = now + r.step
		if err := r.lookThrough(now); err != nil {
			return err
		}
	}
	if r.cfg.Rate == 0 || !r.open {
		return nil // in a closed loop each answer lets the next request go
	}
	for ; r.dueAt(r.due) <= now; r.due++ {
		if err := r.fill(r.whose(r.due), now); err != nil {
			return err
		}
	}
	return nil
}

// lookThrough finds, in all ports, what has waited too long, and windows that are not full.
func (r *run) lookThrough(now int64) error {
	for _, s := range r.sides {
		s.deck.encoder.stamp = uint32(time.Now().Unix())
	}
	for _, p := range r.ports {
		if err := r.repeat(p, now); err != nil {
			return err
		}
		if err := r.fill(p, now); err != nil {
			return err
		}
	}
	return nil
}

// dueAt is when the n-th request of an open loop is due.
func (r *run) dueAt(n uint64) int64 { return int64(float64(n) / r.cfg.Rate * 1e9) }

// reads is how often a port is read before the others have their turn, and the clock. Whoever
// is answered as fast as he asks would never let go of it.
const reads = 16

// read takes the answers that have come to a port and sends on. What is left stays readable.
func (r *run) read(p *port) error {
	for range reads {
		n, more, err := r.net.Receive(p.fd)
		if errors.Is(err, unix.ECONNREFUSED) { // nobody listens just now
			p.side.report.Refused++
			continue
		}
		if err != nil {
			return fmt.Errorf("receive: %w", err)
		}
		read := time.Now()
		now, clock := int64(read.Sub(r.base)), read.UnixNano()
		if n > len(r.judged) {
			r.judged = make([]judgement, n)
		}
		r.bulk.judge(p, n, r.net.Datagram, r.judged)
		for i := range n {
			r.take(p, r.net.Datagram(i), r.judged[i], arrival(now, clock, r.net.Arrived(i)))
		}
		if err := r.fill(p, now); err != nil {
			return err
		}
		if !more {
			return nil
		}
	}
	return nil
}

// arrival is when an answer came that is read now, when the machine's clock shows clock: the
// kernel says when it had it (0: it does not), by the same clock. The server has answered then;
// when the generator gets round to reading is no matter of his.
func arrival(now, clock, arrived int64) int64 {
	waited := clock - arrived
	if arrived == 0 || waited < 0 || waited > int64(time.Second) { // or that clock was set
		waited = 0
	}
	return now - waited
}

// take handles one reply that has arrived at a time, of which something may be known already.
func (r *run) take(p *port, reply []byte, known judgement, arrived int64) {
	report := &p.side.report
	if r.mishaps.strikes(r.cfg.Loss) {
		report.Lost++
		return
	}
	slot, what, verdict, signed := p.match(reply, known)
	switch {
	case verdict != Good:
		report.Bad[verdict]++
		return
	case what == repeated:
		report.Repeated++
		return
	case what == late:
		if r.measuring {
			report.Late++
		}
		return
	}
	p.side.answered(slot, reply, signed)
	if r.measuring {
		report.Answered++
	}
	if slot.began >= r.from && slot.began < r.until {
		p.side.latency.Add(time.Duration(arrived - slot.began))
	}
	p.end(slot)
}

// wait returns the ports that have something to read, or nothing when it is time to send.
func (r *run) wait(events []unix.EpollEvent) (int, error) {
	if r.cfg.Rate > 0 {
		if left := r.slept + quantum - r.now(); left > 0 {
			pause := unix.NsecToTimespec(left)
			_ = unix.Nanosleep(&pause, nil)
		}
		r.slept = r.now()
	}
	n, err := unix.EpollWait(r.poll, events, 0)
	if err != nil && !errors.Is(err, unix.EINTR) {
		return 0, fmt.Errorf("epoll_wait: %w", err)
	}
	if n > 0 {
		return n, nil
	}
	wake := r.scan
	switch {
	case !r.open:
	case r.measuring:
		wake = min(wake, r.until)
	default:
		wake = min(wake, r.from)
	}
	if r.open && r.cfg.Rate > 0 {
		wake = min(wake, max(r.dueAt(r.due), r.slept+quantum))
	}
	left := wake - r.now()
	if left <= 0 {
		return 0, nil
	}
	// epoll_wait counts in milliseconds; an epoll descriptor can be polled, too.
	timeout := unix.NsecToTimespec(left)
	if _, err := unix.Ppoll([]unix.PollFd{{Fd: int32(r.poll), Events: unix.POLLIN}}, &timeout, nil); err != nil && !errors.Is(err, unix.EINTR) {
		return 0, fmt.Errorf("ppoll: %w", err)
	}
	return 0, nil
}

func (r *run) report() Report {
	out := Report{Workload: r.cfg.Workload, Ports: r.cfg.Ports, Window: r.cfg.Window, Rate: r.cfg.Rate, Seconds: r.measured.Seconds()}
	for _, s := range r.sides {
		if s.deck.encoder.workload == Acct {
			out.Acct = s.finish(r.measured)
		} else {
			out.Access = s.finish(r.measured)
		}
	}
	return out
}
