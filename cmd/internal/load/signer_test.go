package load

import (
	"bytes"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2869"
)

// reply makes an answer with somebody else's code; signed puts Message-Authenticator first.
func reply(t *testing.T, request []byte, code radius.Code, signed bool) []byte {
	t.Helper()
	p, err := radius.Parse(request, []byte(testSecret))
	require.NoError(t, err)
	p = p.Response(code)
	if signed {
		p.Add(rfc2869.MessageAuthenticator_Type, make([]byte, 16))
	}
	if code == radius.CodeAccessAccept {
		require.NoError(t, rfc2865.ReplyMessage_AddString(p, "Welcome"))
	}
	if signed {
		plain, err := p.MarshalBinary()
		require.NoError(t, err)
		copy(plain[4:20], request[4:20])
		p.Attributes[0].Attribute = signature(plain)
	}
	wire, err := p.Encode()
	require.NoError(t, err)
	return wire
}

// RFC 2865 section 3, RFC 3579 section 3.2: what a client must not take for an answer.
func TestVerify(t *testing.T) {
	access := testEncoder(t, AuthPAP).encode(nil, 0, 7)
	acct := testEncoder(t, Acct).encode(nil, 0, 7)
	resealed := func(wire, request []byte) []byte { // a right Response Authenticator over what was changed
		copy(wire[4:20], request[4:20])
		sum := newSigner(testSecret).seal(wire)
		copy(wire[4:20], sum[:])
		return wire
	}
	for _, c := range []struct {
		name    string
		request []byte
		reply   []byte
		verdict Verdict
		signed  bool
	}{
		{"Access-Accept, signed", access, reply(t, access, radius.CodeAccessAccept, true), Good, true},
		{"Access-Reject, signed", access, reply(t, access, radius.CodeAccessReject, true), Good, true},
		{"Access-Accept, not signed", access, reply(t, access, radius.CodeAccessAccept, false), Good, false},
		{"Accounting-Response", acct, reply(t, acct, radius.CodeAccountingResponse, false), Good, false},
		{"Accounting-Response, signed", acct, reply(t, acct, radius.CodeAccountingResponse, true), Good, true},
		{"padding", acct, append(reply(t, acct, radius.CodeAccountingResponse, false), 1, 2, 3), Good, false},
		{"Accounting-Response to Access-Request", access, reply(t, access, radius.CodeAccountingResponse, true), WrongCode, false},
		{"Access-Accept to Accounting-Request", acct, reply(t, acct, radius.CodeAccessAccept, true), WrongCode, false},
		{"a request", acct, acct, WrongCode, false},
		{"one octet changed", access, flipped(reply(t, access, radius.CodeAccessAccept, true), 40), BadAuthenticator, false},
		{"answer to another request", access, reply(t, testEncoder(t, AuthPAP).encode(nil, 1, 7), radius.CodeAccessAccept, true), BadAuthenticator, false},
		{"wrong signature", access, resealed(flipped(reply(t, access, radius.CodeAccessAccept, true), 25), access), BadSignature, true},
		{"too short", access, []byte{2, 7, 0}, Malformed, false},
		{"cut off", access, reply(t, access, radius.CodeAccessAccept, true)[:30], Malformed, false},
		{"attribute of no length", access, resealed(append(bytes.Clone(reply(t, access, radius.CodeAccessAccept, false)[:20]), 18, 0), access), Malformed, false},
		{"two signatures", access, twice(reply(t, access, radius.CodeAccessAccept, true)), Malformed, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			among(t, c.request, c.reply, c.verdict == Good, c.signed)
			authenticator := [16]byte(c.request[4:20])
			verdict, signed := newSigner(testSecret).verify(c.reply, c.request[0], &authenticator)
			require.Equal(t, c.verdict, verdict)
			require.Equal(t, c.signed, signed)
		})
	}
}

// among judges a reply together with good ones, of which its own fate must not touch any.
func among(t *testing.T, request, one []byte, isGood, signed bool) {
	t.Helper()
	workload := AuthPAP
	if request[0] == codeAccountingRequest {
		workload = Acct
	}
	p := &port{side: &side{deck: newDeck(testEncoder(t, workload), 0)}}
	p.slots[7].current.authenticator = [16]byte(request[4:20])
	replies := make([][]byte, 20)
	for i := range replies {
		replies[i] = good(t, request)
	}
	for _, place := range []int{0, 15, 16, 19} {
		all := slices.Clone(replies)
		all[place] = bytes.Clone(one)
		judged := make([]judgement, len(all))
		newBulk(testSecret).judge(p, len(all), func(i int) []byte { return all[i] }, judged)
		for i, j := range judged {
			if i != place {
				require.Equal(t, judgement{true, workload != Acct}, j, "beside it")
			}
		}
		require.Equal(t, isGood, judged[place].good)
		require.True(t, !isGood || judged[place].signed == signed)
		require.Equal(t, one, all[place], "it is only looked at")
	}
}

func flipped(wire []byte, at int) []byte {
	wire[at] ^= 1
	return wire
}

// twice doubles the Message-Authenticator.
func twice(wire []byte) []byte {
	wire = append(wire, wire[20:38]...)
	wire[3] += 18
	return wire
}

func FuzzVerify(f *testing.F) {
	s := newSigner(testSecret)
	f.Add([]byte{2, 7, 0, 20, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1})
	f.Add([]byte{5, 7, 0, 22, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 80, 2})
	f.Fuzz(func(t *testing.T, wire []byte) {
		var authenticator [16]byte
		before := bytes.Clone(wire)
		verdict, _ := s.verify(wire[:len(wire):len(wire)], codeAccessRequest, &authenticator)
		if verdict == BadAuthenticator && !bytes.Equal(before, wire) {
			t.Fatal("a reply that may be judged again was changed")
		}
	})
}
