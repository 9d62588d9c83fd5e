package store

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// keys are the gateway's secrets. They stand outside the database, so that a copy of
// it alone neither forges an audit entry nor turns a pseudonym into a MAC.
type keys struct {
	public    string // k4.public.…, what a grant is bound to
	audit     []byte
	class     []byte
	pseudonym []byte
	signer    licensing.IssuerKey // signs releases; its public half is public
}

// loadKeys reads DIR/gateway.key, or makes it on the first start.
func loadKeys(dir string) (*keys, error) {
	path := filepath.Join(dir, "gateway.key")
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		seed := make([]byte, ed25519.SeedSize)
		if _, err := rand.Read(seed); err != nil {
			return nil, faultf("no random numbers: %w", err)
		}
		text = []byte(hex.EncodeToString(seed) + "\n")
		err = writeFile(path, text)
	}
	if err != nil {
		return nil, licensing.Errorf(licensing.CodeInternal, "cannot read the gateway's key: %w", err).
			WithHint("check who owns %s", path)
	}
	seed, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(seed) != ed25519.SeedSize {
		return nil, licensing.Errorf(licensing.CodeInvalid, "%s does not hold a gateway key", path).
			WithHint("restore the file from a backup: licenses are bound to the key in it")
	}
	k := &keys{}
	if k.signer, err = licensing.GatewayKey(seed); err != nil {
		return nil, err
	}
	k.public = k.signer.Public()
	for purpose, key := range map[string]*[]byte{
		"tallygate audit chain": &k.audit, "tallygate class token": &k.class, "tallygate pseudonyms": &k.pseudonym,
	} {
		if *key, err = hkdf.Key(sha256.New, seed, nil, purpose, 32); err != nil {
			return nil, faultf("cannot derive a key: %w", err)
		}
	}
	return k, nil
}

// pseudonymOfGuest stands for a user name where only "the same one again" matters.
func (k *keys) pseudonymOfGuest(name []byte) []byte {
	h := hmac.New(sha256.New, k.pseudonym)
	_, _ = h.Write([]byte("guest "))
	_, _ = h.Write(name)
	return h.Sum(nil)[:16]
}

// pseudonymOf names a device on receipts and in the audit log without its MAC.
func (k *keys) pseudonymOf(m macwatch.MAC) string {
	h := hmac.New(sha256.New, k.pseudonym)
	h.Write([]byte(m.String()))
	return "dev-" + hex.EncodeToString(h.Sum(nil)[:8])
}

// writeFile replaces a file as a whole, for this user alone: after a crash it is the old one
// or the new one.
func writeFile(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(0o600), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
