package radiusd

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"tallygate/licensing"
)

const (
	defaultReceiveBuffer = 8 << 20
	defaultReplyCache    = 1 << 16
	classKeySize         = 32
)

// Server is the RADIUS side of the gateway: Listen, Publish, Serve, Close.
type Server struct {
	options  Options
	clock    stopwatch
	metrics  *metrics
	log      *journalist
	sockets  []*socket
	view     atomic.Pointer[view]
	signed   signedSources
	joins    *joins
	makes    recognised
	accepted *lru.Cache[acceptedDevice, struct{}]
	records  sync.Pool // of *pendingRecord
	rejects  *rejector
	guesses  guesses
	radsec   *radsec // nil: not configured
	inflight *inflight

	trace     *tracer
	suspects  *suspects
	strangers *strangers

	workers  sync.WaitGroup // readers, and what accepts connections for them
	rejector sync.WaitGroup
	stop     chan struct{} // ends the rejector
	staged   bool          // a rehearsal: whom it names was not seen
	close    sync.Once
	closeErr error
}

// view is a Snapshot with the counters of its clients.
type view struct {
	*Snapshot
	unsigned  []prometheus.Counter
	suspected []*atomic.Int32 // how many sources of each have another secret, by all that is known
}

// Listen binds every socket, so that a taken port is an error of start-up; packets
// wait in the kernel until Serve. The error is a *licensing.Error that says what to
// do. Without a Snapshot published every source is unknown.
func Listen(o Options) (*Server, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	s, err := newServer(o)
	if err != nil {
		return nil, err
	}
	for kind, addresses := range [listeners][]string{authListener: o.Auth, acctListener: o.Acct} {
		kind := listener(kind)
		for _, address := range addresses {
			group, err := bind(kind, address, o.Sockets, o.ReceiveBuffer)
			if err != nil {
				s.closeSockets()
				return nil, err
			}
			for _, socket := range group {
				s.attach(socket)
			}
		}
	}
	if len(o.RadSec.Listen) > 0 {
		if s.radsec, err = listenRadSec(s, o.RadSec); err != nil {
			s.closeSockets()
			return nil, err
		}
	}
	return s, nil
}

func (o Options) withDefaults() (Options, error) {
	if o.RejectDelay < 0 || o.RejectDelay > maxRejectDelay {
		return o, licensing.Errorf(licensing.CodeInvalid, "a reject delay of %s is not possible", o.RejectDelay).
			WithHint("radius.reject_delay takes 0s to 5s")
	}
	if len(o.ClassKey) != classKeySize {
		return o, licensing.Errorf(licensing.CodeInternal, "the key of the Class token has %d octets instead of %d", len(o.ClassKey), classKeySize)
	}
	o.Sockets = max(o.Sockets, 1)
	if o.ReceiveBuffer <= 0 {
		o.ReceiveBuffer = defaultReceiveBuffer
	}
	if o.ReplyCache <= 0 {
		o.ReplyCache = defaultReplyCache
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o, nil
}

// newServer makes a Server without sockets.
func newServer(o Options) (*Server, error) {
	m, err := newMetrics(o.Metrics)
	if err != nil {
		return nil, fmt.Errorf("registering the RADIUS metrics: %w", err)
	}
	accepted, err := lru.New[acceptedDevice, struct{}](acceptedDevices)
	if err != nil {
		return nil, fmt.Errorf("making the memory of accepted devices: %w", err)
	}
	clock := stopwatch{time.Now()}
	s := &Server{
		options:  o,
		clock:    clock,
		metrics:  m,
		log:      &journalist{log: o.Log, clock: clock},
		accepted: accepted,
		joins:    newJoins(),
		inflight: newInflight(),
		guesses:  newGuesses(),
		stop:     make(chan struct{}),

		trace:     newTracer(o.TraceHistory),
		suspects:  newSuspects(),
		strangers: newStrangers(),
	}
	s.records.New = func() any { return new(pendingRecord) }
	s.rejects = newRejector(rejectQueue, clock, s.deliver)
	s.Publish(NewSnapshot(nil, nil, nil))
	return s, nil
}

// attach makes a bound socket one of the Server's.
func (s *Server) attach(socket *socket) {
	places := s.options.ReplyCache / s.options.Sockets
	socket.cache = newReplyCache(places, places/largeShare)
	socket.late.hash = newHasher(s.options.ClassKey)
	socket.late.out = newSender(socket.raw, &s.metrics.listeners[socket.listener], socket.late.hash, s.panicked(socket))
	s.sockets = append(s.sockets, socket)

	log, fields := s.options.Log, []zap.Field{zap.Stringer("listener", socket.listener), zap.Stringer("address", socket.address), zap.Int("receive_buffer", socket.received)}
	if socket.received < s.options.ReceiveBuffer {
		log.Warn("listening for RADIUS, with a smaller receive buffer than asked for: bursts may be lost in the kernel",
			append(fields, zap.Int("asked", s.options.ReceiveBuffer),
				zap.String("hint", fmt.Sprintf("run: sysctl -w net.core.rmem_max=%d, or give the service CAP_NET_ADMIN", s.options.ReceiveBuffer)))...)
		return
	}
	log.Info("listening for RADIUS", fields...)
}

// Publish replaces the Snapshot, atomically: a packet is decided from one or the other.
func (s *Server) Publish(snapshot *Snapshot) {
	v := &view{Snapshot: snapshot, unsigned: make([]prometheus.Counter, len(snapshot.clients))}
	for i := range snapshot.clients {
		v.unsigned[i] = s.metrics.unsigned.WithLabelValues(snapshot.clients[i].Name)
	}
	s.forgetMakes(snapshot)
	v.suspected = s.suspects.counters(snapshot.clients)
	s.view.Store(v)
}

// Serve starts to answer, and returns at once.
func (s *Server) Serve() {
	for _, socket := range s.sockets {
		r := newReader(s, socket)
		s.workers.Go(r.run)
	}
	if s.radsec != nil {
		s.radsec.serve()
	}
	s.rejector.Go(func() { s.rejects.run(s.stop) })
}

// AuthAddrs are the addresses of the authentication sockets, with real ports.
func (s *Server) AuthAddrs() []netip.AddrPort { return s.addresses(authListener) }

// AcctAddrs are the addresses of the accounting sockets, with real ports.
func (s *Server) AcctAddrs() []netip.AddrPort { return s.addresses(acctListener) }

func (s *Server) addresses(l listener) []netip.AddrPort {
	var out []netip.AddrPort
	for i, socket := range s.sockets {
		// Sockets that share an address stand side by side.
		if socket.listener == l && (i == 0 || s.sockets[i-1].listener != l || s.sockets[i-1].address != socket.address) {
			out = append(out, socket.address)
		}
	}
	return out
}

// Close stops reading, waits until every record and claim that was taken has come
// back and been answered, sends the Access-Rejects that still wait (at once: they
// are decided), and closes the sockets. If ctx ends first, what has not come back
// gets no answer, and the error says so; its sender will try again. What waits unread
// in the kernel is lost likewise. Later calls return what the first did.
func (s *Server) Close(ctx context.Context) error {
	s.close.Do(func() {
		for _, socket := range s.sockets {
			socket.stop()
		}
		if s.radsec != nil {
			s.radsec.stop()
		}
		s.workers.Wait()
		if err := s.inflight.wait(ctx); err != nil {
			s.closeErr = fmt.Errorf("closing RADIUS with requests unanswered: %w", err)
		}
		close(s.stop)
		s.rejector.Wait()
		if s.radsec != nil {
			s.radsec.finish()
		}
		s.closeSockets()
	})
	return s.closeErr
}

func (s *Server) closeSockets() {
	for _, socket := range s.sockets {
		_ = socket.file.Close() // everything that could be sent has been
	}
}
