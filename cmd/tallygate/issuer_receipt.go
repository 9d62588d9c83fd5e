package main

import (
	"encoding/json"
	"errors"
	"strings"

	"tallygate/cmd/internal/distributor"
	"tallygate/licensing"
)

// unproven is said of a start receipt that no gateway has signed.
const unproven = "nothing but the venue's word says that the start was so"

// startFile is a file with a start receipt: what `license receipt --format json` writes,
// signed by the gateway, what `license show --json` prints, or the receipt alone. All but
// the receipt of a signed file is the venue's word.
type startFile struct {
	licensing.Evidence
	Shown   licensing.Receipt `json:"start_receipt"`
	License struct {
		Zone       string `json:"zone"`
		PausedDays int    `json:"paused_days"`
	} `json:"license"`
}

// readStart reads the start receipt of a license, and says what proves it. A signature
// must be that of the gateway that serves the license, as far as the register knows.
func readStart(l distributor.License, path string) (f startFile, proof string, err error) {
	text, err := readBoundedFile(path)
	if err != nil {
		return f, "", licensing.Errorf(licensing.CodeInvalid, "cannot read the start receipt: %w", err).WithHint("give the file that the gateway exported")
	}
	if err := f.read(text); err != nil {
		return f, "", licensing.Errorf(licensing.CodeInvalid, "%s holds no start receipt: %w", path, err).
			WithHint("give what `tallygate license receipt %s --format json` writes on the gateway", l.Number)
	}
	if f.Receipt.Number != l.Number {
		return f, "", licensing.Errorf(licensing.CodeInvalid, "the receipt is of license %s, not of %s", f.Receipt.Number, l.Number).
			WithHint("give the receipt of the license that the order is for")
	}
	if f.Signed == "" {
		f.Hash, err = f.Receipt.Hash()
		return f, "the receipt is unsigned: " + unproven, err
	}
	report := f.Check(l.Terms().Gateway)
	if !report.OK {
		return f, "", licensing.Errorf(licensing.CodeRefused, "the start receipt is not genuine: %s", strings.Join(report.Problems, "; ")).
			WithHint("ask the venue for the file as its gateway wrote it: `tallygate license receipt %s --format json`", l.Number)
	}
	f.Receipt, _, err = licensing.VerifyReceipt(f.Signed)
	f.License.PausedDays = 0 // an export has none
	return f, "the receipt is signed by gateway " + report.Gateway, err
}

// read finds the receipt: exported, shown with its license, or by itself. What is signed
// is never looked for elsewhere.
func (f *startFile) read(text []byte) error {
	var alone licensing.Receipt
	if err := errors.Join(json.Unmarshal(text, f), json.Unmarshal(text, &alone)); err != nil {
		return err
	}
	if f.Signed != "" {
		return nil
	}
	for _, found := range []licensing.Receipt{f.Receipt, f.Shown, alone} {
		if !found.RecordedAt.IsZero() {
			f.Receipt = found
			return nil
		}
	}
	return errors.New("no start is recorded in it")
}
