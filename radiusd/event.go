package radiusd

import (
	"iter"
	"net/netip"
	"strings"
	"time"
	"unicode"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// result is macwatch.Result as a number.
type result uint8

const (
	resultAccept result = iota
	resultReject
	resultDrop
	resultRecord
	results
)

var resultNames = [results]macwatch.Result{macwatch.ResultAccept, macwatch.ResultReject, macwatch.ResultDrop, macwatch.ResultAccounting}

// refused reports whether somebody may ask why.
func (r result) refused() bool { return r == resultReject || r == resultDrop }

// clip is a text from a packet, cut to a fixed size, so that an event is filled in and
// copied without allocating.
type clip struct {
	n uint8
	b [63]byte
}

func (c *clip) set(text []byte) { c.n = uint8(copy(c.b[:], text)) }
func (c *clip) bytes() []byte   { return c.b[:c.n] }

// String is the text as it may be shown: anybody can put anything into a packet.
func (c *clip) String() string { return shown(c.bytes()) }

// shown replaces what is no printable character, such as the octets that steer a
// terminal, by "?".
func shown(text []byte) string {
	return strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsGraphic(r) {
			return '?'
		}
		return r
	}, string(text))
}

// event is one request and what became of it, of fixed size. Its strings belong to the
// Snapshot or to the program; what the packet says is copied.
type event struct {
	at       int64   // µs since 1970, by the believed clock
	since    int64   // of repeats: the first
	arrived  instant // for latency
	latency  instant
	sequence uint64
	count    int
	client   int64
	mac      macwatch.MAC
	source   netip.AddrPort
	status   macwatch.Status
	listener listener
	result   result
	reason   licensing.Reason
	licensed bool // license and state say something
	state    licensing.State

	name, location, license, room, detail string
	vendor                                macwatch.Vendor

	nas, ap, ssid, user, session clip
}

// from begins an event with what is known of every request.
func (e *event) from(q *request, source netip.AddrPort, at time.Time) {
	e.at, e.since, e.count = at.UnixMicro(), at.UnixMicro(), 1
	e.arrived, e.latency = q.arrived, 0
	e.listener, e.source = q.socket.listener, source
	e.client, e.name, e.location, e.vendor = 0, "", "", ""
	if c := q.client; c != nil {
		e.client, e.name, e.location = c.ID, c.Name, c.Location
		if c.Vendor != macwatch.VendorAuto {
			e.vendor = c.Vendor
		}
	}
	e.mac, e.status, e.reason, e.detail, e.room = 0, 0, licensing.ReasonNone, "", ""
	e.licensed, e.license = false, ""
	e.nas.n, e.ap.n, e.ssid.n, e.user.n, e.session.n = 0, 0, 0, 0, 0
}

// identify adds who and where.
func (e *event) identify(id *identity, p *packet) {
	e.mac, e.room = id.mac, id.room
	e.nas.set(id.nas)
	e.ap.set(id.ap)
	e.ssid.set(id.ssid)
	if v := id.profile.vendor; v != macwatch.VendorGeneric {
		e.vendor = v
	}
	e.user.set(id.shown(id.userName))
	e.session.set(id.shown(p.value(attrAcctSessionID)))
}

// record is identify for a record, whose packet has been read before.
func (e *event) record(a *pendingRecord) {
	rec := &a.record
	e.mac, e.status, e.room = rec.MAC, rec.Status, string(rec.Room)
	e.nas.set(rec.NAS)
	e.ap.set(rec.AP)
	e.ssid.set(rec.SSID)
	if v := rec.Origin.Vendor; v != macwatch.VendorGeneric {
		e.vendor = v
	}
	var scratch [maxValue]byte
	e.user.set(hide(scratch[:0], rec.UserName, a.address, a.pseudonym))
	e.session.set(hide(scratch[:0], rec.SessionID, a.address, a.pseudonym))
}

// under adds the license that governed.
func (e *event) under(s *licensing.Standing) {
	if s.License != nil {
		e.licensed, e.license, e.state = true, s.License.Number, s.State
	}
}

// end says what became of it.
func (e *event) end(became result, reason licensing.Reason, now instant) {
	e.result, e.reason, e.latency = became, reason, now-e.arrived
}

// statusNames are the Acct-Status-Types that have one (RFC 2866 section 5.1).
var statusNames = map[macwatch.Status]string{
	macwatch.StatusStart: "Start", macwatch.StatusStop: "Stop", macwatch.StatusInterim: "Interim-Update",
	macwatch.StatusOn: "Accounting-On", macwatch.StatusOff: "Accounting-Off",
}

// show makes of an event what people and programs get to see. v names the clients and
// APs as they are now.
func (e *event) show(v *view) macwatch.TraceEvent {
	out := macwatch.TraceEvent{
		At: time.UnixMicro(e.at).UTC(), Count: e.count, Result: resultNames[e.result],
		Reason: e.reason.String(), Text: e.reason.Text(), Detail: shown([]byte(e.detail)),
		Listener: e.listener.String(), Source: e.source.String(), Client: e.name, Vendor: e.vendor, Location: e.location,
		NAS: e.nas.String(), AP: e.ap.String(), SSID: e.ssid.String(), Room: e.room,
		UserName: e.user.String(), SessionID: e.session.String(),
		License: e.license, Latency: time.Duration(e.latency),
	}
	if e.count > 1 {
		out.Since = time.UnixMicro(e.since).UTC()
	}
	if e.mac != 0 {
		out.MAC = e.mac.String()
	}
	if e.licensed {
		out.State = e.state.String()
	}
	if e.result == resultRecord || e.status != 0 {
		out.Status = statusNames[e.status]
	}
	c := v.named(e.client)
	out.WhatToDo = whatToDo(e.reason, e.source.Addr(), c)
	if c == nil {
		return out
	}
	for l := range c.locations() {
		if slot, ok := l.venue.APs.Find(string(e.ap.bytes())); ok && l.Code == e.location {
			out.AP = slot.Name
		}
	}
	return out
}

// whatToDo is a hint, as exact as what is known allows.
func whatToDo(reason licensing.Reason, source netip.Addr, c *client) string {
	if c == nil && reason != licensing.ReasonUnknownClient {
		return reason.Hint()
	}
	if hint := dropHint(reason, source, c); hint != "" {
		return hint
	}
	return reason.Hint()
}

// locations are those that a client's packets may be about.
func (c *client) locations() iter.Seq[*location] {
	return func(yield func(*location) bool) {
		for i := range c.places {
			if !yield(c.places[i].location) {
				return
			}
		}
		if c.home != nil {
			yield(c.home)
		}
	}
}

// named finds a client by its number; nil when it is gone.
func (v *view) named(id int64) *client {
	for i := range v.clients {
		if v.clients[i].ID == id {
			return &v.clients[i]
		}
	}
	return nil
}
