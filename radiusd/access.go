package radiusd

import (
	"time"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// serveAccess handles an Access-Request, from the Snapshot alone, without lock or
// disk. Only a first claim of an AP or a room goes to the store.
func (r *reader) serveAccess() licensing.Reason {
	if reason := r.checkAccess(); reason != licensing.ReasonNone {
		return reason
	}
	if fresh, reason := r.admit(); !fresh {
		return reason
	}
	r.id.read(&r.packet, r.source.Addr(), r.client.manner)
	r.server.recognise(r.client, &r.id)
	l := r.client.locate(&r.id)
	if r.place = l; l == nil {
		return r.refuse(licensing.ReasonUnknownLocation)
	}
	r.id.enter(&r.packet, l)
	if r.view.foreign(l, r.id.userName) {
		return r.refuse(licensing.ReasonRealmMismatch)
	}

	verdict := licensing.Decide(r.facts(l), r.now)
	if !verdict.Allowed {
		return r.refuse(verdict.Reason)
	}
	admitted, reason := r.checkCredentials(l)
	if reason != licensing.ReasonNone {
		return r.refuse(reason)
	}
	r.remember()
	g := grant{location: l, mac: r.id.mac, until: earlier(verdict.Until, admitted.until), pass: admitted.pass, vendor: r.id.profile.vendor}
	if verdict.ClaimAP || verdict.ClaimRoom || admitted.claim {
		return r.claim(g, verdict, admitted.claim)
	}
	unanswered := r.server.accept(&r.request, &r.packet, g, r.out, r.hash, r.now)
	if unanswered == licensing.ReasonNone {
		r.note(resultAccept, licensing.ReasonNone)
	}
	return unanswered
}

// facts are what the license is asked about.
func (r *reader) facts(l *location) licensing.Facts {
	standing := l.standingAt(r.now)
	f := licensing.Facts{
		License:    standing.License,
		Standing:   standing,
		Unallotted: l.Unallotted,
		Module:     l.Settings.Modules[string(r.id.ssid)],
	}
	if lab, ok := l.LabAt(r.now); ok {
		f.Lab, f.LabUntil = true, lab.End
	}
	if r.id.mac != 0 {
		_, f.Blocked = l.venue.Blocked[r.id.mac]
	}
	var allotment licensing.Allotment
	if f.License != nil {
		allotment, _ = f.License.AllotmentAt(l.ID)
	}
	f.AP = r.apFacts(l, int(allotment.APs))
	f.Room = r.roomFacts(l, int(allotment.Rooms))
	return f
}

// roomFacts is where the room stands, if the Location looks at rooms at all.
func (r *reader) roomFacts(l *location, limit int) licensing.SlotFacts {
	rule := &l.room
	switch {
	case r.id.room == "" && rule.Required:
		return licensing.SlotUnknown
	case r.id.room == "":
		return licensing.SlotNotNeeded
	}
	at := l.venue.Rooms.Index(r.id.room)
	if !r.server.staged {
		l.venue.Rooms.Saw(at, r.now)
	}
	if rule.Declared && (at < 0 || !l.venue.Rooms.At(at).Declared) {
		return licensing.SlotUnknown
	}
	return slotFacts(l.venue.Rooms.StandAt(at, limit, r.now))
}

func slotFacts(s macwatch.Standing) licensing.SlotFacts {
	switch s {
	case macwatch.StandingHolds:
		return licensing.SlotHeld
	case macwatch.StandingFree:
		return licensing.SlotFree
	default: // StandingFull
		return licensing.SlotFull
	}
}

// refuse answers with an Access-Reject.
func (r *reader) refuse(reason licensing.Reason) licensing.Reason {
	r.server.log.rejected(reason, r.client, r.id.ap, r.id.mac)
	if r.place != nil && (reason == licensing.ReasonAPLimit || reason == licensing.ReasonAPUnknown || reason == licensing.ReasonRoomLimit) {
		r.server.options.Claims.Observe(r.place.ID, r.id.sight(&r.packet))
	}
	unanswered := r.server.reject(&r.request, &r.packet, reason, r.out, r.hash)
	if unanswered == licensing.ReasonNone {
		r.note(resultReject, reason)
	}
	return unanswered
}

// pendingAccess is an Access-Request that waits for its first claim.
type pendingAccess struct {
	request
	claim  macwatch.Claim
	packet packet // with octets of its own
	grant  grant
	event  event // for the trace
}

// claim asks the store for the slots that this request is the first to need; the
// answer waits for Claimed. This happens once per AP and room, so it may allocate.
func (r *reader) claim(g grant, v licensing.Verdict, usesPass bool) licensing.Reason {
	a := &pendingAccess{request: r.request, packet: r.packet, grant: g}
	a.packet.raw = append([]byte(nil), r.packet.raw...)
	a.claim = macwatch.Claim{Location: g.location.ID, Sight: r.id.sight(&r.packet), At: r.now, Done: r.server, Reply: a}
	if v.ClaimAP {
		a.claim.AP = string(r.id.ap)
	}
	if v.ClaimRoom {
		a.claim.Room = r.id.room
	}
	if usesPass {
		a.claim.Pass, a.claim.MAC = g.pass, r.id.mac
	}
	r.describe(&a.event)
	r.server.inflight.add(1)
	if !r.server.options.Claims.Claim(&a.claim) {
		r.server.inflight.done(1)
		return licensing.ReasonOverload
	}
	return licensing.ReasonNone
}

// Claimed answers an Access-Request whose claim has come back. It is called by the
// store, which it does not block.
func (s *Server) Claimed(c *macwatch.Claim) {
	a := c.Reply.(*pendingAccess)
	late := &a.socket.late
	late.mu.Lock()
	defer late.mu.Unlock()
	defer s.inflight.done(1)
	defer func() {
		if fault := recover(); fault != nil {
			s.log.panicked(a.socket.listener, fault)
			s.drop(&a.request, licensing.ReasonInternalError, nil)
			s.noteClaim(a, resultDrop, licensing.ReasonInternalError)
		}
	}()
	reason := s.claimed(a, late)
	if reason != licensing.ReasonNone && reason != licensing.ReasonConflicting {
		s.drop(&a.request, reason, c.Err)
		s.noteClaim(a, resultDrop, reason)
	}
	late.out.flush()
}

func (s *Server) claimed(a *pendingAccess, late *late) licensing.Reason {
	if a.claim.Err != nil {
		return licensing.ReasonStoreUnavailable // silence: another server may do better
	}
	refusal := refusalOf(a.claim.Result)
	if refusal == licensing.ReasonAPLimit {
		s.options.Claims.Observe(a.claim.Location, a.claim.Sight)
	}
	if refusal == licensing.ReasonNone {
		a.grant.until = earlier(a.grant.until, a.claim.PassEnd)
		unanswered := s.accept(&a.request, &a.packet, a.grant, late.out, late.hash, s.options.Now())
		if unanswered == licensing.ReasonNone {
			s.noteClaim(a, resultAccept, licensing.ReasonNone)
		}
		return unanswered
	}
	s.log.rejected(refusal, a.client, []byte(a.claim.Sight.Name), a.grant.mac)
	unanswered := s.reject(&a.request, &a.packet, refusal, late.out, late.hash)
	if unanswered == licensing.ReasonNone {
		s.noteClaim(a, resultReject, refusal)
	}
	return unanswered
}

// earlier is the earlier of two times, of which the zero one means never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
