package radiusd

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// explain goes again through what the packet in hand was decided by, one step after the
// other, and says of each how it stands: also of those behind the one that refused, so
// that all obstacles show at once.
func (r *reader) explain(reason string, rec *macwatch.Record) []macwatch.TrialStep {
	var out steps
	c := r.client
	out.add("client", true, "%s sends from %s, which is one of its addresses (%s), for Location %s", c.Name, r.source.Addr(), c.Prefix, c.Location)
	refused, _ := licensing.ReasonOf(reason)
	switch refused {
	case licensing.ReasonMissingMessageAuthenticator, licensing.ReasonBadAuthenticator, licensing.ReasonProxyStateUnsigned, licensing.ReasonMalformed:
		out.add("packet", false, "%s", strings.TrimSuffix(refused.Text(), "."))
		return out
	default:
	}
	signed := "signed with the client's shared secret"
	if r.packet.code() == accessRequest && !r.packet.has(attrMessageAuthenticator) {
		signed = "without Message-Authenticator, which this client may leave out"
	}
	out.add("packet", true, "well-formed, %s", signed)
	l := r.place
	if r.packet.code() == accountingRequest {
		r.id.read(&r.packet, r.source.Addr(), c.manner)
		if l = r.complete(&r.packet, &r.id); l != nil {
			r.id.enter(&r.packet, l)
		}
	}
	out.add("guest", true, "%s", r.sees())
	if l == nil {
		out.add("Location", false, "%s is not known", c.Location)
		return out
	}
	if l.Code != c.Location {
		out.add("Location", true, "%s, by the client's rules", l.Code)
	}
	if refused == licensing.ReasonRealmMismatch {
		out.add("realm", false, "%s", strings.TrimSuffix(refused.Text(), "."))
	}
	f := r.facts(l)
	out.license(f, r.now)
	if rec != nil {
		out.record(r, l, f, rec)
		return out
	}
	out.add("device", !f.Blocked, "%s", either(f.Blocked, "on the list of blocked devices", "not blocked"))
	if f.Lab && licensing.Decide(f, r.now).Lab {
		out.add("lab mode", true, "runs until %s: module, access point and room are not looked at", moment(f.LabUntil))
	} else {
		out.limits(r, l, f)
	}
	out.credentials(r, l)
	return out
}

type steps []macwatch.TrialStep

func (s *steps) add(name string, ok bool, format string, args ...any) {
	*s = append(*s, macwatch.TrialStep{Name: name, OK: ok, Text: fmt.Sprintf(format, args...)})
}

func either(first bool, a, b string) string {
	if first {
		return a
	}
	return b
}

func moment(t time.Time) string {
	if t.IsZero() {
		return "further notice"
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}

// sees is what the packet says of guest and place.
func (r *reader) sees() string {
	id := &r.id
	var parts []string
	if id.mac != 0 {
		parts = append(parts, fmt.Sprintf("device %s (%s%s)", id.mac, id.source, either(id.mac.Private(), ", a private address", "")))
	} else {
		parts = append(parts, "no device")
	}
	if len(id.userName) > 0 && !id.macLogin {
		parts = append(parts, "user "+shown(id.userName))
	}
	parts = append(parts, "AP "+shown(id.ap))
	if len(id.ssid) > 0 {
		parts = append(parts, "SSID "+shown(id.ssid))
	}
	if id.room != "" {
		parts = append(parts, "room "+id.room)
	}
	return strings.Join(parts, ", ") + fmt.Sprintf("; read as %s", id.profile.vendor)
}

// license is whether the license serves at all.
func (s *steps) license(f licensing.Facts, now time.Time) {
	alone := licensing.Facts{License: f.License, Standing: f.Standing, Unallotted: f.Unallotted, Room: licensing.SlotNotNeeded}
	v := licensing.Decide(alone, now)
	text := strings.TrimSuffix(v.Reason.Text(), ".")
	if f.License != nil {
		text = fmt.Sprintf("%s is %s", f.License.Number, v.State)
		if !v.Until.IsZero() {
			text += ", until " + moment(v.Until)
		}
	}
	s.add("license", v.Allowed, "%s", text)
}

// limits are module, access point and room.
func (s *steps) limits(r *reader, l *location, f licensing.Facts) {
	if f.License == nil {
		return // without one there are no modules and no slots
	}
	if f.Module != "" {
		has := slices.Contains(f.License.Terms.Modules, f.Module)
		s.add("module", has, "SSID %s needs the module %s, which the license %s", shown(r.id.ssid), f.Module, either(has, "has", "lacks"))
	}
	allotment, _ := f.License.AllotmentAt(l.ID)
	s.slot("access point", shown(r.id.ap), f.AP, l.venue.APs.Used(r.now), allotment.APs)
	s.slot("room", r.id.room, f.Room, l.venue.Rooms.Used(r.now), allotment.Rooms)
}

func (s *steps) slot(what, name string, f licensing.SlotFacts, used int, limit licensing.Limit) {
	taken := fmt.Sprintf("%d of %s are taken", used, limit)
	if limit == licensing.Unlimited {
		taken = fmt.Sprintf("%d are taken, their number is not limited", used)
	}
	switch f {
	case licensing.SlotHeld:
		s.add(what, true, "%s holds a slot; %s", name, taken)
	case licensing.SlotFree:
		s.add(what, true, "%s would take a slot with a real login; %s", name, taken)
	case licensing.SlotFull:
		s.add(what, false, "%s holds no slot, and none is free; %s", name, taken)
	case licensing.SlotUnknown:
		s.add(what, false, "%s", either(name == "", "the packet names none, and this Location demands one", name+" is not declared, and this Location takes declared ones only"))
	case licensing.SlotNotNeeded:
		s.add(what, true, "none is named, and none is needed")
	}
}

// credentials is whether the guest may log in as he does.
func (s *steps) credentials(r *reader, l *location) {
	admitted, reason := r.checkCredentials(l)
	local := l.Settings.Guests == licensing.GuestsLocal
	switch {
	case reason != licensing.ReasonNone:
		text := strings.TrimSuffix(reason.Text(), ".")
		if r.remark != "" {
			text += "; " + r.remark
		}
		s.add("credentials", false, "%s", text)
	case !local:
		s.add("credentials", true, "not looked at: this Location is open, its portal or controller knows the guest")
	case admitted.until.IsZero():
		s.add("credentials", true, "they hold, without an end")
	default:
		s.add("credentials", true, "they hold until %s", moment(admitted.until))
	}
}

// record is what would be made of an accounting record.
func (s *steps) record(r *reader, l *location, f licensing.Facts, rec *macwatch.Record) {
	if rec.Ignored != "" {
		s.add("record", true, "would be kept as it came, and not counted: %s", rec.Ignored)
		return
	}
	s.add("record", true, "a %s that would be stored", rec.Status)
	if rec.MAC == 0 {
		s.add("count", true, "would not count: it names no device")
		return
	}
	_, exempt := l.venue.Exempt[rec.MAC]
	allotment := licensing.Allotment{}
	if f.License != nil {
		allotment, _ = f.License.AllotmentAt(l.ID)
	}
	ap := l.venue.APs.Stand(string(rec.AP), int(allotment.APs), r.now)
	reason := f.License.Counts(licensing.CountFacts{
		Private: rec.MAC.Private(), Exempt: exempt, Lab: f.Lab, SlotOK: ap != macwatch.StandingFull, Accepted: rec.Accepted,
		Event: rec.Moment(rec.Event()), Arrival: rec.Arrival,
	}, l.Settings.Count, allotment.At)
	if reason == licensing.ReasonNone {
		s.add("count", true, "its device would count")
		return
	}
	s.add("count", true, "its device would not count (%s): %s", reason, strings.TrimSuffix(reason.Text(), "."))
}
