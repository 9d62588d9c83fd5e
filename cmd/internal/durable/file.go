// Package durable writes files that are whole after a crash, and says what to do where
// it cannot.
package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"tallygate/licensing"
)

// CannotWrite is the error of a file that could not be written.
func CannotWrite(path string, err error) error {
	return licensing.Errorf(licensing.CodeInternal, "cannot write %s: %w", path, err).
		WithHint("check that the directory exists, that this user may write there, and that the disk has room")
}

// WriteFile replaces a file as a whole: whoever reads it sees the old or the new text,
// also after a crash.
func WriteFile(path string, text []byte, mode fs.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return CannotWrite(path, err)
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.Write(text)
	if err := errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return CannotWrite(path, err)
	}
	if err := errors.Join(os.Rename(f.Name(), path), SyncDir(filepath.Dir(path))); err != nil {
		return CannotWrite(path, err)
	}
	return nil
}

// CreateFile writes a file that must not exist yet.
func CreateFile(path string, text []byte, mode fs.FileMode) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return CannotWrite(path, err)
	}
	_, err = f.Write(text)
	if err := errors.Join(err, f.Sync(), f.Close(), SyncDir(filepath.Dir(path))); err != nil {
		return CannotWrite(path, err)
	}
	return nil
}

// SyncDir makes the name of a new file as durable as its content.
func SyncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
