// Package admin is the gateway's HTTP side. The API that changes things is served on a
// unix socket in the data directory, mode 0600: who may open it has every right.
// The TCP listener serves metrics and health to everybody, and the same API to who
// carries an access token, as far as its role and scope go (gate.go).
//
// Each noun's file declares the interface it needs, the bodies on the wire, the
// handlers, and the Client's methods; the paths are all in routes.go.
package admin

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"tallygate/licensing"
)

// Store is what the API stands on. Every method that takes a licensing.Change has
// taken effect when it returns; in a rehearsal it reports what it would have done.
type Store interface {
	Organizations
	Locations
	Clients
	Partners
	Licenses
	Releases
	Devices
	Slots
	Sessions
	Days
	Guests
	Labs
	Recipients
	Notices
	Audit
	Evidence
	Previews
	Identity
	Tokens
	Tickets
	Credentials
	Stays
	Privacy
}

// Options is what a Server needs.
type Options struct {
	Socket string // path of the unix socket
	Listen string // host:port of the TCP listener, port 0 for a free one; empty: none

	Store Store
	// Courier previews notices and sends tests.
	Courier Courier
	// Ender ends sessions.
	Ender Ender
	// Air is what the gateway hears from access points.
	Air Air
	// Ready returns nil once requests can be served, else why not; nil: always. It is
	// asked by every /readyz, so it must be quick.
	Ready   func() error
	Metrics prometheus.Gatherer // default: none
	// Registerer takes the metrics of package admin itself; nil: nobody.
	Registerer prometheus.Registerer
	// TLS serves the TCP listener over TLS; nil: plain HTTP.
	TLS *tls.Config
	// InsecureHTTP takes tokens over plain HTTP from other machines, too.
	InsecureHTTP bool
	Log          *zap.Logger
	Now          func() time.Time // default time.Now; the gateway's believed clock
}

// Time limits. A handler may work as long as its caller waits; only reading the
// request and writing the answer are bounded, so that an idle peer holds nothing.
const (
	readTimeout  = 30 * time.Second
	writeTimeout = 30 * time.Second
	idleTimeout  = 2 * time.Minute
)

// Server holds the two listeners.
type Server struct {
	socket *listener
	tcp    *listener // nil without Options.Listen
	log    *zap.Logger
	work   sync.WaitGroup
}

type listener struct {
	net.Listener
	http *http.Server
}

// Listen binds the socket and the TCP address; nothing is served before Serve.
func Listen(o Options) (*Server, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Ready == nil {
		o.Ready = func() error { return nil }
	}
	if o.Metrics == nil {
		o.Metrics = prometheus.Gatherers{}
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	s := &Server{log: o.Log}
	bound, err := listenSocket(o.Socket)
	if err != nil {
		return nil, err
	}
	s.socket = newListener(bound, mux(apiRoutes(o), o.Log), o.Log)
	if o.Listen == "" {
		return s, nil
	}
	gate, err := newGate(o)
	if err != nil {
		_ = s.socket.Close()
		return nil, fmt.Errorf("registering the metrics of the API: %w", err)
	}
	bound, err = new(net.ListenConfig).Listen(context.Background(), "tcp", o.Listen)
	if err != nil {
		_ = s.socket.Close()
		return nil, listenError(o.Listen, err)
	}
	if o.TLS != nil {
		bound = tls.NewListener(bound, o.TLS)
	}
	routes := append(publicRoutes(o), guardedRoutes(gate, apiRoutes(o))...)
	s.tcp = newListener(bound, mux(routes, o.Log), o.Log)
	return s, nil
}

func newListener(l net.Listener, h http.Handler, log *zap.Logger) *listener {
	// What net/http has to say is about broken peers, not about us. The error is for
	// levels that do not exist.
	errorLog, _ := zap.NewStdLogAt(log, zap.DebugLevel)
	return &listener{Listener: l, http: &http.Server{
		Handler:           h,
		ReadHeaderTimeout: readTimeout,
		ReadTimeout:       readTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          errorLog,
	}}
}

func listenError(address string, err error) error {
	e := &licensing.Error{Message: fmt.Sprintf("cannot listen on %s for the console and metrics: %v", address, errors.Unwrap(err)), Err: err}
	if errors.Is(err, syscall.EADDRINUSE) {
		return e.WithHint("another program has the port: find it with `ss -ltnp`, stop it, or change admin.listen in the configuration")
	}
	return e.WithHint("admin.listen must be an address of this machine and a port that this user may open")
}

// Serve starts answering and returns at once.
func (s *Server) Serve() {
	for _, l := range s.listeners() {
		s.work.Go(func() {
			if err := l.http.Serve(l.Listener); !errors.Is(err, http.ErrServerClosed) {
				s.log.Error("admin listener failed", zap.Stringer("address", l.Addr()), zap.Error(err))
			}
		})
	}
}

// Addr is the TCP address; empty without one.
func (s *Server) Addr() string {
	if s.tcp == nil {
		return ""
	}
	return s.tcp.Addr().String()
}

// Close stops accepting, lets requests in hand finish until ctx ends, then cuts them
// off. It returns when every goroutine has ended and the socket is gone.
func (s *Server) Close(ctx context.Context) error {
	var failed error
	for _, l := range s.listeners() {
		if err := l.http.Shutdown(ctx); err != nil {
			failed = errors.Join(failed, err, l.http.Close())
		}
		// Without Serve, Shutdown does not know the listener.
		if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) && !errors.Is(err, os.ErrNotExist) {
			failed = errors.Join(failed, err)
		}
	}
	s.work.Wait()
	return failed
}

func (s *Server) listeners() []*listener {
	if s.tcp == nil {
		return []*listener{s.socket}
	}
	return []*listener{s.tcp, s.socket}
}
