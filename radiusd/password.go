package radiusd

import (
	"bytes"
	"crypto/subtle"
)

// maxPassword is the longest User-Password (RFC 2865 section 5.2).
const maxPassword = 128

// pap reports whether a User-Password hides this password (RFC 2865 section 5.2).
// Only NULs at the end are padding: a password may hold one inside.
func (h *hasher) pap(hidden, authenticator []byte, s *secret, password string) bool {
	plain, ok := h.reveal(hidden, authenticator, s)
	return ok && len(plain) == len(password) && constantTimeEqual(plain, password)
}

// pad is what hides the first block of a User-Password: MD5 of the secret and the Request
// Authenticator (RFC 2865 section 5.2). The zero value is that of no request.
type pad struct {
	secret        *secret
	authenticator [authenticatorSize]byte
	sum           [authenticatorSize]byte
}

func (p *pad) fits(authenticator []byte, s *secret) bool {
	return p != nil && p.secret == s && string(p.authenticator[:]) == string(authenticator)
}

// reveal undoes the hiding of a User-Password. The result is overwritten by the
// next one. ok is false when the length cannot be right.
func (h *hasher) reveal(hidden, authenticator []byte, s *secret) (plain []byte, ok bool) {
	if len(hidden) == 0 || len(hidden) > maxPassword || len(hidden)%authenticatorSize != 0 {
		return nil, false
	}
	plain = h.plain[:len(hidden)]
	previous := authenticator
	for i := 0; i < len(hidden); i += authenticatorSize {
		if i == 0 && h.pad.fits(authenticator, s) {
			subtle.XORBytes(plain, hidden[:authenticatorSize], h.pad.sum[:])
			previous = hidden[:authenticatorSize]
			continue
		}
		h.md5.Reset()
		h.md5.Write(s.text)
		h.md5.Write(previous)
		previous = hidden[i : i+authenticatorSize]
		subtle.XORBytes(plain[i:], previous, h.digest())
	}
	return bytes.TrimRight(plain, "\x00"), true
}

// chap reports whether a CHAP-Password answers the challenge with this password
// (RFC 2865 section 2.2): one octet of identifier, then MD5 of identifier,
// password and challenge.
func (h *hasher) chap(response, challenge []byte, password string) bool {
	if len(response) != 1+authenticatorSize || len(password) > len(h.plain) {
		return false
	}
	h.md5.Reset()
	h.md5.Write(response[:1])
	h.md5.Write(h.plain[:copy(h.plain[:], password)])
	h.md5.Write(challenge)
	return subtle.ConstantTimeCompare(response[1:], h.digest()) == 1
}

// constantTimeEqual compares without a copy of the string. The lengths are equal.
func constantTimeEqual(a []byte, b string) bool {
	var differ byte
	for i := range a {
		differ |= a[i] ^ b[i]
	}
	return differ == 0
}
