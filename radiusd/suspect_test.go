package radiusd

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"
	"pgregory.net/rapid"

	"tallygate/macwatch"
)

// spoil changes an octet of a packet's Request Authenticator.
func spoil(packet []byte) []byte {
	packet[4] ^= 0xff
	return packet
}

// pap is an unsigned login with a password hidden under a secret.
func pap(t require.TestingT, id byte, password, secret string) []byte {
	bare := build(radius.CodeAccessRequest, id, password)
	hidden, err := radius.NewUserPassword([]byte(password), []byte(secret), bare[4:20])
	require.NoError(t, err)
	return build(radius.CodeAccessRequest, id, password, text(1, "bob"), text(31, "5C-1D-D9-20-A0-C1"), text(32, "ap-1"), attr{2, hidden})
}

// Each kind of evidence names the source; one authentic packet of any kind clears it.
func TestAnotherSecretIsRecognised(t *testing.T) {
	badMA := func(id byte) []byte {
		p := access(id, "bad")
		p[30] ^= 1
		return p
	}
	badStatus := func(id byte) []byte {
		p := status(id)
		p[25] ^= 1
		return p
	}
	evidence := []struct {
		name   string
		l      listener
		packet func(id byte) []byte
		needs  int
		says   string
	}{
		{"accounting", acctListener, func(id byte) []byte { return spoil(accounting(id, macwatch.StatusStart, "s")) }, 1, evidenceAccounting},
		{"Message-Authenticator", authListener, badMA, 1, evidenceSigned},
		{"Status-Server", acctListener, badStatus, 1, evidenceSigned},
		{"PAP", authListener, func(id byte) []byte { return pap(t, id, fmt.Sprint("password", id), "another secret") }, garbageProves, evidencePassword},
	}
	proofs := []struct {
		name   string
		l      listener
		packet []byte
	}{
		{"accounting", acctListener, accounting(200, macwatch.StatusStart, "s")},
		{"Message-Authenticator", authListener, access(200, "good")},
		{"Status-Server", authListener, status(200)},
		{"PAP", authListener, pap(t, 200, "geheim", testSecret)},
	}
	for _, e := range evidence {
		for _, p := range proofs {
			t.Run(e.name+" against "+p.name, func(t *testing.T) {
				g := prepare(t)
				readers := [listeners]*offlineReader{g.offline(authListener), g.offline(acctListener)}
				for id := range 20 { // nine in ten garbage passwords show it
					readers[e.l].answers(e.packet(byte(id)))
				}
				found := g.SecretsThatDiffer()
				require.Len(t, found, 1)
				require.Equal(t, g.clients[0].Name, found[0].Client)
				require.Equal(t, netip.MustParseAddr("127.0.0.1"), found[0].Source)
				require.GreaterOrEqual(t, found[0].Packets, e.needs)
				require.Equal(t, e.says, found[0].Evidence)
				require.False(t, found[0].Since.IsZero() || found[0].Last.Before(found[0].Since))
				g.Publish(g.snapshot())
				require.Len(t, g.SecretsThatDiffer(), 1, "a change elsewhere forgets nothing")

				readers[p.l].begin()
				readers[p.l].answers(p.packet)
				require.Empty(t, g.SecretsThatDiffer())
				require.Zero(t, g.view.Load().suspected[0].Load())
			})
		}
	}
}

// The source counts, not the client; what is removed is forgotten; memory is bounded.
func TestSuspectsAreSources(t *testing.T) {
	g := prepare(t)
	r := g.offline(acctListener)
	for i := range 3 * maxSuspects {
		r.from = routeOf(netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, byte(i >> 8), byte(i)}), 1813))
		r.answers(spoil(accounting(byte(i), macwatch.StatusStart, "s")))
	}
	require.Len(t, g.SecretsThatDiffer(), maxSuspects)
	require.EqualValues(t, maxSuspects, g.view.Load().suspected[0].Load())
	r.answers(accounting(1, macwatch.StatusStart, "s"))
	require.Len(t, g.SecretsThatDiffer(), maxSuspects-1)
	g.clients = g.clients[1:]
	g.Publish(g.snapshot())
	require.Empty(t, g.SecretsThatDiffer())
	require.Zero(t, g.suspects.known.Len())
}

// One odd password is no finding, and a line of the trace says what was odd.
func TestOneGarbagePasswordIsNoFinding(t *testing.T) {
	g := prepare(t)
	r := g.offline(authListener)
	bare := build(radius.CodeAccessRequest, 1, "x")
	hidden, err := radius.NewUserPassword([]byte("a\x01b"), []byte(testSecret), bare[4:20])
	require.NoError(t, err)
	r.answers(build(radius.CodeAccessRequest, 1, "x", text(1, "bob"), text(32, "ap-1"), attr{2, hidden}))
	require.Empty(t, g.SecretsThatDiffer())
	events, _ := g.history(macwatch.TraceFilter{})
	require.Contains(t, events[0].Detail, "the shared secret may differ")
}

// What can be typed is never taken for garbage, in UTF-8 or Latin-1.
func TestTypedPasswordsAreNotGarbage(t *testing.T) {
	require.False(t, garbage(nil))
	require.False(t, garbage([]byte("contrase\xf1a"))) // Latin-1
	rapid.Check(t, func(t *rapid.T) {
		password := rapid.StringMatching(`[ -~¡-ÿ€αж漢]{0,30}`).Draw(t, "password")
		if garbage([]byte(password)) {
			t.Fatalf("%q", password)
		}
	})
}

// FuzzGarbage: a password that anybody hid under the right secret comes out as it was,
// and one hidden under another is looked at without harm.
func FuzzGarbage(f *testing.F) {
	f.Add("geheim", "another secret")
	f.Add("", "x")
	f.Add(strings.Repeat("p", 128), "y")
	f.Fuzz(func(t *testing.T, password, secret string) {
		if secret == "" || len(password) > maxPassword {
			t.Skip("no secret, or a password longer than RFC 2865 section 5.2 allows")
		}
		g := prepare(t)
		r := g.offline(authListener)
		r.answers(pap(t, 1, password, secret))
		require.LessOrEqual(t, len(g.SecretsThatDiffer()), 0, "one packet is no finding")
	})
}
