package admin

import (
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"
)

// As hotspot pages of MikroTik write octets into a form, and as people write them.
func TestOctetsOfAChallenge(t *testing.T) {
	for text, want := range map[string]string{
		`\145`: "65", `\021\327\007k\200`: "11d7076b80", "e": "65", "00ff": "00ff", "00FF": "00ff", "k7": "6b37", `a\\`: "!", `\9`: "!", `\400`: "!", `\14`: "!", "": "!",
		`\000\000`: "0000",
	} {
		got, ok := octets(text)
		if want == "!" {
			require.False(t, ok, "%q", text)
			continue
		}
		require.True(t, ok, "%q", text)
		require.Equal(t, want, hex.EncodeToString(got), "%q", text)
	}
}

func FuzzOctets(f *testing.F) {
	for _, seed := range []string{`\145`, `\021\327k`, "00ff", `\`, `\\\\`, ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if got, ok := octets(text); ok && (len(got) == 0 || len(got) > len(text)) {
			t.Fatalf("%q gives %d octets", text, len(got))
		}
	})
}

// RFC 1994 section 4.1: MD5 over identifier, secret and challenge. Computed by hand with
// `printf 'eopen sesame\001\002' | md5sum`.
func TestCHAPResponse(t *testing.T) {
	require.Equal(t, "3c9e6dfab76bb173747805818be41df1", chapResponse('e', "open sesame", []byte{1, 2}))
}
