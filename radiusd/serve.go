package radiusd

import (
	"errors"
	"net"
	"net/netip"
	"time"

	"go.uber.org/zap"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// request is what must be kept of a packet to answer it, now or later.
type request struct {
	socket  *socket
	from    route
	client  *client
	ticket  ticket // in the socket's reply cache
	arrived instant
}

// reader is the one goroutine that reads a socket. What it needs for a packet it
// owns and uses again for the next.
type reader struct {
	server *Server
	count  *listenerMetrics
	in     *receiver
	out    outlet // answers that are ready when their request has been read
	hash   *hasher
	proofs *proofs // nil: each packet is asked itself

	// of the batch in hand
	view    *view
	now     time.Time          // believed
	records []*macwatch.Record // for the Journal
	dropped uint32             // by the kernel, as last heard

	// of the packet in hand
	request
	source netip.AddrPort // unmapped, without zone
	packet packet
	proof  *proof // nil: none
	id     identity
	found  joined    // what an earlier packet has said
	place  *location // that an Access-Request is about; nil: not known
	remark string    // for the trace, beside the Reason

	// of the trace
	event           event
	pace, passwords quota
}

func newReader(s *Server, socket *socket) *reader {
	r := newReaderOf(s, socket)
	r.in = newReceiver(socket.raw, &socket.stopped)
	r.out = newSender(socket.raw, r.count, r.hash, s.panicked(socket))
	r.proofs = &proofs{}
	return r
}

// newReaderOf makes a reader without the way in and the way out.
func newReaderOf(s *Server, socket *socket) *reader {
	return &reader{
		server:  s,
		count:   &s.metrics.listeners[socket.listener],
		hash:    newHasher(s.options.ClassKey),
		records: make([]*macwatch.Record, 0, batchSize),
		request: request{socket: socket},
	}
}

// run reads until the socket is stopped.
func (r *reader) run() {
	for {
		n, err := r.in.receive()
		if err != nil {
			if !errors.Is(err, net.ErrClosed) {
				r.server.options.Log.Error("reading RADIUS failed; the socket is given up", zap.Stringer("listener", r.socket.listener), zap.Error(err))
			}
			return
		}
		r.begin()
		r.proofs.work(r, n)
		for i := range n {
			r.proof = &r.proofs.of[i]
			r.hash.pad = &r.proof.pad
			if dropped, ok := r.in.route(i, &r.from); ok {
				r.count.kernelDropped(dropped - r.dropped) // wraps around, as the kernel's counter does
				r.dropped = dropped
			}
			r.serve(r.in.datagram(i))
		}
		r.submit()
		r.out.flush()
	}
}

// panicked logs what broke on the way of a socket's packets.
func (s *Server) panicked(socket *socket) func(fault any) {
	return func(fault any) { s.log.panicked(socket.listener, fault) }
}

// begin fixes what one batch is decided from: one Snapshot, one time.
func (r *reader) begin() {
	r.view = r.server.view.Load()
	r.now = r.server.options.Now()
	r.arrived = r.server.clock.now()
}

// serve handles one datagram that came by r.from. A panic costs its sender the
// answer, and nobody else anything. It returns what handle does.
func (r *reader) serve(datagram []byte, truncated bool) (reason licensing.Reason) {
	r.client, r.ticket, r.remark, r.place = nil, ticket{}, "", nil
	defer func() {
		if fault := recover(); fault != nil {
			r.server.log.panicked(r.socket.listener, fault)
			r.count.drop(licensing.ReasonInternalError)
			r.socket.cache.forget(r.ticket)
			reason = licensing.ReasonInternalError
			r.noteDrop(datagram, licensing.ReasonInternalError, nil)
		}
	}()
	r.count.request(datagram)
	reason, detail := r.handle(datagram, truncated)
	if reason != licensing.ReasonNone {
		r.server.drop(&r.request, reason, detail)
		r.noteDrop(datagram, reason, detail)
	}
	return reason
}

// handle returns why the datagram gets no answer; ReasonNone when it gets one, now
// or later.
func (r *reader) handle(datagram []byte, truncated bool) (licensing.Reason, error) {
	r.source = r.from.source()
	if link := r.socket.link; link != nil {
		r.client = link.client(r.view)
	} else {
		r.client = r.view.client(r.source.Addr())
	}
	if r.client == nil {
		return licensing.ReasonUnknownClient, nil
	}
	if truncated {
		return licensing.ReasonMalformed, defectTruncated
	}
	if err := r.packet.parse(datagram); err != nil {
		return licensing.ReasonMalformed, err
	}
	switch kind := r.packet.code(); {
	case kind == statusServer:
		return r.serveStatus(), nil
	case kind == accessRequest && r.socket.listener != acctListener:
		return r.serveAccess(), nil
	case kind == accountingRequest && r.socket.listener != authListener:
		return r.serveAccounting(), nil
	case r.socket.listener == radsecListener && (kind == coaRequest || kind == disconnectRequest):
		return r.declineChange(), nil
	}
	return licensing.ReasonWrongCode, nil
}

// signed reports whether the Message-Authenticator of the packet in hand is right; authentic,
// whether its Request Authenticator is. What was proved before, was so under the same secret:
// a batch goes by one Snapshot.
func (r *reader) signed() bool {
	if r.proof.known() {
		return r.proof.right
	}
	return r.hash.signed(&r.packet, &r.client.secret)
}

func (r *reader) authentic() bool {
	if r.proof.known() {
		return r.proof.right
	}
	return r.hash.authentic(&r.packet, &r.client.secret)
}

// admit asks the reply cache whether the packet is new. It is called once the
// packet is authentic, as far as its kind and the client's policy can show.
func (r *reader) admit() (fresh bool, reason licensing.Reason) {
	kind := r.packet.code()
	key := r.from.key(r.source, r.packet.identifier())
	if r.socket.link != nil {
		key.asked[0] = byte(kind) // some peers count the Identifiers of each kind by themselves
	}
	result, t, repeat := r.socket.cache.admit(key, kind, r.packet.authenticator(), r.arrived, r.out.buffer())
	switch result {
	case arrivalFresh:
	case arrivalRepeated:
		r.out.queue(&r.from, repeat)
		return false, licensing.ReasonNone
	case arrivalInProgress:
		return false, licensing.ReasonDuplicateInProgress
	case arrivalRefused:
		return false, licensing.ReasonOverload
	case arrivalReplaced:
		// Of two accounting records both count, and both are answered.
		if kind == accessRequest {
			r.count.drop(licensing.ReasonConflicting)
		}
	}
	r.ticket = t
	return true, licensing.ReasonNone
}

// drop counts a request that gets no answer, and frees its place in the reply
// cache, so that a repeat is tried anew.
func (s *Server) drop(q *request, reason licensing.Reason, detail error) {
	q.socket.cache.forget(q.ticket)
	s.metrics.listeners[q.socket.listener].drop(reason)
	s.log.dropped(q.socket.listener, reason, q.from.source(), q.client, detail)
}

// respond signs an answer, keeps it for repeats, and sends it: through out, or when
// it is due. ReasonConflicting means that a newer request has displaced this one,
// which was counted then; any other Reason, that there will be no answer.
func (s *Server) respond(q *request, p *datagram, b *reply, out outlet, h *hasher, due instant) licensing.Reason {
	now := s.clock.now()
	if out, ok := out.(*sender); ok && due <= now && out.sign(q, b, now) {
		return licensing.ReasonNone
	}
	answer := b.sign(h, &q.client.secret)
	if answer == nil {
		return licensing.ReasonMalformed
	}
	kept, stale := q.socket.cache.answer(q.ticket, answer, due, now)
	switch {
	case stale && p.code() != accountingRequest:
		return licensing.ReasonConflicting
	case !stale && !kept:
		return licensing.ReasonOverload
	case due <= now:
		out.queue(&q.from, answer)
	case !s.rejects.push(lateReject{q.socket, q.from, q.ticket, due}):
		return licensing.ReasonOverload
	}
	return licensing.ReasonNone
}

// deliver sends Access-Rejects that are due. Those displaced meanwhile are gone
// from the cache.
func (s *Server) deliver(due []lateReject) {
	for len(due) > 0 {
		socket := due[0].socket
		late := &socket.late
		late.mu.Lock()
		for len(due) > 0 && due[0].socket == socket {
			if answer := socket.cache.fetch(due[0].ticket, late.out.buffer()); answer != nil {
				late.out.queue(&due[0].to, answer)
			}
			due = due[1:]
		}
		late.out.flush()
		late.mu.Unlock()
	}
}
