// Package distributor keeps a distributor's directory: the key pair that signs, and
// the register of everything that was signed with it. It needs no gateway.
//
//	issuer.key      the secret key, readable by its owner alone: k4.secret.…, or with a
//	                passphrase k4.secret-pw.… (see package paserk)
//	issuer.pub      the public key, k4.public.…, which gateways trust
//	register.jsonl  a line of JSON for each grant and order, oldest first (see Entry)
package distributor

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"tallygate/cmd/internal/durable"
	"tallygate/cmd/internal/paserk"
	"tallygate/licensing"
)

const (
	secretFile = "issuer.key"
	publicFile = "issuer.pub"

	// keyMax is far more than a key file holds.
	keyMax = 4 << 10
)

// Passphrase finds the passphrase of a key that needs one.
type Passphrase func() ([]byte, error)

// Dir is a distributor's directory whose key has been opened.
type Dir struct {
	path string
	key  licensing.IssuerKey
}

// Public is the public key, k4.public.….
func (d *Dir) Public() string { return d.key.Public() }

// Register is what was issued from the directory.
func (d *Dir) Register() Register { return Register{d.path} }

// CheckNew reports, with CodeConflict, whether path holds a secret key already.
func CheckNew(path string) error {
	secret := filepath.Join(path, secretFile)
	if _, err := os.Lstat(secret); !errors.Is(err, fs.ErrNotExist) {
		return licensing.Errorf(licensing.CodeConflict, "%s exists already", secret).
			WithHint("use it (its public key is in %s), or choose another --dir", filepath.Join(path, publicFile))
	}
	return nil
}

// Init makes a key pair in a directory, which is created if absent, and returns the
// public key. An empty passphrase leaves the secret key in clear. It never replaces a
// secret key: every license signed with it would be lost to its distributor.
func Init(path string, passphrase []byte, dryRun bool) (string, error) {
	if err := CheckNew(path); err != nil {
		return "", err
	}
	key := licensing.NewIssuerKey()
	text, err := sealed(key, passphrase)
	if err != nil || dryRun {
		return key.Public(), err
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return "", durable.CannotWrite(path, err)
	}
	if err := durable.CreateFile(filepath.Join(path, secretFile), text, 0o600); err != nil {
		return "", err
	}
	return key.Public(), durable.WriteFile(filepath.Join(path, publicFile), []byte(key.Public()+"\n"), 0o644)
}

// sealed is the content of the file of the secret key.
func sealed(key licensing.IssuerKey, passphrase []byte) ([]byte, error) {
	text := key.Text()
	if len(passphrase) > 0 {
		var err error
		if text, err = paserk.Wrap(text, passphrase, paserk.DefaultCost()); err != nil {
			return nil, licensing.Errorf(licensing.CodeInternal, "cannot encrypt the issuer key: %w", err)
		}
	}
	return []byte(text + "\n"), nil
}

// Open reads the secret key of a directory. ask is called only where the key needs a
// passphrase. What can be wrong: CodeNotFound without a key, CodeRefused with a wrong
// passphrase, CodeInvalid for what cannot be read or is damaged.
func Open(path string, ask Passphrase) (*Dir, error) {
	text, err := readSecret(path)
	if err != nil {
		return nil, err
	}
	if paserk.Wrapped(text) {
		passphrase, err := ask()
		if err != nil {
			return nil, err
		}
		if text, err = unwrap(path, text, passphrase); err != nil {
			return nil, err
		}
	}
	key, err := licensing.ParseIssuerKey(text)
	if err != nil {
		return nil, err
	}
	return &Dir{path, key}, nil
}

func readSecret(path string) (string, error) {
	secret := filepath.Join(path, secretFile)
	f, err := os.Open(secret)
	if errors.Is(err, fs.ErrNotExist) {
		return "", licensing.Errorf(licensing.CodeNotFound, "there is no issuer key in %s", path).
			WithHint("make one with `tallygate issuer init --dir %s`", path)
	}
	var text []byte
	if err == nil {
		text, err = io.ReadAll(io.LimitReader(f, keyMax))
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return "", licensing.Errorf(licensing.CodeInvalid, "cannot read the issuer key: %w", err).
			WithHint("run the command as the user who made %s", secret)
	}
	return string(text), nil
}

func unwrap(path, text string, passphrase []byte) (string, error) {
	plain, err := paserk.Unwrap(text, passphrase)
	switch {
	case errors.Is(err, paserk.ErrPassphrase):
		return "", licensing.Errorf(licensing.CodeRefused, "%w", err).
			WithHint("try again; without the passphrase nobody can use %s, and a new key pair is a new distributor to every gateway", filepath.Join(path, secretFile))
	case err != nil:
		return "", licensing.Errorf(licensing.CodeInvalid, "%s is damaged: %w", filepath.Join(path, secretFile), err).
			WithHint("restore the file from its backup")
	}
	return plain, nil
}

// SetPassphrase encrypts the secret key anew; an empty passphrase leaves it in clear.
// A crash leaves the old file or the new one. Copies elsewhere keep the old passphrase.
func (d *Dir) SetPassphrase(passphrase []byte, dryRun bool) error {
	text, err := sealed(d.key, passphrase)
	if err != nil || dryRun {
		return err
	}
	return durable.WriteFile(filepath.Join(d.path, secretFile), text, 0o600)
}

// Loose reports whether others than the owner can read the file of the secret key.
func Loose(path string) (file string, loose bool) {
	file = filepath.Join(path, secretFile)
	info, err := os.Stat(file)
	return file, err == nil && info.Mode().Perm()&0o077 != 0
}

// CheckOut refuses, before anything is signed, a file that cannot be written after, or
// that is one of the own files of the distributor's directory.
func CheckOut(dir, path string) error {
	if info, err := os.Stat(filepath.Dir(path)); err != nil || !info.IsDir() {
		return licensing.Errorf(licensing.CodeInvalid, "there is no directory for %s", path).
			WithHint("make it, or choose another file")
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil || !info.Mode().IsRegular() {
		return licensing.Errorf(licensing.CodeInvalid, "%s is not a file that can be written", path).
			WithHint("choose another file")
	}
	for _, name := range []string{secretFile, publicFile, registerFile} {
		if own, err := os.Stat(filepath.Join(dir, name)); err == nil && os.SameFile(info, own) {
			return licensing.Errorf(licensing.CodeConflict, "%s is one of the distributor's own files", path).
				WithHint("choose another file: this one must not be lost")
		}
	}
	return nil
}

// CheckOut is the function CheckOut, for this directory.
func (d *Dir) CheckOut(path string) error { return CheckOut(d.path, path) }
