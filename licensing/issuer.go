package licensing

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// PASERK headers: how PASETO keys are written as text.
const (
	secretHeader = "k4.secret."
	publicHeader = "k4.public."
)

// IssuerKey is a distributor's Ed25519 key pair, with which grants are signed. The
// zero value signs nothing. Printing one shows the public half only.
type IssuerKey struct{ secret ed25519.PrivateKey }

// NewIssuerKey makes a key pair from the system's random numbers.
func NewIssuerKey() IssuerKey {
	seed := make([]byte, ed25519.SeedSize)
	rand.Read(seed) // never fails: without random numbers the process ends
	return IssuerKey{ed25519.NewKeyFromSeed(seed)}
}

// ParseIssuerKey reads what Text wrote; CodeInvalid otherwise. The error never
// repeats the text.
func ParseIssuerKey(text string) (IssuerKey, error) {
	raw, ok := decodeKey(text, secretHeader, ed25519.PrivateKeySize)
	if !ok {
		return IssuerKey{}, Errorf(CodeInvalid, "this is not an issuer's secret key").
			WithHint("it is one line that begins with %s; `tallygate issuer init` writes it", secretHeader)
	}
	key := ed25519.NewKeyFromSeed(raw[:ed25519.SeedSize])
	if !key.Equal(ed25519.PrivateKey(raw)) {
		return IssuerKey{}, Errorf(CodeInvalid, "the issuer's secret key is damaged: its halves do not belong together").
			WithHint("restore the key file from its backup")
	}
	return IssuerKey{key}, nil
}

// Text is the secret key as text, k4.secret.…: to be kept as a secret.
func (k IssuerKey) Text() string { return encodeKey(secretHeader, k.secret) }

// Public is the public key as text, k4.public.…: what gateways trust. It is "" for
// the zero IssuerKey.
func (k IssuerKey) Public() string {
	if k.secret == nil {
		return ""
	}
	return encodeKey(publicHeader, k.secret.Public().(ed25519.PublicKey))
}

// String is the public key, so that no log line holds the secret by accident.
func (k IssuerKey) String() string { return k.Public() }

// GoString is String, for the same reason.
func (k IssuerKey) GoString() string { return "licensing.IssuerKey(" + k.Public() + ")" }

// CheckIssuer reports, with CodeInvalid, what is wrong with an issuer's public key
// as text.
func CheckIssuer(public string) error {
	if _, ok := decodeKey(public, publicHeader, ed25519.PublicKeySize); ok {
		return nil
	}
	err := Errorf(CodeInvalid, "%.80q is not an issuer's public key", public)
	if strings.HasPrefix(public, secretHeader) {
		err = Errorf(CodeInvalid, "this is an issuer's secret key, not its public key")
	}
	return err.WithHint("a public key is one line that begins with %s; `tallygate issuer init --json` prints it", publicHeader)
}

func encodeKey(header string, key []byte) string {
	return header + base64.RawURLEncoding.EncodeToString(key)
}

// decodeKey is strict, so that each key has one text only and texts can be compared.
func decodeKey(text, header string, size int) ([]byte, bool) {
	body, found := strings.CutPrefix(strings.TrimSpace(text), header)
	raw, err := base64.RawURLEncoding.Strict().DecodeString(body)
	return raw, found && err == nil && len(raw) == size
}

// NewGrantID makes the identity of a new grant: 16 random octets, in hexadecimal.
func NewGrantID() string {
	id := make([]byte, 16)
	rand.Read(id)
	return hex.EncodeToString(id)
}
