package radiusd

import (
	"encoding/binary"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// note traces what became of the packet in hand, whose identity has been read.
func (r *reader) note(became result, reason licensing.Reason) {
	t := r.server.trace
	want, keep := t.wants(became, reason, &r.pace, r.arrived)
	if !want {
		return
	}
	r.describe(&r.event)
	r.event.end(became, reason, r.server.clock.now())
	t.tell(&r.event, keep)
}

// describe fills in all but the end.
func (r *reader) describe(e *event) {
	e.from(&r.request, r.source, r.now)
	e.identify(&r.id, &r.packet)
	e.detail = r.remark
	if l := r.place; l != nil {
		e.under(l.standingAt(r.now))
		e.location = l.Code
	}
}

// noteDrop traces that the datagram in hand gets no answer.
func (r *reader) noteDrop(datagram []byte, reason licensing.Reason, detail error) {
	if reason == licensing.ReasonUnknownClient && r.socket.link == nil { // over RadSec the handshake tells of strangers
		r.meet(datagram)
	}
	t := r.server.trace
	want, keep := t.wants(resultDrop, reason, &r.pace, r.arrived)
	if !want {
		return
	}
	e := &r.event
	e.from(&r.request, r.source, r.now)
	switch reason {
	case licensing.ReasonUnknownClient, licensing.ReasonMalformed, licensing.ReasonInternalError: // there is nothing to go by
	default:
		r.id.read(&r.packet, r.source.Addr(), r.client.manner)
		e.identify(&r.id, &r.packet)
		if status := r.packet.value(attrAcctStatusType); len(status) == 4 {
			e.status = macwatch.Status(binary.BigEndian.Uint32(status))
		}
	}
	if detail != nil {
		e.detail = detail.Error()
	}
	e.end(resultDrop, reason, r.server.clock.now())
	t.tell(e, keep)
}

// noteRecord traces what became of an Accounting-Request. The pace and the event are
// those of the goroutine that calls.
func (t *tracer) noteRecord(a *pendingRecord, became result, reason licensing.Reason, pace *quota, e *event, now instant) {
	want, keep := t.wants(became, reason, pace, now)
	if !want {
		return
	}
	rec := &a.record
	e.from(&a.request, a.from.source(), rec.Arrival)
	e.record(a)
	if l := a.place; l != nil {
		e.under(l.standingAt(rec.Arrival))
		e.location = l.Code
	}
	switch {
	case rec.Err != nil:
		e.detail = rec.Err.Error()
	case rec.Ignored != "":
		e.detail = "kept as it came, and not counted: " + rec.Ignored
	}
	e.end(became, reason, now)
	t.tell(e, keep)
}

// noteClaim traces what became of an Access-Request that waited for its first claim.
func (s *Server) noteClaim(a *pendingAccess, became result, reason licensing.Reason) {
	now := s.clock.now()
	want, keep := s.trace.wants(became, reason, &a.socket.late.pace, now)
	if !want {
		return
	}
	if a.claim.Err != nil {
		a.event.detail = a.claim.Err.Error()
	}
	a.event.end(became, reason, now)
	s.trace.tell(&a.event, keep)
}
