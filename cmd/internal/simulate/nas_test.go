package simulate

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"
	"layeh.com/radius/rfc2869"
)

func accessRequest(password string) *Request {
	r := &Request{Code: radius.CodeAccessRequest, Password: &password}
	r.Text(rfc2865.UserName_Type, "guest")
	return r
}

func accountingRequest(delays bool) *Request {
	r := &Request{Code: radius.CodeAccountingRequest, Delays: delays}
	r.Integer(rfc2866.AcctStatusType_Type, 1)
	r.Text(rfc2866.AcctSessionID_Type, "1")
	return r
}

// loseReplies makes the first n answers go astray.
func loseReplies(n int) Delivery {
	return Delivery{Timeout: 5 * time.Millisecond, Retries: n + 5, Fate: func(attempt int) Fate { return Fate{LoseReply: attempt < n} }}
}

func TestRetransmissions(t *testing.T) {
	t.Run("RFC 5080 2.2.1: an Access-Request is repeated unchanged", func(t *testing.T) {
		server := newResponder(t, nil)
		reply, err := server.dial(t).Exchange(t.Context(), accessRequest("x"), loseReplies(2))
		require.NoError(t, err)
		require.GreaterOrEqual(t, reply.Transmissions, 3)
		server.mu.Lock()
		defer server.mu.Unlock()
		require.Equal(t, server.wire[0], server.wire[1])
		require.Equal(t, server.wire[0], server.wire[2])
	})
	t.Run("RFC 2866 4.1: Acct-Delay-Time makes a new packet with a new Identifier", func(t *testing.T) {
		server := newResponder(t, nil)
		_, err := server.dial(t).Exchange(t.Context(), accountingRequest(true), loseReplies(2))
		require.NoError(t, err)
		p := server.packets()
		require.NotEqual(t, p[0].Identifier, p[1].Identifier)
		require.NotEqual(t, p[0].Authenticator, p[1].Authenticator)
		_, err = rfc2866.AcctDelayTime_Lookup(p[1])
		require.NoError(t, err)
		require.Equal(t, contentOf(p[0]), contentOf(p[1]))
	})
	t.Run("a NAS without Acct-Delay-Time repeats the octets", func(t *testing.T) {
		server := newResponder(t, nil)
		_, err := server.dial(t).Exchange(t.Context(), accountingRequest(false), loseReplies(1))
		require.NoError(t, err)
		server.mu.Lock()
		defer server.mu.Unlock()
		require.Equal(t, server.wire[0], server.wire[1])
	})
	t.Run("duplicates of the network", func(t *testing.T) {
		server := newResponder(t, nil)
		nas := server.dial(t)
		twice := Delivery{Timeout: time.Minute, Fate: func(int) Fate { return Fate{Duplicate: true} }}
		for range 300 { // more than there are Identifiers
			_, err := nas.Exchange(t.Context(), accessRequest("x"), twice)
			require.NoError(t, err)
		}
		require.Empty(t, nas.BadReplies(), "the second answer is late, not forged")
	})
}

func TestLateReplyIsNotForged(t *testing.T) {
	var first []byte // the answer to the first request that had Identifier 0
	server := newResponder(t, nil)
	late := func(request *radius.Packet, wire []byte) []byte {
		answer := accept(request, wire)
		if request.Identifier == 0 && first == nil {
			first = answer
		} else if request.Identifier == 0 {
			_, _ = server.auth.WriteToUDP(first, server.from) // still on its way until now
		}
		return answer
	}
	server.mu.Lock()
	server.answer = late
	server.mu.Unlock()
	nas := server.dial(t)
	for range 257 {
		_, err := nas.Exchange(t.Context(), accessRequest("x"), Delivery{Timeout: time.Minute})
		require.NoError(t, err)
	}
	require.Empty(t, nas.BadReplies())
}

func TestAccessRequestIsSignedFirst(t *testing.T) {
	server := newResponder(t, nil)
	nas := server.dial(t)
	long := "a password that fills more than one block"
	for _, password := range []string{"", "x", long} {
		_, err := nas.Exchange(t.Context(), accessRequest(password), Delivery{})
		require.NoError(t, err)
	}
	bare := accessRequest("x")
	bare.Unsigned = true
	_, err := nas.Exchange(t.Context(), bare, Delivery{})
	require.NoError(t, err)

	got := server.packets()
	require.Len(t, got[0].Get(rfc2865.UserPassword_Type), 16, "an empty password is one block")
	require.Equal(t, "x", rfc2865.UserPassword_GetString(got[1]))
	require.Equal(t, long, rfc2865.UserPassword_GetString(got[2]))
	for i, p := range got[:3] {
		require.Equal(t, rfc2869.MessageAuthenticator_Type, p.Attributes[0].Type)
		plain := append([]byte(nil), server.wire[i]...)
		clear(plain[22:38])
		require.Equal(t, messageAuthenticator(plain, []byte(testSecret)), []byte(p.Attributes[0].Attribute))
	}
	require.Nil(t, got[3].Get(rfc2869.MessageAuthenticator_Type))
}

func TestRepliesAreVerified(t *testing.T) {
	encoded := func(p *radius.Packet) []byte { b, _ := p.Encode(); return b }
	for _, c := range []struct {
		name   string
		want   error
		answer func(request *radius.Packet, wire []byte) []byte
	}{
		{"RFC 2865 3: Response Authenticator", errReplyAuthenticator, func(request *radius.Packet, wire []byte) []byte {
			p := request.Response(radius.CodeAccessAccept)
			p.Secret = []byte("another secret")
			return signed(p, wire)
		}},
		{"RFC 3579 3.2: Message-Authenticator missing", errReplyUnsigned, func(request *radius.Packet, _ []byte) []byte {
			return encoded(request.Response(radius.CodeAccessAccept))
		}},
		{"CVE-2024-3596: Message-Authenticator not first", errReplySignedLate, func(request *radius.Packet, _ []byte) []byte {
			p := request.Response(radius.CodeAccessAccept)
			_ = rfc2865.ReplyMessage_AddString(p, "hello")
			p.Add(rfc2869.MessageAuthenticator_Type, make([]byte, 16))
			return encoded(p)
		}},
		{"RFC 3579 3.2: Message-Authenticator wrong", errReplySignature, func(request *radius.Packet, _ []byte) []byte {
			p := request.Response(radius.CodeAccessAccept)
			p.Add(rfc2869.MessageAuthenticator_Type, make([]byte, 16))
			return encoded(p)
		}},
		{"RFC 2866 2: wrong code", errReplyCode, func(request *radius.Packet, _ []byte) []byte {
			return encoded(request.Response(radius.CodeAccountingResponse))
		}},
		{"RFC 2865 3: too short", errReplyMalformed, func(_ *radius.Packet, wire []byte) []byte { return wire[:19] }},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := newResponder(t, c.answer)
			nas := server.dial(t)
			_, err := nas.Exchange(t.Context(), accessRequest("x"), Delivery{Timeout: 20 * time.Millisecond, Retries: 1})
			require.ErrorIs(t, err, ErrNoAnswer)
			require.Contains(t, nas.BadReplies(), c.want.Error())
		})
	}
	t.Run("RFC 2865 3: padding is in no hash", func(t *testing.T) {
		server := newResponder(t, func(request *radius.Packet, wire []byte) []byte { return append(accept(request, wire), 1, 2, 3) })
		_, err := server.dial(t).Exchange(t.Context(), accessRequest("x"), Delivery{})
		require.NoError(t, err)
	})
}

func TestCHAP(t *testing.T) {
	server := newResponder(t, nil)
	r := &Request{Code: radius.CodeAccessRequest}
	r.chap("portal-pass")
	_, err := server.dial(t).Exchange(t.Context(), r, Delivery{})
	require.NoError(t, err)
	p := server.packets()[0]
	require.Len(t, rfc2865.CHAPChallenge_Get(p), 16)
	require.Len(t, rfc2865.CHAPPassword_Get(p), 17)
}

func TestParseCaptures(t *testing.T) {
	captures, err := ParseCaptures(`# a comment
# name: the first
# kind: auth
User-Name = "guest = 1"
User-Password = ""
NAS-IP-Address = 10.0.0.1
Aruba-Essid-Name = "Guest"
Message-Authenticator = 0x00


# kind: acct
Acct-Status-Type = Start
NAS-Port-Type = Wireless-802.11
CHAP-Challenge = 0x0102
`)
	require.NoError(t, err)
	require.Len(t, captures, 2)
	first, second := captures[0], captures[1]
	require.Equal(t, "the first", first.Name)
	require.Equal(t, radius.CodeAccessRequest, first.Request.Code)
	require.False(t, first.Request.Unsigned)
	require.Empty(t, *first.Request.Password)
	require.Equal(t, radius.Attributes{
		{Type: 1, Attribute: radius.Attribute("guest = 1")},
		{Type: 4, Attribute: radius.Attribute{10, 0, 0, 1}},
		{Type: 26, Attribute: radius.Attribute("\x00\x00\x39\xe7\x05\x07Guest")},
	}, first.Request.Attributes)
	require.Empty(t, second.Name)
	require.Equal(t, radius.CodeAccountingRequest, second.Request.Code)
	require.Equal(t, radius.Attributes{
		{Type: 40, Attribute: radius.Attribute{0, 0, 0, 1}},
		{Type: 61, Attribute: radius.Attribute{0, 0, 0, 19}},
		{Type: 60, Attribute: radius.Attribute{1, 2}},
	}, second.Request.Attributes)

	for text, want := range map[string]string{
		"User-Name = \"x\"\nNo-Such = 1": "line 2", "Service-Type = Nobody": "Nobody", "NAS-IP-Address = ::1": "IPv4", "CHAP-Password = 0xzz": "CHAP-Password",
	} {
		_, err := ParseCaptures(text)
		require.ErrorContains(t, err, want)
	}
}
