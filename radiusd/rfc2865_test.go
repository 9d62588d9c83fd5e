package radiusd

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"pgregory.net/rapid"

	"tallygate/licensing"
	"tallygate/macwatch"
)

func octets(t testing.TB, s string) []byte {
	t.Helper()
	var b []byte
	s = strings.Map(func(r rune) rune {
		if r == ' ' || r == '\n' || r == '\t' {
			return -1
		}
		return r
	}, s)
	require.Zero(t, len(s)%2)
	for i := 0; i < len(s); i += 2 {
		b = append(b, byte(strings.IndexByte("0123456789abcdef", s[i])<<4|strings.IndexByte("0123456789abcdef", s[i+1])))
	}
	return b
}

func TestRFC2865Section3Length(t *testing.T) {
	padded := func(p []byte, n int) []byte { return append(bytes.Clone(p), make([]byte, n)...) }
	withLength := func(p []byte, n int) []byte {
		p = bytes.Clone(p)
		binary.BigEndian.PutUint16(p[2:], uint16(n))
		return p
	}
	many := func(n int) []attr {
		var a []attr
		for range n {
			a = append(a, text(77, ""))
		}
		return a
	}
	good := access(9, "length")
	for _, c := range []struct {
		name   string
		packet []byte
		answer bool
	}{
		{"as it should be", access(1, "ok"), true},
		{"octets past Length are padding", padded(access(2, "pad"), 300), true},
		{"padding up to 4096", padded(access(3, "pad"), 4096-len(access(3, "pad"))), true},
		{"empty datagram", []byte{}, false},
		{"19 octets", good[:19], false},
		{"Length below a header", withLength(good, 19), false},
		{"Length 0", withLength(good, 0), false},
		{"Length beyond the datagram", withLength(good, len(good)+1), false},
		{"Length beyond 4096", withLength(padded(good, 4200), 4097), false},
		{"datagram beyond 4096", padded(good, 4097-len(good)), false},
		{"Length cuts an attribute", withLength(good, len(good)-1), false},
		{"an octet after the last attribute", withLength(padded(good, 1), len(good)+1), false},
		{"an attribute length of 0", shortened(access(4, "len", text(77, "")), 0), false},
		{"an attribute length of 1", shortened(access(4, "len", text(77, "")), 1), false},
		{"attribute type 0", access(5, "zero", attr{0, []byte("x")}), false},
		{"200 attributes", access(6, "many", many(195)...), true},
		{"201 attributes", access(7, "many", many(196)...), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := start(t)
			n := dial(t, g.AuthAddrs()[0])
			if c.answer {
				require.Equal(t, radius.CodeAccessAccept, n.exchangePadded(c.packet).Code)
				return
			}
			n.send(c.packet)
			g.waitDropped(authListener, licensing.ReasonMalformed, 1)
			n.silent()
		})
	}
}

// shortened sets the length octet of an empty last attribute.
func shortened(p []byte, length byte) []byte {
	p[len(p)-1] = length
	return p
}

// exchangePadded verifies the answer against what Length covers.
func (n *nas) exchangePadded(p []byte) *radius.Packet {
	n.t.Helper()
	n.send(p)
	return verify(n.t, p[:binary.BigEndian.Uint16(p[2:])], n.receive())
}

// The packets of RFC 2865 sections 7.1 and 7.2, octet by octet.
func TestRFC2865Section7Examples(t *testing.T) {
	s := newSecret("xyzzy5461")
	h := newHasher(make([]byte, 32))
	for _, c := range []struct{ name, request, response string }{
		{"7.1 User Telnet to Specified Host", `
			01000038 0f403f94 73978057 bd83d5cb 98f4227a 01066e65 6d6f0212 0dbe708d 93d413ce
			3196e43f 782a0aee 0406c0a8 01100506 00000003`, `
			02000026 86fe220e 7624ba2a 1005f6bf 9b55e0b2 06060000 00010f06 00000000 0e06c0a8 0103`},
		{"7.2 Framed User Authenticating with CHAP", `
			01010047 2aee86f0 8d0d5596 9ca5978e 0d3367a2 0108666c 6f707379 031316e9 7557c316
			185895f2 93ff6344 07727504 06c0a801 10050600 00001406 06000000 02070600 000001`, `
			02010038 15efbc7d ab26cfa3 dc34d9c0 3c8601a4 06060000 00020706 00000001 0806ffff
			fffe0a06 00000002 0d060000 00010c06 000005dc`},
	} {
		t.Run(c.name, func(t *testing.T) {
			request, response := octets(t, c.request), octets(t, c.response)
			var p packet
			require.NoError(t, p.parse(request))
			if p.has(attrUserPassword) {
				require.True(t, h.pap(p.value(attrUserPassword), p.authenticator(), &s, "arctangent"))
				require.False(t, h.pap(p.value(attrUserPassword), p.authenticator(), &s, "arctangenT"))
			} else {
				require.True(t, h.chap(p.value(attrCHAPPassword), p.authenticator(), "arctangent"))
				require.False(t, h.chap(p.value(attrCHAPPassword), p.authenticator(), "arctangenT"))
			}
			require.Equal(t, hex(response[4:20]), hex(h.response(response, p.authenticator(), &s)))
		})
	}
}

func TestRFC2865Section5_2UserPassword(t *testing.T) {
	s := newSecret(testSecret)
	h := newHasher(make([]byte, 32))
	rapid.Check(t, func(t *rapid.T) {
		password := rapid.SliceOfN(rapid.Byte(), 1, maxPassword).Draw(t, "password")
		authenticator := rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "authenticator")
		hidden, err := radius.NewUserPassword(password, []byte(testSecret), authenticator)
		require.NoError(t, err)
		plain, ok := h.reveal(hidden, authenticator, &s)
		require.True(t, ok)
		require.Equal(t, string(bytes.TrimRight(password, "\x00")), string(plain))
	})
	t.Run("an empty password hides in one block", func(t *testing.T) {
		authenticator := make([]byte, 16)
		hidden, err := radius.NewUserPassword([]byte{0}, []byte(testSecret), authenticator)
		require.NoError(t, err)
		require.True(t, h.pap(hidden, authenticator, &s, ""))
		require.False(t, h.pap(hidden, authenticator, &s, "x"))
	})
	for _, n := range []int{0, 1, 15, 17, 127, 129, 144} {
		require.False(t, h.pap(make([]byte, n), make([]byte, 16), &s, ""), "%d octets", n)
	}
}

// chapPassword answers a challenge.
func chapPassword(id byte, password string, challenge []byte) attr {
	return attr{3, append([]byte{id}, rfc2865CHAP(id, password, challenge)...)}
}

func TestRFC2865Section2_2CHAP(t *testing.T) {
	g := prepare(t)
	g.location.Settings.Guests = licensing.GuestsLocal
	g.venue.Accounts = map[string]*macwatch.Account{"guest@hotel": {UserName: "Guest@Hotel", Password: "sesame"}}
	g.serve()
	n := dial(t, g.AuthAddrs()[0])
	login := func(id byte, attrs ...attr) radius.Code {
		return n.exchange(build(radius.CodeAccessRequest, id, "chap", append([]attr{signature, text(1, "GUEST@hotel")}, attrs...)...)).Code
	}
	own := build(radius.CodeAccessRequest, 1, "chap")[4:20] // the Request Authenticator is the challenge
	require.Equal(t, radius.CodeAccessAccept, login(1, chapPassword(9, "sesame", own)))
	challenge := []byte("a challenge of its own")
	require.Equal(t, radius.CodeAccessAccept, login(2, attr{60, challenge}, chapPassword(9, "sesame", challenge)))
	require.Equal(t, radius.CodeAccessReject, login(3, attr{60, challenge}, chapPassword(9, "wrong", challenge)))
	require.Equal(t, radius.CodeAccessReject, login(4, attr{60, challenge}, attr{3, []byte("short")}))
	require.Equal(t, radius.CodeAccessReject, login(5, attr{60, challenge}, attr{3, nil}))
}

func TestRFC2865Section5_33ProxyState(t *testing.T) {
	g := start(t, func(g *gateway) { g.venue.Blocked = map[macwatch.MAC]string{0x020000000001: ""} })
	auth, acct := dial(t, g.AuthAddrs()[0]), dial(t, g.AcctAddrs()[0])
	states := []attr{text(33, "first"), {33, []byte{0, 255, 0}}, text(33, ""), text(33, strings.Repeat("x", 253))}
	var want []string
	for _, s := range states {
		want = append(want, hex(s.value))
	}
	for name, answer := range map[string]*radius.Packet{
		"Access-Accept":       auth.exchange(access(1, "p", states...)),
		"Access-Reject":       auth.exchange(build(radius.CodeAccessRequest, 2, "p", append([]attr{signature, text(31, "02-00-00-00-00-01")}, states...)...)),
		"Accounting-Response": acct.exchange(accounting(3, macwatch.StatusStart, "s", states...)),
		"Status-Server":       auth.exchange(build(radius.CodeStatusServer, 4, "p", append([]attr{signature}, states...)...)),
	} {
		var got []string
		for _, a := range answer.Attributes {
			if a.Type == rfc2865.ProxyState_Type {
				got = append(got, hex(a.Attribute))
			}
		}
		require.Equal(t, want, got, name)
	}
	t.Run("what leaves no room for an answer gets none", func(t *testing.T) {
		var full []attr
		for range 15 {
			full = append(full, text(33, strings.Repeat("x", 253)))
		}
		full = append(full, text(33, strings.Repeat("x", 203)), signature, text(31, "5C-1D-D9-20-A0-C1"))
		auth.send(build(radius.CodeAccessRequest, 5, "p", full...))
		g.waitDropped(authListener, licensing.ReasonMalformed, 1)
		auth.silent()
	})
}

func TestRFC2865Section5_27SessionTimeout(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name    string
		setting int
		until   time.Time
		want    uint32
	}{
		{"neither", 0, time.Time{}, 0},
		{"the setting", 3600, time.Time{}, 3600},
		{"the end is nearer", 3600, now.Add(90 * time.Second), 90},
		{"the setting is nearer", 60, now.Add(time.Hour), 60},
		{"the end alone", 0, now.Add(time.Hour), 3600},
		{"rounded down", 0, now.Add(1999 * time.Millisecond), 1},
		{"never 0, which would mean no limit", 0, now.Add(time.Millisecond), 1},
		{"longer than a signed number", 0, now.Add(100 * 365 * 24 * time.Hour), 1<<31 - 1},
	} {
		require.Equal(t, c.want, sessionTimeout(c.setting, c.until, now), c.name)
	}
	require.Equal(t, now, earlier(now, now.Add(1)))
	require.Equal(t, now, earlier(now.Add(1), now))
	require.Equal(t, now, earlier(time.Time{}, now))
	require.Equal(t, now, earlier(now, time.Time{}))
}
