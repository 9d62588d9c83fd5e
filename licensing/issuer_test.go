package licensing

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestIssuerKeyText(t *testing.T) {
	k := NewIssuerKey()
	back, err := ParseIssuerKey(k.Text() + "\n")
	require.NoError(t, err)
	require.Equal(t, k, back)
	require.NotEqual(t, k.Public(), NewIssuerKey().Public())
	require.NoError(t, CheckIssuer(k.Public()))
	require.Empty(t, IssuerKey{}.Public())

	mixed := NewIssuerKey()
	copy(mixed.secret[32:], k.secret[32:]) // the public half of another key
	for _, wrong := range []string{"", k.Public(), k.Text()[:40], k.Text() + "A", mixed.Text()} {
		_, err := ParseIssuerKey(wrong)
		requireAdvice(t, err, CodeInvalid)
	}
	for _, wrong := range []string{"", k.Text(), k.Public()[:40], k.Public() + "A", "k3.public.AAAA"} {
		err := CheckIssuer(wrong)
		requireAdvice(t, err, CodeInvalid)
		require.NotContains(t, err.Error(), k.Text())
	}
}

// The key of RFC 8032 section 7.1, test 1, in the notation of PASERK.
func TestIssuerKeyIsPASERK(t *testing.T) {
	k, err := ParseIssuerKey("k4.secret.nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2DXWpgBgrEKt9VL_tPJZAc6DuFy89qmIyWvAhpo9wdRGg")
	require.NoError(t, err)
	require.Equal(t, "k4.public.11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", k.Public())
}

func TestIssuerKeyDoesNotPrintItsSecret(t *testing.T) {
	k := NewIssuerKey()
	secret := k.Text()[len(secretHeader):][:40]
	holder := struct{ Key IssuerKey }{k}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		for _, v := range []any{k, &k, holder} {
			require.NotContains(t, fmt.Sprintf(verb, v), secret)
			require.Contains(t, fmt.Sprintf(verb, v), k.Public()[10:])
		}
	}
}

func TestNewGrantID(t *testing.T) {
	require.Regexp(t, "^[0-9a-f]{32}$", NewGrantID())
	require.NotEqual(t, NewGrantID(), NewGrantID())
}
