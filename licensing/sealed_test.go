package licensing

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/sha512"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// RFC 7748 section 4.1: the map between the curves gives the public key that belongs to
// the same scalar (RFC 8032 section 5.1.5 says how that is made of the seed).
func TestRFC7748Section4_1Map(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		seed := rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(rt, "seed")
		scalar := sha512.Sum512(seed)
		private, err := ecdh.X25519().NewPrivateKey(scalar[:32])
		require.NoError(rt, err)
		public := ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)
		require.Equal(rt, private.PublicKey().Bytes(), montgomery(public))
	})
}

func TestWhatIsSealedForAGatewayIsForItAlone(t *testing.T) {
	seed := bytes.Repeat([]byte{7}, 32)
	to, other := gatewayNamed(t, "to"), gatewayNamed(t, "other")
	sealed, err := SealFor(to.Public(), []byte("secret"), seed)
	require.NoError(t, err)
	require.NotContains(t, string(sealed), "secret")
	again, err := SealFor(to.Public(), []byte("secret"), seed)
	require.NoError(t, err)
	require.Equal(t, sealed, again, "a release is written the same again")
	secret, err := to.OpenSealed(sealed)
	require.NoError(t, err)
	require.Equal(t, "secret", string(secret))

	_, err = other.OpenSealed(sealed)
	require.Equal(t, CodeRefused, CodeOf(err))
	for i := range sealed {
		bad := bytes.Clone(sealed)
		bad[i] ^= 1
		if _, err := to.OpenSealed(bad); i != 31 || err != nil { // the top bit of X25519 keys is ignored, all others count
			require.Equal(t, CodeRefused, CodeOf(err), "octet %d", i)
		}
		_, err := to.OpenSealed(sealed[:i])
		require.Equal(t, CodeRefused, CodeOf(err))
	}
	_, err = SealFor("k4.public.x", []byte("secret"), seed)
	require.Equal(t, CodeInvalid, CodeOf(err))
	neutral := make([]byte, 32)
	neutral[0] = 1
	_, err = SealFor(encodeKey(publicHeader, neutral), []byte("secret"), seed)
	require.Error(t, err, "a key that everybody can open")
}
