package admin

import (
	"context"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tallygate/licensing"
)

func TestSocketIsTheOwnersAlone(t *testing.T) {
	s := serve(t, Options{Store: &fakeStore{}})
	info, err := os.Stat(s.socket)
	require.NoError(t, err)
	require.Equal(t, fs.ModeSocket|0o600, info.Mode())
	files, err := os.ReadDir(filepath.Dir(s.socket))
	require.NoError(t, err)
	require.Len(t, files, 1, "the directory in which it was bound must be gone")
}

func TestSocketGoesWithItsServer(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "admin.sock")
	s, err := Listen(Options{Socket: socket, Store: &fakeStore{}})
	require.NoError(t, err)
	require.FileExists(t, socket)
	require.NoError(t, s.Close(context.Background()), "without Serve")
	require.NoFileExists(t, socket)
	require.NoError(t, s.Close(context.Background()), "twice")
}

// staleSocket is what a killed gateway leaves behind.
func staleSocket(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "admin.sock")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	require.NoError(t, err)
	l.SetUnlinkOnClose(false)
	require.NoError(t, l.Close())
	require.FileExists(t, path)
	return path
}

func TestSocketOfTheDeadIsReplaced(t *testing.T) {
	path := staleSocket(t)
	s, err := Listen(Options{Socket: path, Store: &fakeStore{}})
	require.NoError(t, err)
	require.NoError(t, s.Close(context.Background()))
}

func TestSocketOfTheLivingIsNot(t *testing.T) {
	s := serve(t, Options{Store: &fakeStore{}})
	_, err := Listen(Options{Socket: s.socket, Store: &fakeStore{}})
	require.Equal(t, licensing.CodeConflict, licensing.CodeOf(err))
	require.ErrorContains(t, err, "a gateway is already running on "+s.socket)
	_, err = s.client.Gateway(context.Background())
	require.NoError(t, err, "the running one must not have noticed")
}

func TestSocketPathTooLong(t *testing.T) {
	_, err := Listen(Options{Socket: filepath.Join(t.TempDir(), strings.Repeat("x", 120), "admin.sock"), Store: &fakeStore{}})
	require.Equal(t, licensing.CodeInvalid, licensing.CodeOf(err))
	require.ErrorContains(t, err, "too long for a unix socket")
}
