package radiusd

import "tallygate/licensing"

// serveStatus answers a Status-Server (RFC 5997), which asks whether this port is
// being served. It must carry a Message-Authenticator (section 3), and never makes
// anything: not a session, not a place in the reply cache. While the store cannot
// be written the accounting port stays silent, so that the NAS turns elsewhere; so does
// a RadSec connection, which carries accounting too.
func (r *reader) serveStatus() licensing.Reason {
	p := &r.packet
	switch {
	case !p.has(attrMessageAuthenticator):
		return licensing.ReasonMissingMessageAuthenticator
	case !r.hash.signed(p, &r.client.secret):
		r.suspect(evidenceSigned)
		return licensing.ReasonBadAuthenticator
	}
	r.proved()
	kind := accessAccept
	if r.socket.listener != authListener && !r.server.options.Journal.Writable() {
		return licensing.ReasonStoreUnavailable
	}
	if r.socket.listener == acctListener {
		kind = accountingResponse
	}
	var b reply
	b.begin(r.out.buffer(), kind, &p.datagram, true)
	b.echo(&p.datagram)
	answer := b.sign(r.hash, &r.client.secret)
	if answer == nil {
		return licensing.ReasonMalformed
	}
	r.out.queue(&r.from, answer)
	return licensing.ReasonNone
}

// declineChange answers a CoA-Request or Disconnect-Request. They go to access points,
// but a port of RadSec takes every kind of packet, and what is not wanted there must be
// declined, not dropped (RFC 6614 section 2.5).
func (r *reader) declineChange() licensing.Reason {
	const unsupportedExtension = 406 // RFC 5176 section 3.5
	p := &r.packet
	if !r.hash.authentic(p, &r.client.secret) {
		return licensing.ReasonBadAuthenticator
	}
	var b reply
	b.begin(r.out.buffer(), p.code()+2, &p.datagram, p.has(attrMessageAuthenticator)) // ACK is the next code, NAK the one after
	b.number(attrErrorCause, unsupportedExtension)
	b.echo(&p.datagram)
	answer := b.sign(r.hash, &r.client.secret)
	if answer == nil {
		return licensing.ReasonMalformed
	}
	r.out.queue(&r.from, answer)
	return licensing.ReasonNone
}
