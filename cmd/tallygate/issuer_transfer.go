package main

import (
	"cmp"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"tallygate/cmd/internal/distributor"
	"tallygate/cmd/internal/durable"
	"tallygate/licensing"
)

func issuerTransferCmd(c *console) *cobra.Command {
	var t licensing.Transfer
	var release, receipt string
	var carried string // the release, to be written behind the order
	cmd := &cobra.Command{
		Use:   "transfer NUMBER --dir DIR [--to-gateway KEY] [--to-partner ID] [--release FILE] --out FILE",
		Short: "Sign an order that hands a license to another partner, or to another gateway when the old one is dead",
		Long: `To a partner: the license is that partner's from then on; nobody is asked.

To a gateway: with --release the order permits a release that the old gateway has signed,
wherever that was addressed to; FILE then holds both, and everything goes on as it stood.
Without it the old gateway is taken for dead. The order carries the grant and every order so
far; what only the gateway knew is lost. So say when the contract started, with the start
receipt that the venue had exported or with --started-at; with neither it counts anew. The
gateway's signature of a receipt from ` + "`license receipt --format json`" + ` is checked; what
` + "`license show --json`" + ` prints is unsigned.

The old gateway does not hear of this. If it is not dead after all, or comes back from a
snapshot, it serves on until latest_end, or until a confirmation is missing.`,
		Example: `  tallygate issuer transfer TG-XXXX-XXXX-XXXX --dir distributor --to-partner norte --out transfer.key
  tallygate issuer transfer TG-XXXX-XXXX-XXXX --dir distributor --to-gateway k4.public.… --receipt receipt.json --out transfer.key`,
	}
	f := cmd.Flags()
	f.StringVar(&t.ToGateway, "to-gateway", "", "`KEY` of the gateway that takes it (`tallygate gateway id`)")
	f.StringVar(&t.ToPartner, "to-partner", "", "`ID` of the partner that takes it")
	f.StringVar(&release, "release", "", "`FILE` that `gateway release` wrote on the old gateway")
	f.StringVar(&receipt, "receipt", "", "`FILE` of the start receipt (JSON), or of `license show --json`")
	f.Var(timeFlag{&t.StartedAt}, "started-at", "when the contract started")
	f.StringVar(&t.Zone, "time-zone", "", "IANA `ZONE` of the started contract (default: of the key, or of the file)")
	f.IntVar(&t.PausedDays, "paused-days", 0, "days by which denials with a paused clock have moved the last day")
	cmd.MarkFlagsOneRequired("to-gateway", "to-partner")
	cmd.MarkFlagsMutuallyExclusive("release", "receipt", "started-at")
	cmd = c.orderCmd(cmd, func(l distributor.License, o *licensing.Order) (changes []string, err error) {
		draft, proof := t, "" // it is drafted twice: rehearsed, and signed
		switch {
		case t.ToGateway == "" && (release != "" || receipt != "" || !t.StartedAt.IsZero()):
			return nil, &usageError{message: "--release, --receipt and --started-at belong to --to-gateway", hint: "give --to-gateway as well"}
		case t.ToGateway == "":
		case release != "":
			carried, draft.Release, err = readRelease(l, release)
		default:
			proof, err = takenUp(l, &draft, receipt)
		}
		o.Kind, o.Transfer = licensing.OrderTransfer, &draft
		if changes = transferChanges(draft); proof != "" {
			changes = append(changes, proof)
		}
		return changes, err
	})
	sign := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := sign(cmd, args); err != nil || carried == "" || c.dryRun {
			return err
		}
		return appendRelease(cmd.Flag("out").Value.String(), carried)
	}
	return cmd
}

// transferChanges says in sentences what the order will do.
func transferChanges(t licensing.Transfer) (changes []string) {
	if t.ToPartner != "" {
		changes = append(changes, "it belongs to partner "+t.ToPartner)
	}
	if t.ToGateway == "" {
		return changes
	}
	changes = append(changes, "it is served by gateway "+t.ToGateway)
	switch {
	case t.Release != "":
		changes = append(changes, "everything goes on as the release says")
	case t.StartedAt.IsZero():
		changes = append(changes, "no start is given: it counts anew; --receipt or --started-at would carry the start on")
	default:
		changes = append(changes, fmt.Sprintf("the contract goes on from %s (%s)", stamp(t.StartedAt), t.Zone))
	}
	if t.PausedDays != 0 {
		changes = append(changes, "pauses have moved its last day by "+plural(t.PausedDays, "day"))
	}
	return changes
}

// readRelease finds the release of a license in a file of them.
func readRelease(l distributor.License, path string) (text, hash string, err error) {
	content, err := os.ReadFile(path) // #nosec G304 -- the distributor names the file
	if err != nil {
		return "", "", licensing.Errorf(licensing.CodeInvalid, "cannot read the release: %w", err).WithHint("give the file that `tallygate gateway release` wrote")
	}
	_, all := licensing.CutReleases(string(content))
	for _, text := range all {
		r, _, err := licensing.OpenRelease(text)
		if err != nil {
			return "", "", err
		}
		if r.License != l.Number {
			continue
		}
		if r.Sequence != l.NextSequence()-1 {
			return "", "", licensing.Errorf(licensing.CodeConflict, "the old gateway had applied %d orders of %s, and the register holds %d", r.Sequence, l.Number, l.NextSequence()-1).
				WithHint("leave out --release, and say when the contract started: the order then carries all orders by itself")
		}
		hash, err = r.Hash()
		return text, hash, err
	}
	return "", "", licensing.Errorf(licensing.CodeNotFound, "there is no release of %s in %s", l.Number, path).
		WithHint("give the file that `tallygate gateway release` wrote for that license")
}

// takenUp fills in what a gateway must know to take up a license whose old gateway is
// dead. It says what proves the start of a receipt.
func takenUp(l distributor.License, t *licensing.Transfer, receipt string) (proof string, err error) {
	t.Grant = l.Grant.Key
	for _, e := range l.Orders {
		t.Orders = append(t.Orders, e.Key)
	}
	if receipt != "" {
		if proof, err = startOf(l, t, receipt); err != nil {
			return "", err
		}
	}
	if t.StartedAt.IsZero() {
		return "", nil
	}
	t.Zone = cmp.Or(t.Zone, l.Grant.Terms.Zone)
	if t.Zone == "" {
		return "", &usageError{message: "the zone of the contract is not known", hint: "give --time-zone, as `license show` printed it on the old gateway"}
	}
	return proof, nil
}

// startOf reads the start from what the venue had exported, and says what proves it.
func startOf(l distributor.License, t *licensing.Transfer, path string) (proof string, err error) {
	f, proof, err := readStart(l, path)
	if err != nil {
		return "", err
	}
	if r := f.Receipt; r.StartsAt.IsZero() || r.StartsAt.After(time.Now()) {
		return "", licensing.Errorf(licensing.CodeInvalid, "the contract of %s has not started by the receipt in %s", l.Number, path).
			WithHint("check the clock of this machine, or leave out --receipt: the license then counts anew")
	}
	t.Receipt, t.StartedAt = &f.Receipt, f.Receipt.StartsAt.UTC()
	if t.Zone = cmp.Or(t.Zone, l.Grant.Terms.Zone); t.Zone == "" {
		if t.Zone = cmp.Or(f.License.Zone, f.TimeZone); t.Zone != "" && f.Signed != "" {
			proof += "; the time zone beside it is the venue's word"
		}
	}
	t.PausedDays = cmp.Or(t.PausedDays, f.License.PausedDays)
	return proof, nil
}

// appendRelease writes the release behind the order that permits it.
func appendRelease(path, text string) error {
	order, err := readBoundedFile(path)
	if err != nil {
		return durable.CannotWrite(path, err)
	}
	return durable.WriteFile(path, append(order, text+"\n"...), 0o600)
}
