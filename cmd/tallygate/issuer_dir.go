package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"tallygate/licensing"
)

// A distributor's directory holds the secret key, the public key, and the register
// of everything that was signed.
const (
	issuerKeyFile    = "issuer.key"
	issuerPublicFile = "issuer.pub"
	registerFile     = "grants.jsonl"
)

// initIssuer makes a key pair in dir and returns the public key. It never replaces a
// secret key: every license signed with it would be lost to its distributor.
func initIssuer(dir string, dryRun bool) (string, error) {
	secret := filepath.Join(dir, issuerKeyFile)
	if _, err := os.Lstat(secret); !errors.Is(err, fs.ErrNotExist) {
		return "", licensing.Errorf(licensing.CodeConflict, "%s exists already", secret).
			WithHint("use it (its public key is in %s), or choose another --dir", filepath.Join(dir, issuerPublicFile))
	}
	key := licensing.NewIssuerKey()
	if dryRun {
		return key.Public(), nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", cannotWrite(dir, err)
	}
	if err := writeNew(secret, key.Text()+"\n", 0o600); err != nil {
		return "", cannotWrite(secret, err)
	}
	public := filepath.Join(dir, issuerPublicFile)
	if err := replaceFile(public, key.Public()+"\n", 0o644); err != nil {
		return "", cannotWrite(public, err)
	}
	return key.Public(), nil
}

func cannotWrite(path string, err error) error {
	return licensing.Errorf(licensing.CodeInternal, "cannot write %s: %w", path, err).
		WithHint("check that the directory exists, that this user may write there, and that the disk has room")
}

// readIssuer reads the secret key in dir.
func readIssuer(dir string) (licensing.IssuerKey, error) {
	path := filepath.Join(dir, issuerKeyFile)
	text, err := readBoundedFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return licensing.IssuerKey{}, licensing.Errorf(licensing.CodeNotFound, "there is no issuer key in %s", dir).
			WithHint("make one with `tallygate issuer init --dir %s`", dir)
	}
	if err != nil {
		return licensing.IssuerKey{}, licensing.Errorf(licensing.CodeInvalid, "cannot read the issuer key: %w", err).
			WithHint("run the command as the user who made %s", path)
	}
	return licensing.ParseIssuerKey(string(text))
}

// grantEntry is a line of the register.
type grantEntry struct {
	IssuedAt time.Time       `json:"issued_at"`
	Numbers  []string        `json:"numbers"`
	Terms    licensing.Terms `json:"terms"`
	Key      string          `json:"key"`
}

// register appends to the register of dir, and returns when it is on the disk: a key
// must not go out that its distributor could forget.
func register(dir string, e grantEntry) error {
	path := filepath.Join(dir, registerFile)
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return cannotWrite(path, err)
	}
	_, err = f.Write(append(line, '\n'))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return cannotWrite(path, err)
	}
	return nil
}

// writeNew writes a file that must not exist.
func writeNew(path, text string, mode fs.FileMode) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Sync(), f.Close())
}

// replaceFile writes a file as a whole: whoever reads it sees the old or the new text.
func replaceFile(path, text string, mode fs.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.WriteString(text)
	if err := errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
