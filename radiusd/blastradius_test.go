package radiusd

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// CVE-2024-3596. The policies, against what a packet carries.
func TestBlastRADIUSPolicies(t *testing.T) {
	const accepted = licensing.ReasonNone
	var missing, unsigned = licensing.ReasonMissingMessageAuthenticator, licensing.ReasonProxyStateUnsigned
	plain := []attr{text(1, "guest")}
	proxied := append(plain, text(33, "p"))
	for _, c := range []struct {
		policy macwatch.RequireMA
		known  bool // the source has signed before
		name   string
		attrs  []attr
		want   licensing.Reason
	}{
		{"yes", false, "signed", append(plain, signature), accepted},
		{"yes", false, "signed, proxied", append(proxied, signature), accepted},
		{"yes", false, "unsigned", plain, missing},
		{"yes", false, "unsigned, proxied", proxied, missing},
		{"", false, "unsigned under the zero policy", plain, missing},
		{"no", false, "signed", append(plain, signature), accepted},
		{"no", false, "unsigned", plain, accepted},
		{"no", false, "unsigned, proxied", proxied, unsigned},
		{"no", false, "signed, proxied", append(proxied, signature), accepted},
		{"no", true, "unsigned", plain, accepted},
		{"no", false, "EAP unsigned", append(plain, attr{79, []byte{2, 1, 0, 5, 1}}), missing},
		{"auto", false, "signed", append(plain, signature), accepted},
		{"auto", false, "unsigned", plain, accepted},
		{"auto", false, "unsigned, proxied", proxied, unsigned},
		{"auto", true, "unsigned", plain, missing},
		{"auto", true, "signed", append(plain, signature), accepted},
		{"auto", false, "EAP unsigned", append(plain, attr{79, []byte{2, 1, 0, 5, 1}}), missing},
	} {
		t.Run(fmt.Sprintf("%s %v %s", c.policy, c.known, c.name), func(t *testing.T) {
			g := prepare(t)
			g.clients[0].RequireMA = c.policy
			if c.known {
				g.clients[0].Signed = []netip.Addr{netip.MustParseAddr("127.0.0.1")}
			}
			g.serve()
			n := dial(t, g.AuthAddrs()[0])
			request := build(radius.CodeAccessRequest, 1, "blast", c.attrs...)
			if c.want == accepted {
				require.Equal(t, radius.CodeAccessAccept, n.exchange(request).Code)
				return
			}
			n.send(request)
			g.waitDropped(authListener, c.want, 1)
			n.silent()
		})
	}
}

func TestAutoLearnsUpwardsPerSource(t *testing.T) {
	g := start(t, func(g *gateway) {
		g.clients[0].RequireMA = macwatch.RequireAuto
		g.options.Auth = []string{"0.0.0.0:0"}
	})
	port := g.AuthAddrs()[0].Port()
	one := dial(t, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port))
	other := dialFrom(t, "127.0.0.9", netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port))
	unsigned := func(id byte) []byte { return build(radius.CodeAccessRequest, id, "auto", text(1, "guest")) }

	require.Equal(t, radius.CodeAccessAccept, one.exchange(unsigned(1)).Code)
	one.exchange(access(2, "eap", attr{79, []byte{2, 1, 0, 5, 1}}))
	require.Equal(t, radius.CodeAccessAccept, one.exchange(unsigned(3)).Code, "EAP teaches nothing")
	one.exchange(status(4))
	require.Equal(t, radius.CodeAccessAccept, one.exchange(unsigned(5)).Code, "nor does Status-Server")
	require.Empty(t, g.learner.learned())

	one.exchange(access(6, "auto"))
	one.exchange(access(7, "auto"))
	require.Equal(t, []netip.Addr{netip.MustParseAddr("127.0.0.1")}, g.learner.learned(), "told once, at the first")
	one.send(unsigned(8))
	g.waitDropped(authListener, licensing.ReasonMissingMessageAuthenticator, 1)
	one.silent()
	require.Equal(t, radius.CodeAccessAccept, other.exchange(unsigned(9)).Code, "another address of the same client")
	require.Equal(t, map[string]float64{"ap-127.0.0.0/8": 5}, g.counts("tallygate_radius_unsigned_requests_total"))

	g.Publish(g.snapshot())
	one.send(unsigned(10))
	g.waitDropped(authListener, licensing.ReasonMissingMessageAuthenticator, 2)
}
