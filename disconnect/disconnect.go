// Package disconnect ends the sessions of guests who must not be on the network any
// more: a dynamic authorization client (RFC 5176).
//
// A Service looks by itself for open sessions that no longer may be (watch.go, by the
// rule in rule.go), and ends those that an operator names (end.go). How a make is asked
// stands in one table (recipes.go); the sender (sender.go) keeps to a pace, so that the
// end of a contract does not flood a controller. Nothing is ever promised: a session
// has ended when its Stop has come.
package disconnect

import (
	"context"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// Book is what a Service needs of the store.
type Book interface {
	// OpenSessions hands over the open sessions of a Location, by its id, until each
	// returns an error. A session is the receiver's own.
	OpenSessions(ctx context.Context, location int64, each func(*macwatch.Session) error) error
	// NoteEnd writes the audit entry of an operator who ends so many sessions.
	NoteEnd(ctx context.Context, ch licensing.Change, location string, which macwatch.SessionSelector, sessions int) error
}

// Options is what a Service needs. Zero fields get the defaults said here.
type Options struct {
	Book    Book
	Source  netip.Addr // address to send from; zero: what the system picks
	Rate    int        // packets a second to one NAS; default 20
	Total   int        // packets a second to all of them; default 200
	Log     *zap.Logger
	Metrics prometheus.Registerer
	Now     func() time.Time // default time.Now; the gateway's believed clock
}

// Defaults of the pace. A controller of middling size handles some ten requests a
// second besides its work (pfSense takes 70 s for 400).
const (
	DefaultRate  = 20
	DefaultTotal = 200
)

// Snapshot is what is decided from. It is never changed.
type Snapshot struct {
	Clients   []macwatch.Client
	Locations map[int64]*licensing.Location
	Venues    map[int64]*macwatch.Venue
}

// Service ends sessions until it is closed.
type Service struct {
	options  Options
	metrics  *metrics
	sender   *sender
	sockets  *sockets
	outcomes *outcomes
	snapshot atomic.Pointer[Snapshot]
	news     chan struct{} // there is another snapshot

	digested struct { // the watcher's: the clients of the snapshot that it has seen last
		of      *Snapshot
		clients uint64
	}

	stop   context.CancelFunc
	ctx    context.Context // ends with the Service
	work   sync.WaitGroup
	closed sync.Once
}

// New makes a Service and opens its sockets; nothing is sent before Serve. The error
// is a *licensing.Error.
func New(o Options) (*Service, error) {
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Rate <= 0 {
		o.Rate = DefaultRate
	}
	if o.Total <= 0 {
		o.Total = DefaultTotal
	}
	m, err := newMetrics(o.Metrics)
	if err != nil {
		return nil, err
	}
	sockets, err := openSockets(o.Source)
	if err != nil {
		return nil, err
	}
	s := &Service{options: o, metrics: m, sockets: sockets, outcomes: newOutcomes(), news: make(chan struct{}, 1)}
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.sender = newSender(sockets, o.Rate, o.Total, o.Now, m, o.Log)
	s.snapshot.Store(&Snapshot{})
	return s, nil
}

// Publish replaces what is decided from. It does not block.
func (s *Service) Publish(snapshot Snapshot) {
	s.snapshot.Store(&snapshot)
	select {
	case s.news <- struct{}{}:
	default:
	}
}

// Serve begins to send and to watch, and returns at once.
func (s *Service) Serve() {
	s.work.Go(func() { s.sender.run(s.ctx.Done()) })
	s.sockets.serve(&s.work, s.sender.receive)
	s.work.Go(s.watch)
}

// Close begins nothing new and gives up what is under way: whoever waits for a result
// gets it, and what must end is found again at the next start. It returns when every
// goroutine has ended.
func (s *Service) Close(context.Context) error {
	s.closed.Do(func() {
		s.stop()
		s.sockets.close()
		s.work.Wait()
		s.sender.giveUp()
	})
	return nil
}

// Outcome is what became of ending a session; nil when nobody has tried since the
// gateway was started.
func (s *Service) Outcome(session macwatch.Ident, leg int) *macwatch.Disconnect {
	return s.outcomes.of(key{session, leg})
}

// client is the configured client with an id.
func (v *Snapshot) client(id int64) *macwatch.Client {
	for i := range v.Clients {
		if v.Clients[i].ID == id {
			return &v.Clients[i]
		}
	}
	return nil
}
