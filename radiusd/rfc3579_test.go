package radiusd

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"
	"layeh.com/radius/rfc2869"

	"tallygate/licensing"
	"tallygate/macwatch"
)

func TestRFC3579Section2_6_3EAPIsRefusedCleanly(t *testing.T) {
	g := start(t)
	n := dial(t, g.AuthAddrs()[0])
	identity := []byte{2, 77, 0, 9, 1, 'u', 's', 'e', 'r'}
	answer := n.exchange(access(1, "eap", attr{79, identity}))
	require.Equal(t, radius.CodeAccessReject, answer.Code)
	require.Equal(t, []byte{4, 77, 0, 4}, rfc2869.EAPMessage_Get(answer), "EAP-Failure under the response's identifier")
	require.Nil(t, answer.Get(18), "section 2.6.5: no Reply-Message beside EAP-Message")
	answer = n.exchange(access(2, "eap", attr{79, nil}))
	require.Equal(t, []byte{4, 0, 0, 4}, rfc2869.EAPMessage_Get(answer), "EAP-Start has no identifier")
	require.Equal(t, map[string]float64{"eap-unsupported reject": 2}, g.counts("tallygate_access_decisions_total"))
	require.Empty(t, g.claims.claimed(), "what is refused claims nothing")
}

func TestRFC3579Section3_3OneWayToAuthenticate(t *testing.T) {
	for _, other := range []byte{2, 3, 70} {
		p := access(1, "both", attr{79, []byte{2, 1, 0, 5, 1}}, attr{other, make([]byte, 16)})
		require.Equal(t, defectEAPPassword, new(packet).parse(p), "attribute %d", other)
	}
}

func TestRFC3579Section3_2MessageAuthenticator(t *testing.T) {
	g := start(t)
	n := dial(t, g.AuthAddrs()[0])
	t.Run("anywhere in the packet", func(t *testing.T) {
		for i, p := range [][]byte{
			build(radius.CodeAccessRequest, 1, "a", signature, text(1, "x")),
			build(radius.CodeAccessRequest, 2, "a", text(1, "x"), signature, text(32, "ap")),
			build(radius.CodeAccessRequest, 3, "a", text(1, "x"), signature),
		} {
			require.Equal(t, radius.CodeAccessAccept, n.exchange(p).Code, "packet %d", i)
		}
	})
	t.Run("twice", func(t *testing.T) {
		require.Equal(t, defectSigned, new(packet).parse(build(radius.CodeAccessRequest, 4, "a", signature, signature)))
	})
	t.Run("of another length", func(t *testing.T) {
		require.Equal(t, defectSigned, new(packet).parse(build(radius.CodeAccessRequest, 4, "a", attr{80, make([]byte, 15)})))
	})
	t.Run("wrong", func(t *testing.T) {
		p := access(5, "a")
		p[headerSize+2] ^= 1
		n.send(p)
		g.waitDropped(authListener, licensing.ReasonBadAuthenticator, 1)
		n.silent()
		require.Equal(t, radius.CodeAccessAccept, n.exchange(access(5, "a")).Code, "the forgery has left no trace in the reply cache")
	})
}

func TestAForgedAccessRequestNeverTouchesTheReplyCache(t *testing.T) {
	g := start(t, func(g *gateway) { g.claims.hold = true })
	n := dial(t, g.AuthAddrs()[0])
	pending := access(1, "pending")
	n.send(pending)
	n.silent()
	forged := access(1, "forged")
	forged[headerSize+2] ^= 1
	n.send(forged)
	g.waitDropped(authListener, licensing.ReasonBadAuthenticator, 1)
	g.claims.release()
	require.Equal(t, radius.CodeAccessAccept, verify(t, pending, n.receive()).Code, "the forgery has not displaced it")

	repeated := bytes.Clone(pending)
	repeated[headerSize+2] ^= 1
	n.send(repeated)
	g.waitDropped(authListener, licensing.ReasonBadAuthenticator, 2)
	n.silent()
}

func TestRFC3580Section3_31VLANAndOtherReplyAttributes(t *testing.T) {
	g := start(t, func(g *gateway) {
		g.location.Settings.Reply = licensing.Reply{
			SessionTimeout: 1800, IdleTimeout: 300, InterimInterval: 600, VLAN: 4094,
			BandwidthUp: 1_000_000, BandwidthDown: 8_000_000, FilterID: "guests",
		}
	})
	answer := dial(t, g.AuthAddrs()[0]).exchange(access(1, "vlan"))
	var got []string
	for _, a := range answer.Attributes {
		if a.Type == attrMessageAuthenticator || a.Type == attrClass {
			continue
		}
		got = append(got, hex([]byte{byte(a.Type)})+" "+hex(a.Attribute))
	}
	require.Equal(t, []string{
		"1b 00000708", "1c 0000012c", "55 00000258",
		"40 0000000d", "41 00000006", "51 " + hex([]byte("4094")), // no tag octet in front
		"1a 0000372a0706000f4240", "1a 0000372a0806007a1200",
		"0b " + hex([]byte("guests")),
	}, got)
}

// RFC 5997: Status-Server.
func TestRFC5997Section3(t *testing.T) {
	g := start(t)
	auth, acct := dial(t, g.AuthAddrs()[0]), dial(t, g.AcctAddrs()[0])
	require.Equal(t, radius.CodeAccessAccept, auth.exchange(status(1)).Code)
	answer := acct.exchange(status(1))
	require.Equal(t, radius.CodeAccountingResponse, answer.Code)
	require.NotNil(t, answer.Get(80))

	t.Run("without Message-Authenticator", func(t *testing.T) {
		auth.send(build(radius.CodeStatusServer, 2, ""))
		g.waitDropped(authListener, licensing.ReasonMissingMessageAuthenticator, 1)
	})
	t.Run("with a wrong one", func(t *testing.T) {
		p := status(3)
		p[25] ^= 1
		acct.send(p)
		g.waitDropped(acctListener, licensing.ReasonBadAuthenticator, 1)
	})
	t.Run("section 4.2: silent while nothing can be recorded", func(t *testing.T) {
		g.journal.set(func(j *journal) { j.readonly = true })
		acct.send(status(4))
		g.waitDropped(acctListener, licensing.ReasonStoreUnavailable, 1)
		require.Equal(t, radius.CodeAccessAccept, auth.exchange(status(4)).Code, "authentication goes on")
		g.journal.set(func(j *journal) { j.readonly = false })
		require.Equal(t, radius.CodeAccountingResponse, acct.exchange(status(4)).Code)
	})
	t.Run("makes nothing", func(t *testing.T) {
		require.Empty(t, g.journal.records())
		require.Empty(t, g.claims.claimed())
		for _, s := range g.sockets {
			require.Zero(t, s.cache.used)
		}
	})
}

func TestWrongCodesAreDropped(t *testing.T) {
	g := start(t)
	auth, acct := dial(t, g.AuthAddrs()[0]), dial(t, g.AcctAddrs()[0])
	auth.send(accounting(1, macwatch.StatusStart, "s"))
	acct.send(access(1, "wrong port"))
	for i, c := range []radius.Code{0, 2, 3, 5, 11, 13, 40, 43, 255} {
		auth.send(build(c, byte(i), "", signature))
	}
	g.waitDropped(authListener, licensing.ReasonWrongCode, 10)
	g.waitDropped(acctListener, licensing.ReasonWrongCode, 1)
	auth.silent()
	require.Equal(t, map[string]float64{
		"Accounting-Request auth": 1, "other auth": 9, "Status-Server auth": 1, "Access-Request acct": 1,
	}, g.counts("tallygate_radius_requests_total"))
}
