package radiusd

import (
	"strconv"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// checkPass is for guests with a ticket or a portal's credential; known is false when
// there is none of this name here. Passes have names that nobody chooses, so that none
// stands in the way of an account.
func (r *reader) checkPass(l *location) (a admission, reason licensing.Reason, known bool) {
	if r.server.options.Passes == nil || r.server.options.Passes.None() {
		return a, reason, false
	}
	var key [maxValue]byte
	p := r.server.options.Passes.Find(l.ID, macwatch.PassKey(key[:0], r.id.userName))
	if p == nil {
		return a, reason, false
	}
	if !r.passHolds(p) {
		return a, licensing.ReasonBadCredentials, true
	}
	switch p.State(r.now) {
	case macwatch.PassRevoked:
		return a, licensing.ReasonCredentialRevoked, true
	case macwatch.PassExpired:
		return a, licensing.ReasonCredentialExpired, true
	default: // PassUnused, PassInUse
	}
	a = admission{until: p.Until(r.now), pass: p, claim: p.FirstUse.IsZero() || !p.Owns(r.id.mac)}
	if p.Full() && !p.Owns(r.id.mac) {
		return a, licensing.ReasonCredentialTaken, true
	}
	return a, licensing.ReasonNone, true
}

// passHolds checks the password that came with a pass. A ticket's is its code, typed in
// any way, or nothing: whoever knows the name knows the code.
func (r *reader) passHolds(p *macwatch.Pass) bool {
	if p.Kind != macwatch.PassTicket {
		return r.passwordHolds(p.Password)
	}
	if r.packet.has(attrCHAPPassword) {
		for _, spelling := range macwatch.CodeSpellings(p.UserName, r.id.userName) {
			if r.passwordHolds(spelling) {
				return true
			}
		}
		return false
	}
	hidden := r.packet.value(attrUserPassword)
	if len(hidden) == 0 {
		return !r.packet.microsoftCHAP() // some NAS leave an empty password out
	}
	plain, ok := r.hash.reveal(hidden, r.packet.authenticator(), &r.client.secret)
	var key [maxPassword]byte
	return ok && (len(plain) == 0 || string(macwatch.PassKey(key[:0], plain)) == p.Key)
}

// refusalOf is why a claim that the store has not granted is refused.
func refusalOf(result macwatch.ClaimResult) licensing.Reason {
	switch result {
	case macwatch.ClaimAPFull:
		return licensing.ReasonAPLimit
	case macwatch.ClaimRoomFull:
		return licensing.ReasonRoomLimit
	case macwatch.ClaimPassFull:
		return licensing.ReasonCredentialTaken
	case macwatch.ClaimPassOver:
		return licensing.ReasonCredentialExpired
	default: // ClaimGranted
		return licensing.ReasonNone
	}
}

// writeRateLimit tells a MikroTik the bandwidth of a guest in its own attribute, which
// its hotspot prefers to WISPr's: from the router's side, "received/sent" in bit/s.
func writeRateLimit(b *reply, up, down int) {
	var text [48]byte
	v := strconv.AppendInt(text[:0], int64(up), 10)
	v = strconv.AppendInt(append(v, '/'), int64(down), 10)
	b.vendorOctets(vendorMikroTik, mikroTikRateLimit, v)
}
