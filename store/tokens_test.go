package store

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tallygate/licensing"
)

func TestAccessTokens(t *testing.T) {
	v := openVenue(t)
	fresh, err := v.s.AddToken(ctx, by, licensing.AccessToken{Name: " lobby ", Role: licensing.RolePortal, Location: "28n2s004", ExpiresAt: v.clock.now().Add(time.Hour)})
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(fresh.Secret, "tgat_"))
	require.Len(t, fresh.Secret, len("tgat_")+43, "32 octets")
	require.Equal(t, "28N2S004", fresh.Location)

	found, ok := v.s.Authenticate(fresh.Secret)
	require.True(t, ok)
	require.Equal(t, "lobby", found.Name)
	_, ok = v.s.Authenticate(fresh.Secret + "x")
	require.False(t, ok)
	_, ok = v.s.Authenticate("")
	require.False(t, ok)

	v.restart()
	found, ok = v.s.Authenticate(fresh.Secret)
	require.True(t, ok, "it outlives the process")
	require.Empty(t, found.Refusal(v.s.Now()))
	require.Equal(t, v.clock.now(), found.LastUsedAt, "noted before the store closed")
	v.clock.advance(time.Hour)
	require.Equal(t, "expired", found.Refusal(v.s.Now()))

	require.NoError(t, v.s.RevokeToken(ctx, by, "LOBBY"))
	found, ok = v.s.Authenticate(fresh.Secret)
	require.True(t, ok)
	require.Equal(t, "revoked", found.Refusal(v.s.Now()))
	require.Equal(t, licensing.CodeNotFound, licensing.CodeOf(v.s.RevokeToken(ctx, by, "lobby")))

	again, err := v.s.AddToken(ctx, by, licensing.AccessToken{Name: "lobby", Role: licensing.RoleOwner})
	require.NoError(t, err, "the name of a revoked one is free")
	require.NotEqual(t, fresh.Secret, again.Secret)
	_, err = v.s.AddToken(ctx, by, licensing.AccessToken{Name: "Lobby", Role: licensing.RoleOwner})
	require.Equal(t, licensing.CodeConflict, licensing.CodeOf(err))
	all, err := v.s.Tokens(ctx)
	require.NoError(t, err)
	require.Len(t, all, 2)
}

// The secret stands nowhere: not in the database, not in the audit log.
func TestTheSecretOfATokenIsKeptNowhere(t *testing.T) {
	v := openVenue(t)
	fresh, err := v.s.AddToken(ctx, by, licensing.AccessToken{Name: "a", Role: licensing.RoleOwner})
	require.NoError(t, err)
	rehearsed, err := v.s.AddToken(ctx, licensing.Change{By: "x", DryRun: true}, licensing.AccessToken{Name: "b", Role: licensing.RoleOwner})
	require.NoError(t, err)
	require.Empty(t, rehearsed.Secret)
	require.NoError(t, v.s.Close())
	for _, name := range []string{"tallygate.db", "audit.head"} {
		require.NotContains(t, readFile(t, filepath.Join(v.dir, name)), fresh.Secret[len("tgat_"):])
	}
	v.open()
	entries := 0
	require.NoError(t, v.s.AuditEntries(ctx, licensing.AuditFilter{}, func(e licensing.AuditEntry) error {
		if e.Action == "token.add" {
			entries++
		}
		return nil
	}))
	require.Equal(t, 1, entries)
}

func TestTokensThatCannotBe(t *testing.T) {
	v := openVenue(t)
	for _, c := range []struct {
		code  licensing.Code
		token licensing.AccessToken
	}{
		{licensing.CodeInvalid, licensing.AccessToken{Role: licensing.RoleOwner}},
		{licensing.CodeInvalid, licensing.AccessToken{Name: "a\nb", Role: licensing.RoleOwner}},
		{licensing.CodeInvalid, licensing.AccessToken{Name: "a", Role: "god"}},
		{licensing.CodeInvalid, licensing.AccessToken{Name: "a", Role: licensing.RoleOwner, Organization: "hotelsol", Location: "28N2S004"}},
		{licensing.CodeInvalid, licensing.AccessToken{Name: "a", Role: licensing.RoleOwner, ExpiresAt: v.clock.now()}},
		{licensing.CodeNotFound, licensing.AccessToken{Name: "a", Role: licensing.RoleOwner, Organization: "elsewhere"}},
		{licensing.CodeNotFound, licensing.AccessToken{Name: "a", Role: licensing.RoleOwner, Location: "28N2S999"}},
	} {
		_, err := v.s.AddToken(ctx, by, c.token)
		require.Equal(t, c.code, licensing.CodeOf(err), "%+v", c.token)
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}
