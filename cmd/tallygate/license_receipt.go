package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tallygate/admin"
	"tallygate/cmd/internal/durable"
	"tallygate/cmd/internal/sheet"
	"tallygate/licensing"
)

const (
	formatText = "text"
	formatJSON = "json"
	formatPDF  = "pdf"
)

func licenseReceiptCmd(c *console) *cobra.Command {
	format, language, out := formatText, sheet.Languages()[0], ""
	cmd := &cobra.Command{
		Use:   "receipt NUMBER",
		Short: "Print the start receipt, the evidence of when and why the contract began",
		Long: `Prints the start receipt. As JSON it is signed with the gateway's key: send that file
to the distributor, who checks it with "tallygate license receipt verify".

The hash is SHA-256 of the receipt's canonical JSON: jq -jcS .receipt FILE | sha256sum`,
		Example: `  tallygate license receipt TG-XXXX-XXXX-XXXX --format json --out receipt.json
  tallygate license receipt TG-XXXX-XXXX-XXXX --format pdf --out recibo.pdf --language es`,
		Args: takes("NUMBER"),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, args []string) error {
			if c.json {
				format = formatJSON
			}
			if format == formatPDF && out == "" && isTerminal(c.out) {
				return &usageError{message: "a PDF is not for the screen", hint: "say where it goes: --out FILE"}
			}
			e, err := g.Receipt(ctx, args[0])
			if err != nil {
				return err
			}
			var drawn bytes.Buffer
			if err := writeReceipt(&drawn, e, format, language); err != nil {
				return err
			}
			if out == "" {
				_, err = c.out.Write(drawn.Bytes())
				return err
			}
			if err := durable.WriteFile(out, drawn.Bytes(), 0o600); err != nil {
				return err
			}
			return c.done(e, "the receipt of %s stands in %s; its hash is %s", e.Receipt.Number, out, e.Hash)
		}),
	}
	cmd.Flags().Var(choice[string]{&format, []string{formatText, formatJSON, formatPDF}}, "format", "how to write it")
	cmd.Flags().StringVar(&out, "out", "", "`FILE` to write it to; standard output without it")
	cmd.Flags().Var(choice[string]{&language, sheet.Languages()}, "language", "language of the PDF")
	cmd.AddCommand(receiptVerifyCmd(c))
	return cmd
}

func writeReceipt(w io.Writer, e licensing.Evidence, format, language string) error {
	switch format {
	case formatJSON:
		return writeJSON(w, e)
	case formatPDF:
		zone, err := time.LoadLocation(e.TimeZone)
		if err != nil {
			zone = time.UTC
		}
		return sheet.Receipt(w, sheet.ReceiptData{Receipt: e.Receipt, Hash: e.Hash, Organization: e.Organization, LocationName: e.LocationName, Zone: zone}, language)
	}
	return receiptText(w, e)
}

func receiptText(w io.Writer, e licensing.Evidence) error {
	r := e.Receipt
	last := ""
	if e.LastDay != nil {
		last = e.LastDay.String()
	}
	fields := []field{
		{"license", r.Number}, {"Organization", e.Organization}, {"Location", strings.TrimSpace(r.Location + " " + e.LocationName)},
		{"started", stamp(r.StartsAt)}, {"recorded", stamp(r.RecordedAt)}, {"last day, as of now", last}, {"time zone", e.TimeZone},
		{"rule", r.Rule}, {"threshold", fmt.Sprint(r.Threshold)},
	}
	for i, s := range r.Sightings {
		fields = append(fields, field{fmt.Sprintf("device %d", i+1), sightingText(s)})
	}
	return writeFields(w, append(fields, field{"gateway", r.GatewayKey}, field{"audit head before", r.AuditHead},
		field{"audit entry", fmt.Sprint(e.Entry)}, field{"hash", e.Hash}, field{"void", e.Void}))
}

func receiptVerifyCmd(c *console) *cobra.Command {
	var gateway string
	cmd := &cobra.Command{
		Use:   "verify FILE|-",
		Short: "Check that a gateway wrote a start receipt exactly so; needs no daemon",
		Long: `Checks the signature and the hash of a receipt that "license receipt --format json"
has written. Whose signature it must be only you can know: give the gateway's key
("tallygate gateway id" shows it) with --gateway, or compare the one that is printed.`,
		Args: takes("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			text, err := c.readKey("@" + args[0])
			if args[0] == "-" {
				text, err = c.readKey("-")
			}
			if err != nil {
				return err
			}
			var e licensing.Evidence
			if err := json.Unmarshal([]byte(text), &e); err != nil {
				return licensing.Errorf(licensing.CodeInvalid, "%s holds no receipt: %w", args[0], err).
					WithHint("use the file that `tallygate license receipt NUMBER --format json` wrote")
			}
			report := e.Check(gateway)
			verdict := "genuine"
			if !report.OK {
				verdict = "NOT genuine"
			}
			fields := []field{{"receipt", verdict}, {"license", report.Number}, {"started", stamp(report.StartsAt)}, {"hash", report.Hash}, {"signed by gateway", report.Gateway}}
			for _, p := range report.Problems {
				fields = append(fields, field{"problem", p})
			}
			if err := c.describe(report, fields...); err != nil {
				return err
			}
			if !report.OK {
				return silentFailure{}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&gateway, "gateway", "", "`KEY` of the gateway that must have signed it")
	return cmd
}
