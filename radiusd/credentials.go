package radiusd

import (
	"cmp"
	"time"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// admission is what a guest's credentials are good for.
type admission struct {
	until time.Time      // zero: no end
	pass  *macwatch.Pass // the ticket or portal's credential that was shown; nil: none
	claim bool           // it is used for the first time, or by a device it does not know
}

// checkCredentials says whether the guest may log in as he does: ReasonNone, and what
// that is good for. The license has agreed already.
func (r *reader) checkCredentials(l *location) (a admission, reason licensing.Reason) {
	switch {
	case r.packet.has(attrEAPMessage):
		return a, licensing.ReasonEAPUnsupported
	case l.Settings.Guests != licensing.GuestsLocal:
		// The portal or controller knows the guest; a MAC login proves nothing anyway.
		return a, licensing.ReasonNone
	case r.id.macLogin:
		a.until, reason = r.checkMACInput(l)
		return a, reason
	}
	if a, reason, known := r.checkPass(l); known {
		return a, reason
	}
	a.until, reason = r.checkAccount(l)
	if reason == licensing.ReasonBadCredentials && len(l.venue.Stays) > 0 {
		a.until, reason = r.checkStay(l)
	}
	return a, reason
}

// checkMACInput is for devices that log in by their address. The password is the
// sender's habit (the address again, a constant, nothing) and tells nothing.
func (r *reader) checkMACInput(l *location) (time.Time, licensing.Reason) {
	input, ok := l.venue.Inputs[r.id.mac]
	if !ok {
		return time.Time{}, licensing.ReasonBadCredentials
	}
	return expiry(input.ExpiresAt, r.now)
}

// checkAccount is for guests with a user name and password, by PAP or CHAP.
func (r *reader) checkAccount(l *location) (time.Time, licensing.Reason) {
	var lower [maxValue]byte
	account, ok := l.venue.Accounts[string(lowerCase(lower[:0], r.id.userName))]
	if !ok || !r.passwordHolds(account.Password) {
		return time.Time{}, licensing.ReasonBadCredentials
	}
	expires, reason := expiry(account.ExpiresAt, r.now)
	limit := cmp.Or(account.Sessions, l.Settings.GuestSessions)
	if reason == licensing.ReasonNone && limit > 0 && !r.admitDevice(l, account.UserName, limit) {
		reason = licensing.ReasonTooManyDevices
	}
	return expires, reason
}

// admitDevice reports whether one more device of an account may come online, and if so
// takes its place. Lab mode knows no limits.
func (r *reader) admitDevice(l *location, user string, limit int) bool {
	devices := r.server.options.Devices
	_, lab := l.LabAt(r.now)
	return devices == nil || lab || devices.Admit(l.ID, user, r.id.mac, limit, r.now)
}

// passwordHolds checks the password in whichever way it came.
func (r *reader) passwordHolds(password string) bool {
	p := &r.packet
	switch {
	case p.has(attrUserPassword):
		return r.hash.pap(p.value(attrUserPassword), p.authenticator(), &r.client.secret, password)
	case p.has(attrCHAPPassword):
		challenge := p.authenticator() // RFC 2865 section 2.2: unless there is a CHAP-Challenge
		if p.has(attrCHAPChallenge) {
			challenge = p.value(attrCHAPChallenge)
		}
		return r.hash.chap(p.value(attrCHAPPassword), challenge, password)
	case p.microsoftCHAP():
		r.server.log.unsupported("MS-CHAP", r.client)
		r.remark = "the guest logs in by MS-CHAP, which is not offered: set the portal or controller to PAP or CHAP"
	}
	return false
}

// microsoftCHAP reports whether the guest answers in MS-CHAP (RFC 2548), which needs
// DES and MD4 and is not offered.
func (p *packet) microsoftCHAP() bool {
	for value := range p.attributes().each(attrVendorSpecific) {
		for a := range vendorAttributes(value) {
			if a.vendor == vendorMicrosoft && (a.kind == msCHAPResponse || a.kind == msCHAP2Response) {
				return true
			}
		}
	}
	return false
}

func expiry(at, now time.Time) (time.Time, licensing.Reason) {
	if !at.IsZero() && !now.Before(at) {
		return at, licensing.ReasonCredentialExpired
	}
	return at, licensing.ReasonNone
}

// lowerCase appends the ASCII lower case of a user name. Other letters compare as
// they are, as in the store: their case depends on the language.
func lowerCase(dst, name []byte) []byte {
	for _, c := range name {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}
