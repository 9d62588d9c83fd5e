package store

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// Over RadSec the certificate is what a client is known by: several may share an address,
// none a certificate. All of it survives a restart.
func TestRadSecClients(t *testing.T) {
	v := openVenue(t)
	add := func(name string, known macwatch.RadSecSettings, prefix, secret string) (macwatch.Client, error) {
		c := macwatch.Client{Name: name, Secret: secret, Location: v.location.Code, ClientSettings: macwatch.ClientSettings{RadSecSettings: known}}
		if prefix != "" {
			c.Prefix = netip.MustParsePrefix(prefix)
		}
		return v.s.AddClient(ctx, by, c)
	}
	digest := strings.Repeat("ab", 32)
	for _, c := range []struct {
		name           string
		known          macwatch.RadSecSettings
		prefix, secret string
		want           macwatch.RadSecSettings
	}{
		{"anywhere", macwatch.RadSecSettings{RadSecName: " AP1.example"}, "", "", macwatch.RadSecSettings{RadSecName: "ap1.example", RadSecOnly: true}},
		{"here", macwatch.RadSecSettings{RadSecName: "ap2.example"}, "127.0.0.0/8", "", macwatch.RadSecSettings{RadSecName: "ap2.example", RadSecOnly: true}},
		{"here too", macwatch.RadSecSettings{RadSecName: "*.lobby.example"}, "127.0.0.0/8", "", macwatch.RadSecSettings{RadSecName: "*.lobby.example", RadSecOnly: true}},
		{"pinned", macwatch.RadSecSettings{Certificate: strings.Repeat("AB:", 31) + "AB"}, "", "", macwatch.RadSecSettings{Certificate: digest, RadSecOnly: true}},
		{"both ways", macwatch.RadSecSettings{RadSecName: "wlc.example"}, "192.0.2.0/24", "a secret", macwatch.RadSecSettings{RadSecName: "wlc.example"}},
	} {
		added, err := add(c.name, c.known, c.prefix, c.secret)
		require.NoError(t, err, c.name)
		require.Equal(t, c.want, added.RadSecSettings, c.name)
	}
	for name, known := range map[string]macwatch.RadSecSettings{"name": {RadSecName: "AP1.EXAMPLE"}, "certificate": {Certificate: digest}, "one that comes over UDP too": {RadSecName: "wlc.example"}} {
		_, err := add("again", known, "", "")
		var e *licensing.Error
		require.ErrorAs(t, err, &e, name)
		require.Equal(t, licensing.CodeConflict, e.Code, name)
	}
	_, err := add("over UDP", macwatch.RadSecSettings{RadSecName: "wlc2.example"}, "192.0.2.7/32", "a secret")
	require.ErrorContains(t, err, "overlaps")

	before, err := v.s.Clients(ctx)
	require.NoError(t, err)
	v.restart()
	after, err := v.s.Clients(ctx)
	require.NoError(t, err)
	require.Len(t, after, 6)
	require.Equal(t, before, after)
	require.NoError(t, v.s.RemoveClient(ctx, by, "anywhere"))
	_, err = add("anew", macwatch.RadSecSettings{RadSecName: "ap1.example"}, "", "")
	require.NoError(t, err)
}
