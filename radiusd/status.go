package radiusd

import "tallygate/licensing"

// serveStatus answers a Status-Server (RFC 5997), which asks whether this port is
// being served. It must carry a Message-Authenticator (section 3), and never makes
// anything: not a session, not a place in the reply cache. While the store cannot
// be written the accounting port stays silent, so that the NAS turns elsewhere.
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
	if r.socket.listener == acctListener {
		if !r.server.options.Journal.Writable() {
			return licensing.ReasonStoreUnavailable
		}
		kind = accountingResponse
	}
	var b reply
	b.begin(r.out.buffer(), kind, p, true)
	b.echo(p)
	answer := b.sign(r.hash, &r.client.secret, p)
	if answer == nil {
		return licensing.ReasonMalformed
	}
	r.out.queue(&r.from, answer)
	return licensing.ReasonNone
}
