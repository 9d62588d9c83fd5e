package radiusd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
)

// RadSecOptions is RADIUS over TLS (RFC 6614).
type RadSecOptions struct {
	Listen []string // addresses as host:port; none: no RadSec
	Files  RadSecFiles
	// Connections that may stand at a time, half of them by one client; default 1024.
	Connections int

	patience, idle time.Duration // tests have less
}

const (
	defaultConnections = 1024
	// maxHandshakes may be in progress, and half of them from one address. A handshake
	// costs the processor a millisecond, and a stranger nothing.
	maxHandshakes = 512

	radsecPatience = 10 * time.Second // for a handshake, the rest of a packet, a write
	// radsecIdle is when a silent connection ends. Status-Server comes every 10 to 120
	// seconds where it is used; where it is not, TCP's own keep-alive finds dead peers
	// much sooner, and reconnecting costs a guest his time.
	radsecIdle = 30 * time.Minute
	lingering  = time.Second
	lingerOn   = 64 << 10
)

// radsec accepts RadSec connections and owns them.
type radsec struct {
	server       *Server
	log          *journalist
	count        *radsecMetrics
	expires      prometheus.Gauge
	listeners    []net.Listener
	certificates atomic.Pointer[certificates]
	connections  int
	patience     time.Duration
	idle         time.Duration
	handshakes   chan struct{} // a place for each

	mu      sync.Mutex
	open    map[net.Conn]*link // nil: in its handshake
	shaking map[netip.Addr]int // handshakes by source
	clients map[int64]int      // connections by client
	closing bool
	stopped chan struct{}
}

func listenRadSec(s *Server, o RadSecOptions) (*radsec, error) {
	r := &radsec{
		server: s, log: s.log, count: &s.metrics.radsec,
		connections: o.Connections, patience: cmp.Or(o.patience, radsecPatience), idle: cmp.Or(o.idle, radsecIdle),
		handshakes: make(chan struct{}, maxHandshakes),
		open:       make(map[net.Conn]*link), shaking: make(map[netip.Addr]int), clients: make(map[int64]int),
		stopped: make(chan struct{}),
	}
	if r.connections <= 0 {
		r.connections = defaultConnections
	}
	r.expires = prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "tallygate", Name: "radsec_certificate_expires_timestamp_seconds", Help: "When the gateway's RadSec certificate expires."})
	if err := r.load(o.Files); err != nil {
		return nil, err
	}
	if s.options.Metrics != nil {
		if err := s.options.Metrics.Register(r.expires); err != nil {
			return nil, fmt.Errorf("registering the RadSec metrics: %w", err)
		}
	}
	for _, address := range o.Listen {
		l, err := openStream(address)
		if err != nil {
			r.closeListeners()
			return nil, err
		}
		r.listeners = append(r.listeners, l)
		s.options.Log.Info("listening for RADIUS", zap.Stringer("listener", radsecListener), zap.Stringer("address", l.Addr()), zap.Time("certificate_expires", r.certificates.Load().expires))
	}
	return r, nil
}

func openStream(address string) (net.Listener, error) {
	network, err := networkOf(address)
	if err != nil {
		return nil, listenError(radsecListener, address, err)
	}
	l, err := new(net.ListenConfig).Listen(context.Background(), strings.Replace(network, "udp", "tcp", 1), address)
	if err != nil {
		return nil, listenError(radsecListener, address, err)
	}
	return l, nil
}

// load reads the files, for handshakes from now on.
func (r *radsec) load(files RadSecFiles) error {
	c, err := loadCertificates(files, time.Now())
	if err != nil {
		return err
	}
	for _, w := range c.warnings {
		r.server.options.Log.Warn("RadSec: " + w)
	}
	r.certificates.Store(c)
	r.expires.Set(float64(c.expires.Unix()))
	return nil
}

// ReloadRadSec reads certificates, CAs and revocation lists anew: connections made from
// now on go by them. Those that stand live on, but for clients that are revoked. With an
// error nothing changes. Without RadSec it does nothing.
func (s *Server) ReloadRadSec(files RadSecFiles) error {
	r := s.radsec
	if r == nil {
		return nil
	}
	if err := r.load(files); err != nil {
		return err
	}
	c := r.certificates.Load()
	for _, l := range r.links() {
		if c.refuses(l.peer.chains) {
			r.log.linkEnded(l, failedRevoked, zap.WarnLevel)
			l.end()
		}
	}
	return nil
}

// RadSecAddrs are the addresses of the RadSec listeners, with real ports.
func (s *Server) RadSecAddrs() []netip.AddrPort {
	if s.radsec == nil {
		return nil
	}
	var out []netip.AddrPort
	for _, l := range s.radsec.listeners {
		out = append(out, l.Addr().(*net.TCPAddr).AddrPort())
	}
	return out
}

func (r *radsec) serve() {
	for _, l := range r.listeners {
		r.server.workers.Go(func() { r.accept(l) })
	}
}

// accept takes connections while there is a place for their handshake; the others wait
// in the kernel.
func (r *radsec) accept(l net.Listener) {
	for {
		select {
		case r.handshakes <- struct{}{}:
		case <-r.stopped:
			return
		}
		conn, err := l.Accept()
		if err != nil {
			<-r.handshakes
			if errors.Is(err, net.ErrClosed) {
				return
			}
			r.log.radsecRefused(netip.AddrPort{}, failedLimit, err, "")
			r.rest() // out of descriptors, most likely
			continue
		}
		source := conn.RemoteAddr().(*net.TCPAddr).AddrPort()
		source = netip.AddrPortFrom(source.Addr().Unmap().WithZone(""), source.Port())
		if !r.enter(conn, source.Addr()) {
			<-r.handshakes
			_ = conn.Close() // nothing has been said
			r.refuse(source, failedLimit, nil, "raise radius.radsec.connections if these are all yours")
			continue
		}
		r.server.workers.Go(func() { r.connect(conn, source) })
	}
}

func (r *radsec) rest() {
	t := time.NewTimer(100 * time.Millisecond)
	defer t.Stop()
	select {
	case <-t.C:
	case <-r.stopped:
	}
}

// enter makes a connection one of ours, if there is room.
func (r *radsec) enter(conn net.Conn, source netip.Addr) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closing || len(r.open) >= r.connections || r.shaking[source] >= maxHandshakes/2 {
		return false
	}
	r.open[conn] = nil
	r.shaking[source]++
	return true
}

// settle ends a handshake: the connection is this link's, or, without one, gone.
func (r *radsec) settle(conn net.Conn, source netip.Addr, l *link) bool {
	<-r.handshakes
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.shaking[source]--; r.shaking[source] == 0 {
		delete(r.shaking, source)
	}
	if l == nil || r.clients[l.id] >= max(r.connections/2, 1) {
		delete(r.open, conn)
		return false
	}
	r.clients[l.id]++
	r.open[conn] = l
	r.count.connections.Inc()
	return true
}

// leave forgets a link.
func (r *radsec) leave(l *link) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.open, l.conn.NetConn())
	if r.clients[l.id]--; r.clients[l.id] == 0 {
		delete(r.clients, l.id)
	}
	r.count.connections.Dec()
}

func (r *radsec) links() []*link {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []*link
	for _, l := range r.open {
		if l != nil {
			out = append(out, l)
		}
	}
	return out
}

// deadline gives a read so much time, but none once the Server closes.
func (r *radsec) deadline(conn net.Conn, within time.Duration) error {
	if err := conn.SetReadDeadline(time.Now().Add(within)); err != nil {
		return err
	}
	// After, not before: stop may have set its deadline in between.
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closing {
		return net.ErrClosed
	}
	return nil
}

// stop ends accepting and reading; links stay open for answers.
func (r *radsec) stop() {
	r.closeListeners()
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closing {
		close(r.stopped)
	}
	r.closing = true
	for conn := range r.open {
		_ = conn.SetReadDeadline(time.Unix(1, 0))
	}
}

// finish writes what waits, and ends every link.
func (r *radsec) finish() {
	left := r.links()
	for _, l := range left {
		l.finish()
	}
	for _, l := range left {
		<-l.written
	}
}

func (r *radsec) closeListeners() {
	for _, l := range r.listeners {
		_ = l.Close() // nothing has been taken from it
	}
}

// refuse counts and tells of a connection that was not made.
func (r *radsec) refuse(source netip.AddrPort, why string, err error, hint string) {
	r.count.failed[why].Inc()
	r.log.radsecRefused(source, why, err, hint)
}
