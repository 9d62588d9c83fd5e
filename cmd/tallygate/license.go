package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"tallygate/licensing"
)

func newLicenseCmd(c *console) *cobra.Command {
	return group("license", "Licenses: enter keys, see where they stand and why, deny and restore",
		licenseRequestCmd(c), licenseActivateCmd(c), licenseListCmd(c), licenseShowCmd(c), licenseExplainCmd(c),
		licenseHistoryCmd(c), licenseReceiptCmd(c), licenseCalendarCmd(c), licenseCutOffCmd(c),
		licenseDenyCmd(c), licenseRestoreCmd(c), licenseAssignCmd(c), licenseUnassignCmd(c),
		licenseConfirmStartCmd(c), licenseDeclineStartCmd(c), licenseTransferCmd(c))
}

// readKey takes a key as it was given: the text, @FILE, or - for standard input.
func (c *console) readKey(arg string) (string, error) {
	source := strings.TrimPrefix(arg, "@")
	var text []byte
	var err error
	switch {
	case arg == "-":
		source = "standard input"
		text, err = readEntry(c.in)
	case source != arg:
		text, err = readEntryFile(source)
	default:
		return arg, nil
	}
	if err != nil {
		return "", licensing.Errorf(licensing.CodeInvalid, "cannot read the key: %w", err).
			WithHint("give the key itself, @FILE for a file that holds it, or - for standard input")
	}
	key := strings.TrimSpace(string(text))
	if key == "" {
		return "", licensing.Errorf(licensing.CodeInvalid, "there is no key in %s", source).
			WithHint("the key is the text that begins with v4.public.")
	}
	return key, nil
}

// maxKey is far more than any key needs.
const maxKey = 128 << 10

func readBounded(r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxKey+1))
	if err == nil && len(text) > maxKey {
		err = fmt.Errorf("it is longer than %d octets", maxKey)
	}
	return text, err
}
