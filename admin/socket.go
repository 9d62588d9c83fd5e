package admin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"tallygate/licensing"
)

// maxSocketPath is how long sun_path may be on Linux, without its closing zero.
const maxSocketPath = 107

// listenSocket binds a unix socket that only its owner can open. There is no moment at
// which others could: it is bound inside a directory of mode 0700 and moved to its
// place when it is 0600 itself. (Setting the umask instead would be for the whole process.)
func listenSocket(path string) (net.Listener, error) {
	if err := checkSocketPath(path); err != nil {
		return nil, err
	}
	dialer := net.Dialer{Timeout: time.Second}
	if peer, err := dialer.DialContext(context.Background(), "unix", path); err == nil {
		_ = peer.Close()
		return nil, licensing.Errorf(licensing.CodeConflict, "a gateway is already running on %s", path).
			WithHint("stop it first, or give this one another data_dir")
	}
	dir, err := os.MkdirTemp(filepath.Dir(path), ".sock")
	if err != nil {
		return nil, fmt.Errorf("cannot create the admin socket: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	fresh := filepath.Join(dir, "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: fresh, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("cannot create the admin socket: %w", err)
	}
	l.SetUnlinkOnClose(false) // it would look for the name it was bound under
	if err := errors.Join(os.Chmod(fresh, 0o600), os.Rename(fresh, path)); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot create the admin socket: %w", err), l.Close())
	}
	return &socket{UnixListener: l, path: path}, nil
}

// checkSocketPath refuses what the kernel would refuse with "invalid argument". The
// name under which the socket is bound is a little longer than its own.
func checkSocketPath(path string) error {
	const during = len(".sock1234567890/s") - len("admin.sock")
	if len(path)+during <= maxSocketPath {
		return nil
	}
	return licensing.Errorf(licensing.CodeInvalid, "the path of the admin socket is too long for a unix socket (%d characters): %s", len(path), path).
		WithHint("choose a data_dir with a shorter path")
}

// socket removes its file when it closes.
type socket struct {
	*net.UnixListener
	path string
}

func (s *socket) Close() error {
	err := s.UnixListener.Close()
	if err == nil { // only the first Close: the file may be another gateway's by now
		err = os.Remove(s.path)
	}
	return err
}
