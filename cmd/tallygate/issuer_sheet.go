package main

import (
	"bytes"
	"slices"

	"github.com/spf13/cobra"

	"tallygate/cmd/internal/distributor"
	"tallygate/cmd/internal/durable"
	"tallygate/cmd/internal/sheet"
	"tallygate/licensing"
)

// paper is a sheet that a command is asked for.
type paper struct{ file, language string }

func (p *paper) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&p.file, "pdf", "", "`FILE` for a sheet to hand over: the license, its key as text and as a QR code")
	p.language = sheet.Languages()[0]
	cmd.Flags().Var(choice[string]{&p.language, sheet.Languages()}, "language", "language of the sheet")
}

func (p paper) write(drawn []byte) error {
	if p.file == "" {
		return nil
	}
	return durable.WriteFile(p.file, drawn, 0o600)
}

// sheetOf is what the sheet of a grant shows. What is known of the Location besides its
// id, only the request tells.
func sheetOf(e distributor.Entry) sheet.LicenseData {
	data := sheet.LicenseData{Numbers: e.Numbers, Terms: *e.Terms, Key: e.Key}
	if e.Request != nil && e.Request.Location.ID == e.Terms.Location {
		data.Location = e.Request.Location
	}
	return data
}

func issuerSheetCmd(c *console) *cobra.Command {
	var dir string
	var p paper
	cmd := &cobra.Command{
		Use:     "sheet NUMBER --dir DIR --pdf FILE",
		Short:   "Draw the sheet of a license again, as it was granted",
		Example: `  tallygate issuer sheet TG-XXXX-XXXX-XXXX --dir distributor --pdf hoja.pdf --language es`,
		Args:    takes("NUMBER"),
		RunE: func(_ *cobra.Command, args []string) error {
			l, err := findIssued(dir, args[0])
			if err != nil {
				return err
			}
			if err := distributor.CheckOut(dir, p.file); err != nil {
				return err
			}
			var drawn bytes.Buffer
			if err := sheet.License(&drawn, sheetOf(l.Grant), p.language); err != nil {
				return err
			}
			if !c.dryRun {
				if err := p.write(drawn.Bytes()); err != nil {
					return err
				}
			}
			made := struct {
				Numbers  []string `json:"numbers"`
				PDF      string   `json:"pdf"`
				Language string   `json:"language"`
			}{slices.Clone(l.Grant.Numbers), p.file, p.language}
			return c.done(made, "drew the sheet of %s: %s", l.Number, p.file)
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "`DIR` that issuer init made")
	p.flags(cmd)
	return c.changes(required(cmd, "dir", "pdf"))
}

// findIssued finds a license in the register of a directory.
func findIssued(dir, number string) (distributor.License, error) {
	r, err := distributor.OpenRegister(dir)
	if err != nil {
		return distributor.License{}, err
	}
	return r.License(number)
}

// locationOf is the id of the Location that a license is for, or what stands for any.
func locationOf(t licensing.Terms) string { return or(t.Location, "any") }
