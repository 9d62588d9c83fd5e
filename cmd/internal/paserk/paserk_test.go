package paserk

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var cheap = Cost{Memory: 64, Passes: 1, Lanes: 1}

const plain = "k4.secret.cHFyc3R1dnd4eXp7fH1-f4CBgoOEhYaHiImKi4yNjo8c5WpIyC_5kWKhS8VEYSZ05dYfuTF-ZdQFV4D9vLTcNQ"

// The vectors of the PASERK standard (paseto-standard/test-vectors, k4.secret-pw).
func TestVectors(t *testing.T) {
	const key = "707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f1ce56a48c82ff99162a14bc544612674e5d61fb9317e65d4055780fdbcb4dc35"
	for _, text := range []string{
		"k4.secret-pw.Stkwnh1lHUA7p3t2GDRxdQAAAAAEAAAAAAAAAgAAAAEUtfYRjsLAnE5hGX0Ni8H_W2XdVz5laZ9MdByIYgnDQnXEEx7NyXzBHhKdNVa12XhSLNTNMLuSo5kDMsJUHlEMt8yIE-F7GMDvBXTFvNFniK1Ao0TreYqIYTSKfIvfcZhwiWuHqFGddVhOvTrNt8zi53IeF-g089U",
		"k4.secret-pw.8SqqKhga2erPtJdHMtSD3QAAAAAQAAAAAAAAAwAAAAFgsqMCqzX86kHsjfVlP05h7FBHA-438QAYiiTY4IhpGLDnZLmxLrB4A6P_cC_o2zZR_kxzf5NgsmrsAe-FgrI4e0zd2FhVC3G9d6huc8aKqe-wcUSTLpQsCFTnkuVHM2_sIXQaPoKQl14g-ZjmGEMjtVXiDX6Tb2k",
	} {
		secret, err := Unwrap(text, []byte("correct horse battery staple"))
		require.NoError(t, err)
		raw, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(secret, "k4.secret."))
		require.NoError(t, err)
		require.Equal(t, key, hex.EncodeToString(raw))
	}
}

func TestWrap(t *testing.T) {
	text, err := Wrap(plain, []byte("pass"), cheap)
	require.NoError(t, err)
	require.True(t, Wrapped(text))
	require.False(t, Wrapped(plain))
	again, err := Wrap(plain+"\n", []byte("pass"), cheap)
	require.NoError(t, err)
	require.NotEqual(t, text, again, "salt and nonce are fresh")
	for _, sealed := range []string{text, again, text + "\n"} {
		back, err := Unwrap(sealed, []byte("pass"))
		require.NoError(t, err)
		require.Equal(t, plain, back)
	}
	for _, wrong := range []string{"", "Pass", "pass\n"} {
		_, err = Unwrap(text, []byte(wrong))
		require.ErrorIs(t, err, ErrPassphrase)
	}
	for _, bad := range []string{"", "k4.secret.", plain[:60], "k4.public." + plain[10:]} {
		_, err = Wrap(bad, []byte("pass"), cheap)
		require.ErrorIs(t, err, ErrFormat)
	}
}

// Every octet of the text is protected.
func TestAlteredIsRefused(t *testing.T) {
	text, err := Wrap(plain, []byte("pass"), cheap)
	require.NoError(t, err)
	raw, err := base64.RawURLEncoding.DecodeString(text[len(header):])
	require.NoError(t, err)
	for i := range raw {
		if i >= saltSize && i < saltSize+costSize {
			continue // another cost could be a very long computation
		}
		raw[i] ^= 1
		_, err := Unwrap(header+base64.RawURLEncoding.EncodeToString(raw), []byte("pass"))
		require.ErrorIs(t, err, ErrPassphrase, "octet %d", i)
		raw[i] ^= 1
	}
	for n := range len(text) {
		_, err := Unwrap(text[:n], []byte("pass"))
		require.ErrorIs(t, err, ErrFormat)
	}
}

// A file cannot ask for more work than any sensible key would.
func TestCostIsBounded(t *testing.T) {
	text, err := Wrap(plain, []byte("pass"), cheap)
	require.NoError(t, err)
	for name, cost := range map[string]struct {
		octets        uint64
		passes, lanes uint32
	}{
		"much memory":     {1 << 40, 1, 1},
		"broken memory":   {65537, 1, 1},
		"no memory":       {0, 1, 1},
		"no passes":       {65536, 0, 1},
		"many passes":     {65536, 1 << 20, 1},
		"no lanes":        {65536, 1, 0},
		"too many lanes ": {65536, 1, 256},
	} {
		raw, err := base64.RawURLEncoding.DecodeString(text[len(header):])
		require.NoError(t, err)
		binary.BigEndian.PutUint64(raw[saltSize:], cost.octets)
		binary.BigEndian.PutUint32(raw[saltSize+8:], cost.passes)
		binary.BigEndian.PutUint32(raw[saltSize+12:], cost.lanes)
		_, err = Unwrap(header+base64.RawURLEncoding.EncodeToString(raw), []byte("pass"))
		require.ErrorIs(t, err, ErrFormat, name)
	}
}
