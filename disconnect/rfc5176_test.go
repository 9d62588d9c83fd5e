package disconnect

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"encoding/binary"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"

	"tallygate/macwatch"
)

var generic = recipes[macwatch.VendorGeneric].steps

// RFC 5176 section 2.3: the Request Authenticator is made as in an Accounting-Request,
// under the right codes, and Identifier and Length are where they belong.
func TestRFC5176Section2_3RequestAuthenticator(t *testing.T) {
	for _, tt := range []struct {
		step step
		want radius.Code
	}{
		{step{needs: []field{userName}}, radius.CodeDisconnectRequest},
		{step{needs: []field{userName}, signed: true, stamp: always}, radius.CodeDisconnectRequest},
		{step{code: coaRequest, needs: []field{userName}, avPair: "subscriber:command=reauthenticate"}, radius.CodeCoARequest},
	} {
		b := tt.step.encode(session(), 201, 0, noon, []byte(testSecret))
		require.Equal(t, byte(tt.want), b[0])
		require.Equal(t, byte(201), b[1])
		require.Len(t, b, int(binary.BigEndian.Uint16(b[2:])))
		require.True(t, radius.IsAuthenticRequest(b, []byte(testSecret)), "the library accepts it")
		require.False(t, radius.IsAuthenticRequest(b, []byte("another")))
	}
}

// RFC 5176 section 3.4: Message-Authenticator is computed with zeros in the place of the
// Authenticator, before that. By a computation of its own.
func TestRFC5176Section3_4MessageAuthenticator(t *testing.T) {
	b := generic[0].encode(session(), 7, 0, noon, []byte(testSecret))
	require.Equal(t, byte(attrMessageAuthenticator), b[headerSize], "it comes first")
	got := bytes.Clone(b[headerSize+2 : headerSize+18])
	clear(b[4:headerSize])
	clear(b[headerSize+2 : headerSize+18])
	h := hmac.New(md5.New, []byte(testSecret))
	h.Write(b)
	require.Equal(t, h.Sum(nil), got)
}

// RFC 5176 section 3.3: Event-Timestamp tells when it was sent.
func TestRFC5176Section3_3EventTimestamp(t *testing.T) {
	stamps := func(s stamped) (out []bool) {
		for n := range tries {
			b := step{needs: []field{userName}, stamp: s}.encode(session(), 1, n, noon.Add(time.Duration(n)*time.Second), []byte(testSecret))
			p, err := radius.Parse(b, []byte(testSecret))
			require.NoError(t, err)
			value, ok := p.Lookup(attrEventTimestamp)
			out = append(out, ok)
			if ok {
				require.EqualValues(t, noon.Unix()+int64(n), binary.BigEndian.Uint32(value))
			}
		}
		return out
	}
	require.Equal(t, []bool{false, false, false, false}, stamps(never))
	require.Equal(t, []bool{true, true, true, true}, stamps(always))
	require.Equal(t, []bool{true, false, true, false}, stamps(alternately), "silence may mean that its clock is wrong")
}

// RFC 5176 section 3.5: what a NAS says no with.
func TestRFC5176Section3_5ErrorCause(t *testing.T) {
	for number, name := range map[cause]string{
		201: "Residual-Session-Context-Removed", 202: "Invalid-EAP-Packet", 401: "Unsupported-Attribute", 402: "Missing-Attribute",
		403: "NAS-Identification-Mismatch", 404: "Invalid-Request", 405: "Unsupported-Service", 406: "Unsupported-Extension",
		407: "Invalid-Attribute-Value", 501: "Administratively-Prohibited", 502: "Request-Not-Routable", 503: "Session-Context-Not-Found",
		504: "Session-Context-Not-Removable", 505: "Other-Proxy-Processing-Error", 506: "Resources-Unavailable", 507: "Request-Initiated",
		508: "Multiple-Session-Selection-Unsupported", 0: "none", 4711: "4711",
	} {
		require.Equal(t, name, number.String())
		require.NotEmpty(t, number.hint())
	}
}

// RFC 5176 sections 2.3 and 3.4: which answers are true.
func TestRFC5176Section2_3ResponseAuthenticator(t *testing.T) {
	request := generic[0].encode(session(), 9, 0, noon, []byte(testSecret))
	asked, err := radius.Parse(request, []byte(testSecret))
	require.NoError(t, err)
	read := func(b []byte) (answer, bool) {
		return readAnswer(b, disconnectRequest, request[4:headerSize], []byte(testSecret))
	}
	ok := reply(asked, radius.CodeDisconnectACK, 0)
	a, true_ := read(ok)
	require.True(t, true_)
	require.Equal(t, answer{acknowledged: true}, a)
	a, true_ = read(reply(asked, radius.CodeDisconnectNAK, causeNotFound))
	require.True(t, true_)
	require.Equal(t, answer{cause: causeNotFound}, a)
	_, true_ = read(append(bytes.Clone(ok), 0, 0, 0)) // RFC 2865 section 3: padding
	require.True(t, true_)

	changed := func(at int, to byte) []byte {
		b := bytes.Clone(ok)
		b[at] = to
		return b
	}
	nakked := reply(asked, radius.CodeDisconnectNAK, causeNotFound)
	for name, b := range map[string][]byte{
		"another secret":           reply(&radius.Packet{Code: asked.Code, Identifier: 9, Authenticator: asked.Authenticator, Secret: []byte("other")}, radius.CodeDisconnectACK, 0),
		"of another request":       reply(&radius.Packet{Code: asked.Code, Identifier: 9, Secret: []byte(testSecret)}, radius.CodeDisconnectACK, 0),
		"an ACK of CoA":            reply(asked, radius.CodeCoAACK, 0),
		"an Accounting-Response":   reply(asked, radius.CodeAccountingResponse, 0),
		"a NAK turned into an ACK": changedCopy(nakked, 0, byte(disconnectACK)),
		"its digest changed":       changed(5, ok[5]+1),
		"cut off":                  nakked[:len(nakked)-1],
		"too short":                ok[:19],
		"nothing":                  {},
		"a Length of 4":            changed(3, 4),
	} {
		_, accepted := read(b)
		require.False(t, accepted, name)
	}
	for name, spoil := range map[string]func(mac []byte){
		"a right Message-Authenticator": func([]byte) {},
		"a wrong one":                   func(mac []byte) { mac[3]++ },
	} {
		r := newRequest(disconnectACK, 9, true)
		binary.BigEndian.PutUint16(r.b[2:], uint16(len(r.b)))
		copy(r.b[4:], request[4:headerSize])
		h := hmac.New(md5.New, []byte(testSecret))
		h.Write(r.b)
		copy(r.b[r.signAt:], h.Sum(nil))
		spoil(r.b[r.signAt:])
		copy(r.b[4:headerSize], digest(r.b, request[4:headerSize], []byte(testSecret)))
		_, accepted := read(r.b)
		require.Equal(t, name == "a right Message-Authenticator", accepted, name)
	}
}

func changedCopy(b []byte, at int, to byte) []byte {
	b = bytes.Clone(b)
	b[at] = to
	return b
}

// Whatever arrives is refused or understood, and never more than once taken for true
// without the secret.
func FuzzReadAnswer(f *testing.F) {
	request := generic[0].encode(session(), 9, 0, noon, []byte(testSecret))
	asked, err := radius.Parse(request, []byte(testSecret))
	require.NoError(f, err)
	for _, seed := range [][]byte{
		nil, reply(asked, radius.CodeDisconnectACK, 0), reply(asked, radius.CodeDisconnectNAK, causeNotRemovable), request,
		append(reply(asked, radius.CodeDisconnectNAK, causeNotFound), 80, 18, 1), {42, 9, 0, 24, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 101, 1, 0, 0},
	} {
		f.Add(seed, true)
		f.Add(seed, false)
	}
	f.Fuzz(func(t *testing.T, b []byte, sign bool) {
		if sign && len(b) >= headerSize { // as somebody who knows the secret would, to get past the digest
			b = bytes.Clone(b)
			if n := int(binary.BigEndian.Uint16(b[2:])); n >= headerSize && n <= len(b) {
				copy(b[4:headerSize], digest(b[:n], request[4:headerSize], []byte(testSecret)))
			}
		}
		a, ok := readAnswer(b, disconnectRequest, request[4:headerSize], []byte(testSecret))
		if ok && a.acknowledged {
			require.Equal(t, byte(disconnectACK), b[0])
		}
		if !ok {
			return
		}
		_, err := radius.Parse(b[:binary.BigEndian.Uint16(b[2:])], []byte(testSecret))
		require.NoError(t, err, "what is accepted the library can read")
	})
}
