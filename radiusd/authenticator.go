package radiusd

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"crypto/subtle"
	"encoding"
	"hash"

	"tallygate/radiusd/lanes"
)

// secret is a shared secret, with the states of HMAC-MD5 (RFC 2104) after its two
// key blocks, so that no packet pays for hashing them again. It is immutable:
// every goroutine loads the states into its own hasher.
type secret struct {
	text         []byte
	inner, outer []byte
	key          lanes.Key // the same states, for many packets at a time
}

func newSecret(text string) secret {
	key := []byte(text)
	if len(key) > md5.BlockSize {
		sum := md5.Sum(key)
		key = sum[:]
	}
	state := func(pad byte) []byte {
		var block [md5.BlockSize]byte
		copy(block[:], key)
		for i := range block {
			block[i] ^= pad
		}
		h := md5.New()
		h.Write(block[:])
		// MD5 of the standard library marshals, by its documentation, without error.
		b, _ := h.(encoding.BinaryMarshaler).MarshalBinary()
		return b
	}
	return secret{text: []byte(text), inner: state(0x36), outer: state(0x5c), key: lanes.NewKey([]byte(text))}
}

// hasher is all hashing that one goroutine does, with its scratch space, so that
// no packet allocates. It is not for concurrent use.
type hasher struct {
	md5   hash.Hash
	state encoding.BinaryUnmarshaler // md5 again, to load a secret's states
	class hash.Hash                  // HMAC-SHA256 under the Class key
	sum   [sha256.Size]byte
	plain [maxPassword]byte
	token [classSizeVeiled]byte
	zero  [authenticatorSize]byte
	pad   *pad // worked out already; nil: none
}

func newHasher(classKey []byte) *hasher {
	h := md5.New()
	return &hasher{md5: h, state: h.(encoding.BinaryUnmarshaler), class: hmac.New(sha256.New, classKey)}
}

// digest finishes MD5. The result is overwritten by the next one.
func (h *hasher) digest() []byte { return h.md5.Sum(h.sum[:0]) }

// accounting computes the Request Authenticator of an Accounting-Request (RFC 2866
// section 3): MD5 of the packet with sixteen zero octets for it, and the secret.
func (h *hasher) accounting(raw []byte, s *secret) []byte {
	return h.response(raw, h.zero[:], s)
}

// response computes the Response Authenticator (RFC 2865 section 3).
func (h *hasher) response(raw, requestAuthenticator []byte, s *secret) []byte {
	h.md5.Reset()
	h.md5.Write(raw[:4])
	h.md5.Write(requestAuthenticator)
	h.md5.Write(raw[headerSize:])
	h.md5.Write(s.text)
	return h.digest()
}

// message computes the Message-Authenticator (RFC 3579 section 3.2): HMAC-MD5 of
// the packet with this authenticator in its header and zeros for the value at
// offset at.
func (h *hasher) message(raw, authenticator []byte, at int, s *secret) []byte {
	// Loading a state that MD5 itself marshalled cannot fail.
	_ = h.state.UnmarshalBinary(s.inner)
	h.md5.Write(raw[:4])
	h.md5.Write(authenticator)
	h.md5.Write(raw[headerSize:at])
	h.md5.Write(h.zero[:])
	h.md5.Write(raw[at+authenticatorSize:])
	inner := h.digest()
	_ = h.state.UnmarshalBinary(s.outer)
	h.md5.Write(inner)
	return h.digest()
}

// sign fills in an answer's Message-Authenticator, if it carries one, and then its Response
// Authenticator (RFC 3579 section 3.2). Its header holds the request's Authenticator.
func (h *hasher) sign(answer []byte, at int, s *secret) {
	if at != 0 {
		copy(answer[at:], h.message(answer, answer[4:headerSize], at, s))
	}
	copy(answer[4:headerSize], h.response(answer, answer[4:headerSize], s))
}

// signed reports whether a packet's Message-Authenticator is right; the packet
// must hold one. In an Accounting-Request it is computed over a zero Authenticator
// (RFC 5176 section 3.4 says so for CoA- and Disconnect-Request; RADIUS servers and
// proxies do the same here), in every other request over the Authenticator as it stands.
func (h *hasher) signed(p *packet, s *secret) bool {
	authenticator := p.authenticator()
	switch p.code() {
	case accountingRequest, coaRequest, disconnectRequest:
		authenticator = h.zero[:]
	default:
	}
	at := int(p.first[attrMessageAuthenticator])
	want := h.message(p.raw, authenticator, at, s)
	return subtle.ConstantTimeCompare(p.value(attrMessageAuthenticator), want) == 1
}

// authentic reports whether the Request Authenticator of an Accounting-Request (or
// CoA- or Disconnect-Request, RFC 5176 section 2.3), and its Message-Authenticator where it has one, prove the secret.
func (h *hasher) authentic(p *packet, s *secret) bool {
	if subtle.ConstantTimeCompare(p.authenticator(), h.accounting(p.raw, s)) != 1 {
		return false
	}
	return !p.has(attrMessageAuthenticator) || h.signed(p, s)
}
