package licensing

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"aidanwoods.dev/go-paseto"
	"github.com/stretchr/testify/require"
)

func testTerms() Terms {
	return Terms{
		GrantID: "00112233445566778899aabbccddeeff", Quantity: 1, IssuedAt: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC),
		Organization: "Hotel Sol", Realm: "hotelsol", Location: "28N2S004", Gateway: "gateway-1",
		Term: Term{Years: 2}, APs: 10, Rooms: Unlimited, Modules: []string{"guest", "business"},
		Threshold: DefaultThreshold, Start: StartFifthDevice, CountWindow: 24 * time.Hour, IgnorePriv: true,
		Zone: "Europe/Madrid", ActivateBy: Date{2026, 12, 31}, LatestEnd: Date{2029, 12, 31}, MaxExempt: 5, LabHours: 16, MaxAliases: 8,
	}
}

// sign makes a signed text as SignGrant does, but of any claims, footer and purpose.
func sign(t require.TestingT, k IssuerKey, claims any, f footer, purpose string) string {
	c, err := json.Marshal(claims)
	require.NoError(t, err)
	foot, err := json.Marshal(f)
	require.NoError(t, err)
	token, err := paseto.NewTokenFromClaimsJSON(c, foot)
	require.NoError(t, err)
	key, err := paseto.NewV4AsymmetricSecretKeyFromEd25519(k.secret)
	require.NoError(t, err)
	return token.V4Sign(key, []byte(purpose))
}

func TestGrantRoundTrip(t *testing.T) {
	k := NewIssuerKey()
	text, err := k.SignGrant(testTerms())
	require.NoError(t, err)
	want := testTerms()
	want.Issuer = k.Public()

	wrapped := "\n\t" + text[:40] + "\r\n " + text[40:90] + "\u00a0" + text[90:] + " \n"
	for _, pasted := range []string{text, wrapped} {
		got, err := VerifyGrant(pasted, []string{NewIssuerKey().Public(), k.Public()})
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

func TestVerifyGrantTellsErrorsApart(t *testing.T) {
	k, other := NewIssuerKey(), NewIssuerKey()
	text, err := k.SignGrant(testTerms())
	require.NoError(t, err)
	stranger, err := other.SignGrant(testTerms())
	require.NoError(t, err)
	terms := testTerms()
	terms.Issuer = k.Public()
	claimsOf := func(change func(*Terms)) Terms { c := terms; change(&c); return c }
	grant := footer{grantKind, k.Public()}
	dot := strings.LastIndexByte(text, '.')
	footerOf := func(f string) string { return text[:dot+1] + base64.RawURLEncoding.EncodeToString([]byte(f)) }

	for _, c := range []struct {
		why, text string
		code      Code
		message   string
	}{
		{"empty", "", CodeInvalid, "does not begin with v4.public."},
		{"some other text", "TG-ZMZ1-75EA-XP7N", CodeInvalid, "does not begin with"},
		{"no footer", text[:dot], CodeInvalid, "incomplete"},
		{"cut off", text[:len(text)-8], CodeInvalid, "incomplete or damaged"},
		{"a character that cannot be", text[:60] + "?" + text[61:], CodeInvalid, "damaged"},
		{"something appended", text + ".x", CodeInvalid, "damaged"},
		{"endless", tokenHeader + strings.Repeat("A", tokenMax), CodeInvalid, "longer than any key"},
		{"a footer of another system", footerOf(`{"kid":"1"}`), CodeInvalid, "does not say who issued it"},
		{"a footer that is no JSON", footerOf(`hello`), CodeInvalid, "incomplete or damaged"},

		{"another kind", sign(t, k, terms, footer{"renewal", k.Public()}, "tallygate renewal v1"), CodeInvalid, `kind "renewal"`},
		{"another purpose, called a grant", sign(t, k, terms, grant, "tallygate renewal v1"), CodeRefused, "forged or altered"},
		{"a grant, called something else and back", footerOf(fmt.Sprintf(`{"issuer":%q,"kind":"grant"}`, k.Public())), CodeRefused, "forged or altered"},
		{"claims of one, footer of another", stranger[:strings.LastIndexByte(stranger, '.')] + text[dot:], CodeRefused, "forged or altered"},
		{"signed by another in the issuer's name", sign(t, other, terms, grant, "tallygate grant v1"), CodeRefused, "forged or altered"},

		{"another issuer", stranger, CodeRefused, "not trusted here: " + other.Public()},

		{"issuer in the claims differs", sign(t, k, claimsOf(func(c *Terms) { c.Issuer = other.Public() }), grant, "tallygate grant v1"), CodeInvalid, "two issuers"},
		{"grants what cannot be", sign(t, k, claimsOf(func(c *Terms) { c.Term.Years = 6 }), grant, "tallygate grant v1"), CodeInvalid, "6 years"},
		{"a field of the future", sign(t, k, map[string]any{"issuer": k.Public(), "max_guests": 3}, grant, "tallygate grant v1"), CodeInvalid, "not understood"},
	} {
		t.Run(c.why, func(t *testing.T) {
			got, err := VerifyGrant(c.text, []string{k.Public()})
			requireAdvice(t, err, c.code)
			require.ErrorContains(t, err, c.message)
			require.Zero(t, got)
		})
	}
	_, err = VerifyGrant(text, nil)
	require.ErrorContains(t, err, "not trusted here", "who trusts nobody")
}

func TestEveryFlippedBitIsFound(t *testing.T) {
	k := NewIssuerKey()
	text, err := k.SignGrant(testTerms())
	require.NoError(t, err)
	for i := range text {
		for bit := range 7 {
			flipped := text[:i] + string(text[i]^1<<bit) + text[i+1:]
			_, err := VerifyGrant(flipped, []string{k.Public()})
			require.Error(t, err, "octet %d, bit %d", i, bit)
		}
	}
}

func TestSignGrantRefusesWhatNoGatewayWouldTake(t *testing.T) {
	terms := testTerms()
	terms.Threshold = 0
	_, err := NewIssuerKey().SignGrant(terms)
	requireAdvice(t, err, CodeInvalid)
	_, err = IssuerKey{}.SignGrant(testTerms())
	requireAdvice(t, err, CodeInvalid)
}

func FuzzVerifyGrant(f *testing.F) {
	k := NewIssuerKey()
	text, err := k.SignGrant(testTerms())
	require.NoError(f, err)
	foreign, err := NewIssuerKey().SignGrant(testTerms())
	require.NoError(f, err)
	for _, seed := range []string{"", text, text[:50], text + "=", foreign, "v4.public..", "v4.public.AAAA.e30", strings.ToUpper(text)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, pasted string) {
		got, err := VerifyGrant(pasted, []string{k.Public()})
		if err == nil {
			require.Equal(t, text, withoutSpace(pasted), "only the one text that was signed is a key")
			require.Equal(t, testTerms().GrantID, got.GrantID)
			return
		}
		require.NotEqual(t, CodeInternal, CodeOf(err))
		require.Zero(t, got)
	})
}
