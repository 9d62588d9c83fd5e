package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"tallygate/cmd/internal/distributor"
	"tallygate/licensing"
)

// passphraseEnv names the file of the passphrase, for machines that issue by themselves.
const passphraseEnv = "TALLYGATE_ISSUER_PASSPHRASE_FILE" //nolint:gosec // G101: the name of a variable, not a secret

// goodPassphrase is the length below which a passphrase is called short.
const goodPassphrase = 12

func issuerInitCmd(c *console) *cobra.Command {
	var dir, file string
	cmd := &cobra.Command{
		Use:   "init --dir DIR",
		Short: "Make a distributor's key pair",
		Long: `Makes a key pair in DIR, which is created if absent. issuer.key is the secret: whoever has
it can sign licenses; keep it off every gateway and in a safe backup. With a passphrase it is
encrypted (PASERK k4.secret-pw: Argon2id, XChaCha20, BLAKE2b). The public key goes into the
configuration of each gateway, under issuers.`,
		Args: takes(),
		RunE: func(*cobra.Command, []string) error {
			if err := distributor.CheckNew(dir); err != nil {
				return err
			}
			passphrase, err := c.newPassphrase(file)
			if err != nil {
				return err
			}
			public, err := distributor.Init(dir, passphrase, c.dryRun)
			if err != nil {
				return err
			}
			made := struct {
				PublicKey  string `json:"public_key"`
				Dir        string `json:"dir"`
				Passphrase bool   `json:"passphrase"` // whether the secret key needs one
			}{public, dir, len(passphrase) > 0}
			return c.done(made, "made a key pair in %s; its public key, for the configuration of each gateway:\n%s", dir, public)
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "`DIR` for the distributor's files")
	cmd.Flags().StringVar(&file, "passphrase-file", "", "`FILE` that holds a passphrase for the key, or - for standard input")
	return c.changes(required(cmd, "dir"))
}

func issuerPassphraseCmd(c *console) *cobra.Command {
	var s signing
	var file string
	var remove bool
	cmd := &cobra.Command{
		Use:   "passphrase --dir DIR",
		Short: "Change the passphrase of the distributor's key, give it one, or take it away",
		Long: `Encrypts issuer.key with another passphrase; the key itself stays the same, and so do the
licenses signed with it. Backups made before keep the passphrase they were made with.`,
		Example: `  tallygate issuer passphrase --dir distributor --new-passphrase-file new.txt
  tallygate issuer passphrase --dir distributor --passphrase-file old.txt --remove`,
		Args: takes(),
		RunE: func(*cobra.Command, []string) error {
			d, err := c.openIssuer(s)
			if err != nil {
				return err
			}
			var passphrase []byte
			if !remove {
				if passphrase, err = c.newPassphrase(file); err != nil {
					return err
				}
				if len(passphrase) == 0 {
					return &usageError{message: "there is no new passphrase", hint: "give --new-passphrase-file FILE, or --remove to go without"}
				}
			}
			if err := d.SetPassphrase(passphrase, c.dryRun); err != nil {
				return err
			}
			changed := struct {
				PublicKey  string `json:"public_key"`
				Passphrase bool   `json:"passphrase"`
			}{d.Public(), len(passphrase) > 0}
			if remove {
				return c.done(changed, "the key in %s needs no passphrase any more", s.dir)
			}
			return c.done(changed, "the key in %s has a new passphrase", s.dir)
		},
	}
	s.flags(cmd)
	cmd.Flags().StringVar(&file, "new-passphrase-file", "", "`FILE` that holds the new passphrase, or - for standard input")
	cmd.Flags().BoolVar(&remove, "remove", false, "leave the key without a passphrase")
	cmd.MarkFlagsMutuallyExclusive("new-passphrase-file", "remove")
	return c.changes(required(cmd, "dir"))
}

// signing is where a command that signs finds the key.
type signing struct{ dir, passphraseFile string }

func (s *signing) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.dir, "dir", "", "`DIR` that issuer init made")
	cmd.Flags().StringVar(&s.passphraseFile, "passphrase-file", "", "`FILE` that holds the key's passphrase, or - for standard input (default: $"+passphraseEnv+", else it is asked for)")
}

// openIssuer reads the distributor's key, asking for its passphrase where it needs one.
func (c *console) openIssuer(s signing) (*distributor.Dir, error) {
	if file, loose := distributor.Loose(s.dir); loose {
		c.warn("others than its owner can read %s: chmod 600 %s", file, file)
	}
	return distributor.Open(s.dir, func() ([]byte, error) {
		if file := or(s.passphraseFile, os.Getenv(passphraseEnv)); file != "" {
			return c.readPassphrase(file)
		}
		if !isTerminal(c.in) {
			return nil, licensing.Errorf(licensing.CodeInvalid, "the key in %s needs its passphrase", s.dir).
				WithHint("give --passphrase-file FILE, or set %s", passphraseEnv)
		}
		return c.typedPassphrase(fmt.Sprintf("Passphrase of %s: ", filepath.Join(s.dir, "issuer.key")))
	})
}

// newPassphrase is a passphrase to be set; none when nobody gives one.
func (c *console) newPassphrase(file string) ([]byte, error) {
	var passphrase []byte
	var err error
	switch {
	case file != "":
		passphrase, err = c.readPassphrase(file)
	case isTerminal(c.in) && !c.yes:
		passphrase, err = c.typedTwice()
	}
	if n := len(passphrase); err == nil && n > 0 && n < goodPassphrase {
		c.warn("the passphrase is short; several random words are easier to keep and harder to guess")
	}
	return passphrase, err
}

func (c *console) typedTwice() ([]byte, error) {
	first, err := c.typedPassphrase("New passphrase for the key (empty: none): ")
	if err != nil || len(first) == 0 {
		return nil, err
	}
	second, err := c.typedPassphrase("The same again: ")
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(first, second) {
		return nil, licensing.Errorf(licensing.CodeInvalid, "the two passphrases differ").WithHint("nothing was changed; try again")
	}
	return first, nil
}

// typedPassphrase asks at the terminal, which does not show what is typed.
func (c *console) typedPassphrase(prompt string) ([]byte, error) {
	f, ok := c.in.(*os.File)
	if !ok {
		return nil, errors.New("no terminal to ask for the passphrase at")
	}
	show := hideTyping(int(f.Fd()))
	_, _ = fmt.Fprint(c.err, prompt)
	text, err := term.ReadPassword(int(f.Fd()))
	show()
	_, _ = fmt.Fprintln(c.err)
	if err != nil {
		return nil, fmt.Errorf("cannot read the passphrase: %w", err)
	}
	return text, nil
}

// hideTyping switches the terminal's echo off before the question is there: who answers
// at once would see the passphrase. Calling show switches it on again.
func hideTyping(fd int) (show func()) {
	shown, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return func() {} // no terminal: nothing is echoed
	}
	hidden := *shown
	hidden.Lflag &^= unix.ECHO
	_ = unix.IoctlSetTermios(fd, unix.TCSETS, &hidden)
	return func() { _ = unix.IoctlSetTermios(fd, unix.TCSETS, shown) }
}

// readPassphrase reads a file, or standard input. The end of the line is not part of it.
func (c *console) readPassphrase(file string) ([]byte, error) {
	var text []byte
	var err error
	if file == "-" {
		text, err = readBounded(c.in)
	} else {
		text, err = readBoundedFile(file)
	}
	if err != nil {
		return nil, licensing.Errorf(licensing.CodeInvalid, "cannot read the passphrase: %w", err).
			WithHint("give the name of a file that holds it, or - for standard input")
	}
	text = bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r"))
	if len(text) == 0 || bytes.ContainsAny(text, "\r\n") {
		return nil, licensing.Errorf(licensing.CodeInvalid, "%s does not hold a passphrase: it is one line, and not empty", file).
			WithHint("write the passphrase, and nothing else, into the file")
	}
	return text, nil
}
