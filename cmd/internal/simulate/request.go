package simulate

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"errors"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"
	"layeh.com/radius/rfc2869"
)

// Request is an Access-Request or Accounting-Request before it has an Identifier,
// an authenticator and a signature, which every transmission may renew.
type Request struct {
	Code       radius.Code
	Attributes radius.Attributes
	Password   *string // PAP: hidden under each transmission's authenticator; nil: none
	Unsigned   bool    // no Message-Authenticator in an Access-Request
	// Delays: a retransmission carries Acct-Delay-Time and is therefore a new packet,
	// with a new Identifier (RFC 2866 sections 4.1 and 5.2). Otherwise the same octets
	// are sent again, as RFC 5080 section 2.2.1 demands for Access-Requests.
	Delays bool
}

// Text adds a text attribute; one that is too long for the wire is cut.
func (r *Request) Text(t radius.Type, s string) {
	r.Attributes.Add(t, radius.Attribute(s[:min(len(s), 253)]))
}

// Integer adds a 32-bit attribute.
func (r *Request) Integer(t radius.Type, n uint32) {
	r.Attributes.Add(t, radius.NewInteger(n))
}

// chap adds CHAP-Challenge and CHAP-Password (RFC 2865 sections 2.2 and 5.3).
func (r *Request) chap(password string) {
	challenge := make([]byte, 17)
	_, _ = rand.Read(challenge) // never fails
	id, challenge := challenge[0], challenge[1:]
	sum := md5.Sum(append(append([]byte{id}, password...), challenge...))
	r.Attributes.Add(rfc2865.CHAPChallenge_Type, challenge)
	r.Attributes.Add(rfc2865.CHAPPassword_Type, append([]byte{id}, sum[:]...))
}

// encode makes the datagram. delay is the age of the record in whole seconds.
func (r *Request) encode(id byte, secret []byte, delay uint32) ([]byte, error) {
	p := &radius.Packet{Code: r.Code, Identifier: id, Secret: secret}
	if r.Code == radius.CodeAccessRequest {
		if _, err := rand.Read(p.Authenticator[:]); err != nil {
			return nil, err
		}
	}
	signed := r.Code == radius.CodeAccessRequest && !r.Unsigned
	if signed {
		// First of all attributes: an attacker who finds an MD5 prefix collision
		// cannot place anything before it (CVE-2024-3596).
		p.Add(rfc2869.MessageAuthenticator_Type, make([]byte, md5.Size))
	}
	p.Attributes = append(p.Attributes, r.Attributes...)
	if r.Password != nil {
		hidden, err := radius.NewUserPassword([]byte(*r.Password), secret, p.Authenticator[:])
		if err != nil {
			return nil, err
		}
		p.Add(rfc2865.UserPassword_Type, hidden)
	}
	if r.Delays {
		p.Add(rfc2866.AcctDelayTime_Type, radius.NewInteger(delay))
	}
	if signed {
		wire, err := p.MarshalBinary()
		if err != nil {
			return nil, err
		}
		p.Attributes[0].Attribute = messageAuthenticator(wire, secret)
	}
	return p.Encode()
}

func messageAuthenticator(wire, secret []byte) []byte {
	h := hmac.New(md5.New, secret)
	h.Write(wire)
	return h.Sum(nil)
}

// What can be wrong with a reply. A real NAS drops each of these without a word.
var (
	errReplyMalformed     = errors.New("malformed")
	errReplyAuthenticator = errors.New("bad Response Authenticator")
	errReplyCode          = errors.New("code does not answer the request")
	errReplyUnsigned      = errors.New("no Message-Authenticator")
	errReplySignedLate    = errors.New("Message-Authenticator is not the first attribute")
	errReplySignature     = errors.New("bad Message-Authenticator")
)

// verify checks that reply is a good answer to request (both as on the wire).
func verify(reply, request, secret []byte) (*radius.Packet, error) {
	p, err := radius.Parse(reply, secret)
	if err != nil || p.Identifier != request[1] {
		return nil, errReplyMalformed
	}
	// Octets past Length are padding (RFC 2865 section 3) and in no hash.
	reply = reply[:int(reply[2])<<8|int(reply[3])]
	if !radius.IsAuthenticResponse(reply, request, secret) {
		return nil, errReplyAuthenticator
	}
	access := radius.Code(request[0]) == radius.CodeAccessRequest
	switch p.Code {
	case radius.CodeAccessAccept, radius.CodeAccessReject, radius.CodeAccessChallenge:
		if !access {
			return nil, errReplyCode
		}
	case radius.CodeAccountingResponse:
		if access {
			return nil, errReplyCode
		}
	default:
		return nil, errReplyCode
	}
	return p, verifySigned(p, reply, request, secret, access)
}

// verifySigned checks the Message-Authenticator of a reply: needed, and first, in
// every reply to an Access-Request; in an Accounting-Response only when it is there.
func verifySigned(p *radius.Packet, reply, request, secret []byte, access bool) error {
	offset, at := 20, -1
	for i, a := range p.Attributes {
		if a.Type == rfc2869.MessageAuthenticator_Type {
			at = i
			break
		}
		offset += 2 + len(a.Attribute)
	}
	switch {
	case at < 0 && access:
		return errReplyUnsigned
	case at < 0:
		return nil
	case at > 0 && access:
		return errReplySignedLate
	case len(p.Attributes[at].Attribute) != md5.Size:
		return errReplySignature
	}
	plain := append([]byte(nil), reply...)
	copy(plain[4:20], request[4:20])
	clear(plain[offset+2 : offset+2+md5.Size])
	if !hmac.Equal(messageAuthenticator(plain, secret), p.Attributes[at].Attribute) {
		return errReplySignature
	}
	return nil
}
