package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A passphrase comes from a file, from standard input or from the file that the
// environment names; the key at rest is useless without it.
func TestIssuerPassphrase(t *testing.T) {
	v := newVenue(t)
	write := func(name, text string) {
		t.Helper()
		require.NoError(t, os.WriteFile(filepath.Join(v.dir, name), []byte(text), 0o600))
	}
	write("old", "correct horse battery\n")
	write("new", "staple of the other kind\r\n")
	write("wrong", "correct house battery\n")
	write("empty", "\n")
	write("lines", "one\ntwo\n")
	grant := func(flags ...string) []string {
		return append([]string{"issuer", "grant", "--dir", "sealed", "--organization", "x", "--realm", "abcdef", "--years", "1", "--out", "key"}, flags...)
	}
	fails := func(message string, args ...string) {
		t.Helper()
		r := v.command(t, args...)
		require.Equal(t, exitFailed, r.status)
		require.Contains(t, r.err, message)
		require.Contains(t, r.err, "what to do: ")
	}
	v.do(t, "issuer", "init", "--dir", "sealed", "--passphrase-file", "old")
	secret, err := os.ReadFile(filepath.Join(v.dir, "sealed", "issuer.key"))
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(string(secret), "k4.secret-pw."))

	fails("the key in sealed needs its passphrase", grant()...)
	fails("the passphrase is wrong", grant("--passphrase-file", "wrong")...)
	fails("cannot read the passphrase", grant("--passphrase-file", "none")...)
	fails("does not hold a passphrase", grant("--passphrase-file", "empty")...)
	fails("does not hold a passphrase", grant("--passphrase-file", "lines")...)
	require.NoFileExists(t, filepath.Join(v.dir, "key"))
	v.do(t, grant("--passphrase-file", "old")...)
	r := v.commandWith(t, strings.NewReader("correct horse battery"), grant("--passphrase-file", "-")...)
	require.Equal(t, exitDone, r.status, r.err)
	t.Setenv(passphraseEnv, "old")
	v.do(t, grant()...)

	// What does not sign does not ask.
	t.Setenv(passphraseEnv, "")
	require.Len(t, v.list(t, "issuer", "list", "--dir", "sealed"), 3)

	r = v.command(t, "issuer", "passphrase", "--dir", "sealed", "--passphrase-file", "old")
	require.Equal(t, exitUsage, r.status)
	v.do(t, "issuer", "passphrase", "--dir", "sealed", "--passphrase-file", "old", "--new-passphrase-file", "new")
	fails("the passphrase is wrong", grant("--passphrase-file", "old")...)
	v.do(t, grant("--passphrase-file", "new")...)
	v.do(t, "issuer", "passphrase", "--dir", "sealed", "--passphrase-file", "new", "--remove")
	v.do(t, grant()...)
	r = v.commandWith(t, strings.NewReader("short"), "issuer", "init", "--dir", "weak", "--passphrase-file", "-")
	require.Equal(t, exitDone, r.status)
	require.Contains(t, r.err, "warning: the passphrase is short")
}

// dialogue is a command at a terminal of its own, and somebody who types.
type dialogue struct {
	t      *testing.T
	keys   *os.File
	screen chan byte
}

func (v *venue) atTerminal(t *testing.T, args ...string) (*dialogue, *exec.Cmd) {
	t.Helper()
	keys, tty := terminal(t)
	cmd := exec.CommandContext(t.Context(), binary, args...)
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = v.dir, tty, tty, tty
	require.NoError(t, cmd.Start())
	require.NoError(t, tty.Close())
	term := &dialogue{t, keys, make(chan byte, 1<<16)}
	go func() {
		defer close(term.screen)
		for buffer := make([]byte, 1000); ; {
			n, err := keys.Read(buffer)
			for _, b := range buffer[:n] {
				term.screen <- b
			}
			if err != nil {
				return
			}
		}
	}()
	return term, cmd
}

// answer waits for a question on the screen, and types. It returns what the screen
// showed up to the question.
func (t *dialogue) answer(question, line string) string {
	t.t.Helper()
	var seen bytes.Buffer
	for b := range t.screen {
		seen.WriteByte(b)
		if strings.HasSuffix(seen.String(), question) {
			_, err := io.WriteString(t.keys, line+"\n")
			require.NoError(t.t, err)
			return seen.String()
		}
	}
	t.t.Fatalf("%q was not asked: %q", question, seen.String())
	return ""
}

// rest is what the screen shows until the command ends.
func (t *dialogue) rest() string {
	var seen bytes.Buffer
	for b := range t.screen {
		seen.WriteByte(b)
	}
	return seen.String()
}

// At a terminal the passphrase is asked for, twice when it is new, and never shown; and
// before anything is signed, what it is stands there to be confirmed.
func TestIssuerAtTerminal(t *testing.T) {
	v := newVenue(t)
	const passphrase = "correct horse battery"
	screen, cmd := v.atTerminal(t, "issuer", "init", "--dir", "asked")
	screen.answer("New passphrase for the key (empty: none): ", passphrase)
	screen.answer("The same again: ", passphrase+"x")
	require.Contains(t, screen.rest(), "the two passphrases differ")
	require.Error(t, cmd.Wait())
	require.NoDirExists(t, filepath.Join(v.dir, "asked"))

	screen, cmd = v.atTerminal(t, "issuer", "init", "--dir", "asked")
	screen.answer("New passphrase for the key (empty: none): ", passphrase)
	screen.answer("The same again: ", passphrase)
	require.NotContains(t, screen.rest(), passphrase)
	require.NoError(t, cmd.Wait())

	grant := []string{"issuer", "grant", "--dir", "asked", "--organization", "Hotel Sol", "--realm", "hotelsol", "--years", "2", "--out", "key"}
	screen, cmd = v.atTerminal(t, grant...)
	screen.answer("issuer.key: ", passphrase)
	screen.answer("Sign 2 years for Hotel Sol? [y/N] ", "n")
	require.Contains(t, screen.rest(), "not confirmed: nothing was changed")
	require.Error(t, cmd.Wait())
	require.NoFileExists(t, filepath.Join(v.dir, "key"))
	screen, cmd = v.atTerminal(t, append(grant, "--yes")...)
	screen.answer("issuer.key: ", passphrase)
	shown := screen.rest()
	require.NoError(t, cmd.Wait())
	number := strings.TrimSpace(shown)

	screen, cmd = v.atTerminal(t, "issuer", "upgrade", number, "--dir", "asked", "--aps", "30", "--out", "order")
	screen.answer("issuer.key: ", passphrase)
	require.Contains(t, screen.answer("Sign this? [y/N] ", "y"), "access points: 30, was not limited")
	require.Contains(t, screen.rest(), number+" order 1: upgrade")
	require.NoError(t, cmd.Wait())
	require.FileExists(t, filepath.Join(v.dir, "order"))

	screen, cmd = v.atTerminal(t, "issuer", "passphrase", "--dir", "asked")
	screen.answer("issuer.key: ", passphrase)
	screen.answer("New passphrase for the key (empty: none): ", "")
	require.Contains(t, screen.rest(), "--remove to go without")
	require.Error(t, cmd.Wait())
}
