package radiusd

import (
	"bytes"
	"crypto/md5"
	"crypto/rand"
	"crypto/subtle"
	"encoding/binary"
	hexadecimal "encoding/hex"
	"slices"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// TrialPacket makes the request of a trial, as a client with this secret sends it.
func TrialPacket(t macwatch.Trial, secret string) ([]byte, error) {
	kind := accessRequest
	if t.Accounting {
		kind = accountingRequest
	}
	b := trialBuilder{packet: []byte{byte(kind), 0, 0, 0}, given: t.Attributes}
	header := make([]byte, authenticatorSize+1)
	_, _ = rand.Read(header) // never fails
	b.packet[1] = header[authenticatorSize]
	b.packet = append(b.packet, header[:authenticatorSize]...)
	if t.Accounting {
		clear(b.packet[4:headerSize])
	}
	if !t.Unsigned && !t.Accounting {
		b.add(attrMessageAuthenticator, make([]byte, authenticatorSize))
	}
	s := newSecret(secret)
	h := newHasher(nil)
	b.who(t)
	switch {
	case t.Accounting:
		b.number(attrAcctStatusType, uint32(macwatch.StatusStart))
		b.add(attrAcctSessionID, []byte("trial-"+hexadecimal.EncodeToString(header[:4])))
	case t.CHAP:
		b.chap(trialPassword(t), header[:authenticatorSize])
	default:
		if err := b.hide(h, trialPassword(t), header[:authenticatorSize], &s); err != nil {
			return nil, err
		}
	}
	b.where(t)
	for _, a := range t.Attributes {
		b.append(a.Type, a.Value)
	}
	if b.overflow || len(b.packet) > maxPacket {
		return nil, licensing.Errorf(licensing.CodeInvalid, "the request does not fit: an attribute holds at most %d octets, a packet %d", maxValue, maxPacket)
	}
	binary.BigEndian.PutUint16(b.packet[2:], uint16(len(b.packet)))
	var p packet
	if err := p.parse(b.packet); err != nil {
		return nil, licensing.Errorf(licensing.CodeInvalid, "these attributes make no request: %w", err)
	}
	if t.Accounting {
		copy(b.packet[4:], h.accounting(b.packet, &s))
	} else if at := int(p.first[attrMessageAuthenticator]); at > 0 {
		copy(b.packet[at:], h.message(b.packet, p.authenticator(), at, &s))
	}
	return b.packet, nil
}

// trialBuilder writes a request. What the caller has given by hand stands in the place of
// what it would write itself.
type trialBuilder struct {
	packet   []byte
	given    []macwatch.TrialAttribute
	overflow bool
}

func (b *trialBuilder) add(kind uint8, value []byte) {
	if !slices.ContainsFunc(b.given, func(a macwatch.TrialAttribute) bool { return a.Type == kind }) {
		b.append(kind, value)
	}
}

func (b *trialBuilder) append(kind uint8, value []byte) {
	b.overflow = b.overflow || len(value) > maxValue
	value = value[:min(len(value), maxValue)]
	b.packet = append(append(b.packet, kind, byte(2+len(value))), value...)
}

func (b *trialBuilder) number(kind uint8, n uint32) {
	b.add(kind, binary.BigEndian.AppendUint32(nil, n))
}

// who names the guest as most equipment does: the address with hyphens in
// Calling-Station-Id, bare as the name of a MAC login.
func (b *trialBuilder) who(t macwatch.Trial) {
	if name := t.UserName; name != "" {
		b.add(attrUserName, []byte(name))
	} else if t.MAC != 0 {
		b.add(attrUserName, bare(t.MAC))
	}
	if t.MAC != 0 {
		b.add(attrCallingStationID, bytes.ToUpper(bytes.ReplaceAll([]byte(t.MAC.String()), []byte(":"), []byte("-"))))
	}
}

// trialPassword is the password of a trial: a MAC login repeats the address, as most
// equipment does.
func trialPassword(t macwatch.Trial) string {
	if t.Password == "" && t.UserName == "" && t.MAC != 0 {
		return string(bare(t.MAC))
	}
	return t.Password
}

func bare(m macwatch.MAC) []byte { return bytes.ReplaceAll([]byte(m.String()), []byte(":"), nil) }

// where names the AP and the network in Called-Station-Id, and the port.
func (b *trialBuilder) where(t macwatch.Trial) {
	called, isName := []byte(t.AP), false
	if m, ok := macwatch.ParseMAC(t.AP); ok {
		called = bytes.ToUpper(bytes.ReplaceAll([]byte(m.String()), []byte(":"), []byte("-")))
	} else {
		isName = t.AP != ""
	}
	if isName {
		b.add(attrNASIdentifier, called)
	}
	if t.SSID != "" {
		called = append(append(called, ':'), t.SSID...)
	}
	if len(called) > 0 && (!isName || t.SSID != "") {
		b.add(attrCalledStationID, called)
	}
	if t.Room != "" {
		b.add(attrNASPortID, []byte(t.Room))
	}
	const wireless = 19 // NAS-Port-Type Wireless-802.11 (RFC 2865 section 5.41)
	b.number(attrNASPortType, wireless)
}

// chap answers a challenge (RFC 2865 section 2.2); identifier 1.
func (b *trialBuilder) chap(password string, challenge []byte) {
	sum := md5.Sum(append(append([]byte{1}, password...), challenge...))
	b.add(attrCHAPChallenge, challenge)
	b.add(attrCHAPPassword, append([]byte{1}, sum[:]...))
}

// hide is User-Password (RFC 2865 section 5.2).
func (b *trialBuilder) hide(h *hasher, password string, authenticator []byte, s *secret) error {
	if len(password) > maxPassword {
		return licensing.Errorf(licensing.CodeInvalid, "a password holds at most %d octets", maxPassword)
	}
	hidden := make([]byte, max((len(password)+authenticatorSize-1)/authenticatorSize, 1)*authenticatorSize)
	copy(hidden, password)
	previous := authenticator
	for i := 0; i < len(hidden); i += authenticatorSize {
		h.md5.Reset()
		h.md5.Write(s.text)
		h.md5.Write(previous)
		previous = hidden[i : i+authenticatorSize]
		subtle.XORBytes(previous, previous, h.digest())
	}
	b.add(attrUserPassword, hidden)
	return nil
}

// CheckAnswer looks at the answer to a request as a careful client does.
func CheckAnswer(request, answer []byte, secret string) (*macwatch.TrialAnswer, error) {
	var q, p packet
	if err := q.parse(request); err != nil {
		return nil, err
	}
	if err := p.parse(answer); err != nil {
		return nil, licensing.Errorf(licensing.CodeInvalid, "the answer is no RADIUS packet: %w", err)
	}
	if p.identifier() != q.identifier() {
		return nil, licensing.Errorf(licensing.CodeInvalid, "the answer is to another request")
	}
	h, s := newHasher(nil), newSecret(secret)
	out := &macwatch.TrialAnswer{
		Code: codeName(p.code()), Octets: len(p.raw), MessageAuthenticator: "missing", Attributes: []macwatch.TrialAnswerDetail{},
		Authentic: subtle.ConstantTimeCompare(p.authenticator(), h.response(p.raw, q.authenticator(), &s)) == 1,
	}
	if at := int(p.first[attrMessageAuthenticator]); at > 0 {
		out.First, out.MessageAuthenticator = at == headerSize+2, "wrong"
		if subtle.ConstantTimeCompare(p.value(attrMessageAuthenticator), h.message(p.raw, q.authenticator(), at, &s)) == 1 {
			out.MessageAuthenticator = "valid"
		}
	}
	for kind, value, rest, ok := p.attributes().next(); ok; kind, value, rest, ok = rest.next() {
		if kind != attrMessageAuthenticator {
			out.Attributes = append(out.Attributes, answerDetails(kind, value)...)
		}
	}
	return out, nil
}
