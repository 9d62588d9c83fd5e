package load

import (
	"crypto/hmac"
	"crypto/md5"
	"hash"
)

// Offsets in a packet, and how long it may be (RFC 2865 section 3).
const (
	offLength        = 2
	offAuthenticator = 4
	offAttributes    = 20
	maxPacket        = 4096
)

// Packet codes (RFC 2865 section 3, RFC 2866 section 3).
const (
	codeAccessRequest      = 1
	codeAccessAccept       = 2
	codeAccessReject       = 3
	codeAccountingRequest  = 4
	codeAccountingResponse = 5
	codeAccessChallenge    = 11
)

// signer does the cryptography of one shared secret. It keeps the HMAC, whose keyed
// state costs as much as a short packet. Not for concurrent use.
type signer struct {
	secret []byte
	hmac   hash.Hash
	sum    [md5.Size]byte
}

func newSigner(secret string) *signer {
	return &signer{secret: []byte(secret), hmac: hmac.New(md5.New, []byte(secret))}
}

// seal is the hash over a packet and the secret that both the Request Authenticator of
// accounting and every Response Authenticator are. What is in the packet's authenticator
// field is part of it. The octets behind the packet are overwritten if there is room.
func (s *signer) seal(packet []byte) [md5.Size]byte {
	return md5.Sum(append(packet, s.secret...))
}

// sign is Message-Authenticator (RFC 3579 section 3.2) of a packet that holds zeros in
// its place. The result stays until the next call.
func (s *signer) sign(packet []byte) []byte {
	s.hmac.Reset()
	s.hmac.Write(packet)
	return s.hmac.Sum(s.sum[:0])
}

// hide appends a User-Password of up to 128 octets (RFC 2865 section 5.2).
func (s *signer) hide(dst, password, authenticator []byte) []byte {
	var block [128 + md5.Size]byte
	previous := authenticator
	for begin := 0; begin == 0 || begin < len(password); begin += md5.Size {
		pad := md5.Sum(append(append(block[:0], s.secret...), previous...))
		n := copy(block[:md5.Size], password[begin:])
		clear(block[n:md5.Size])
		for i := range pad {
			pad[i] ^= block[i]
		}
		dst = append(dst, pad[:]...)
		previous = dst[len(dst)-md5.Size:]
	}
	return dst
}

// Verdict is what is wrong with a reply; a real NAS drops it without a word.
type Verdict string

// The verdicts.
const (
	Good             Verdict = ""
	Malformed        Verdict = "malformed"
	WrongCode        Verdict = "code does not answer the request"
	BadAuthenticator Verdict = "bad Response Authenticator"
	BadSignature     Verdict = "bad Message-Authenticator"
)

// verify judges a reply to a request with this code and authenticator, and says whether
// it holds a Message-Authenticator. It writes to the reply.
func (s *signer) verify(reply []byte, code byte, authenticator *[md5.Size]byte) (verdict Verdict, signed bool) {
	reply, at, ok := walk(reply)
	if !ok {
		return Malformed, false
	}
	if !answers(reply[0], code) {
		return WrongCode, false
	}
	field := reply[offAuthenticator:offAttributes]
	claimed := [md5.Size]byte(field)
	copy(field, authenticator[:])
	if s.seal(reply) != claimed {
		copy(field, claimed[:]) // for the next one to judge
		return BadAuthenticator, false
	}
	if at == 0 {
		return Good, false
	}
	field = reply[at : at+md5.Size]
	claimed = [md5.Size]byte(field)
	clear(field)
	if [md5.Size]byte(s.sign(reply)) != claimed {
		return BadSignature, true
	}
	return Good, true
}

// answers reports whether a reply with this code can answer a request with that one.
func answers(reply, request byte) bool {
	switch reply {
	case codeAccessAccept, codeAccessReject, codeAccessChallenge:
		return request == codeAccessRequest
	case codeAccountingResponse:
		return request == codeAccountingRequest
	}
	return false
}

// walk checks the structure of a packet and cuts the padding off (RFC 2865 section 3). at
// is where the value of Message-Authenticator begins, 0 when there is none.
func walk(packet []byte) (cut []byte, at int, ok bool) {
	if len(packet) < offAttributes {
		return nil, 0, false
	}
	length := int(packet[offLength])<<8 | int(packet[offLength+1])
	if length < offAttributes || length > len(packet) {
		return nil, 0, false
	}
	packet = packet[:length]
	for i := offAttributes; i < length; {
		if length-i < 2 || packet[i+1] < 2 || int(packet[i+1]) > length-i {
			return nil, 0, false
		}
		if packet[i] == attrMessageAuthenticator {
			if at != 0 || packet[i+1] != 2+md5.Size {
				return nil, 0, false
			}
			at = i + 2
		}
		i += int(packet[i+1])
	}
	return packet, at, true
}
