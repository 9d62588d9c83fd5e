package radiusd

import (
	"cmp"
	"time"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// grant is what an Access-Accept is made from.
type grant struct {
	location *location
	mac      macwatch.MAC
	until    time.Time      // end of the contract, of lab mode or of the credential; zero: open
	pass     *macwatch.Pass // that was shown; nil: none
	vendor   macwatch.Vendor
}

// accept answers with an Access-Accept. It and reject return why there will be no
// answer, as respond does.
func (s *Server) accept(q *request, p *packet, g grant, out outlet, h *hasher, now time.Time) licensing.Reason {
	var b reply
	b.begin(out.buffer(), accessAccept, &p.datagram, true)
	g.write(&b, h, now)
	b.echo(&p.datagram)
	reason := s.respond(q, &p.datagram, &b, out, h, 0)
	if reason == licensing.ReasonNone {
		s.metrics.decided(licensing.ReasonNone)
		if g.location.Settings.Count == licensing.CountAccepted && g.mac != 0 {
			s.accepted.Add(acceptedDevice{g.location.ID, g.mac}, struct{}{})
		}
	}
	return reason
}

// write adds the attributes of the Location, and those that end the session in time.
func (g *grant) write(b *reply, h *hasher, now time.Time) {
	settings := &g.location.Settings.Reply
	if timeout := sessionTimeout(settings.SessionTimeout, g.until, now); timeout > 0 {
		b.number(attrSessionTimeout, timeout)
	}
	if settings.IdleTimeout > 0 {
		b.number(attrIdleTimeout, uint32(settings.IdleTimeout))
	}
	if settings.InterimInterval > 0 {
		b.number(attrAcctInterimInterval, uint32(settings.InterimInterval))
	}
	b.octets(attrClass, h.makeClass(g.location.ID, g.mac, now))
	if settings.VLAN > 0 {
		writeVLAN(b, settings.VLAN)
	}
	g.writeBandwidth(b)
	if settings.FilterID != "" {
		b.text(attrFilterID, settings.FilterID)
	}
}

// writeBandwidth adds what the pass says, else the Location.
func (g *grant) writeBandwidth(b *reply) {
	settings := &g.location.Settings.Reply
	up, down := settings.BandwidthUp, settings.BandwidthDown
	if g.pass != nil {
		up, down = cmp.Or(g.pass.Up, up), cmp.Or(g.pass.Down, down)
	}
	if up > 0 {
		b.vendorNumber(vendorWISPr, wisprBandwidthUp, uint32(up))
	}
	if down > 0 {
		b.vendorNumber(vendorWISPr, wisprBandwidthDn, uint32(down))
	}
	if (up > 0 || down > 0) && g.vendor == macwatch.VendorMikroTikHotspot {
		writeRateLimit(b, up, down)
	}
}

// sessionTimeout is the setting, but not beyond until. Whole seconds, rounded down
// so that no session outlives its contract, but never 0, which some NAS read as "no
// limit". 0: send none.
func sessionTimeout(setting int, until, now time.Time) uint32 {
	const longest = 1<<31 - 1 // some NAS take the number as signed
	timeout := int64(setting)
	if !until.IsZero() {
		left := max(int64(until.Sub(now)/time.Second), 1)
		if timeout == 0 || left < timeout {
			timeout = left
		}
	}
	return uint32(min(timeout, longest))
}

// writeVLAN assigns a VLAN (RFC 3580 section 3.31). Tags are 0, which for the text
// means none at all: a tag octet of 0 in front of it confuses NAS.
func writeVLAN(b *reply, vlan int) {
	const typeVLAN, mediumIEEE802 = 13, 6
	b.number(attrTunnelType, typeVLAN)
	b.number(attrTunnelMediumType, mediumIEEE802)
	var text [8]byte
	at := len(text)
	for ; vlan > 0 && at > 0; vlan /= 10 {
		at--
		text[at] = '0' + byte(vlan%10)
	}
	b.octets(attrTunnelPrivateGroupID, text[at:])
}

// reject answers with an Access-Reject, no earlier than the configured delay after
// the request. Its text is ours, never the guest's: what an attacker may choose
// helps him to a collision (BlastRADIUS).
func (s *Server) reject(q *request, p *packet, reason licensing.Reason, out outlet, h *hasher) licensing.Reason {
	var b reply
	b.begin(out.buffer(), accessReject, &p.datagram, true)
	if p.has(attrEAPMessage) {
		writeEAPFailure(&b, p.value(attrEAPMessage)) // and no text beside it: RFC 3579 section 2.6.5
	} else {
		b.text(attrReplyMessage, reason.Text())
	}
	b.echo(&p.datagram)
	unanswered := s.respond(q, &p.datagram, &b, out, h, q.arrived+instant(s.options.RejectDelay))
	if unanswered == licensing.ReasonNone {
		s.metrics.decided(reason)
	}
	return unanswered
}

// writeEAPFailure ends an EAP conversation (RFC 3579 section 2.6.3): Failure, with
// the Identifier of the response that it answers. An empty EAP-Message is EAP-Start
// (section 2.1), which has none.
func writeEAPFailure(b *reply, message []byte) {
	const eapFailure = 4
	var identifier byte
	if len(message) >= 2 {
		identifier = message[1]
	}
	b.octets(attrEAPMessage, []byte{eapFailure, identifier, 0, 4})
}
