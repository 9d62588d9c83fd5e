package main

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/spf13/cobra"

	"tallygate/cmd/internal/distributor"
	"tallygate/licensing"
)

func issuerUndoStartCmd(c *console) *cobra.Command {
	var receipt string
	cmd := &cobra.Command{
		Use:   "undo-start NUMBER --dir DIR --receipt FILE|HASH --out FILE",
		Short: "Sign the order that takes back an accidental start, once per license",
		Long: `Takes back a start that happened by accident, such as a test with five telephones. The
order names the start receipt, as the gateway exported it or by its hash; counting then
begins anew with what is seen after.`,
		Example: `  tallygate issuer undo-start TG-XXXX-XXXX-XXXX --dir distributor --receipt receipt.json --out undo.key`,
	}
	cmd.Flags().StringVar(&receipt, "receipt", "", "`FILE` of the start receipt (JSON), or its hash")
	return required(c.orderCmd(cmd, func(l distributor.License, o *licensing.Order) ([]string, error) {
		if e, undone := l.Last(licensing.OrderUndoStart); undone {
			return nil, licensing.Errorf(licensing.CodeConflict, "a start of license %s was taken back already, by order %d", l.Number, e.Sequence).
				WithHint("that is possible once; a new license can be granted instead")
		}
		hash, proof, err := receiptHash(l, receipt)
		if err != nil {
			return nil, err
		}
		o.Kind, o.UndoStart = licensing.OrderUndoStart, &licensing.UndoStart{Receipt: hash}
		return []string{"the start of receipt " + hash + " is taken back", proof}, nil
	}), "receipt")
}

// receiptHash is a hash as given, or that of the receipt in a file, and what proves that
// the receipt is true.
func receiptHash(l distributor.License, source string) (hash, proof string, err error) {
	if isHash(source) {
		return source, unproven, nil
	}
	f, proof, err := readStart(l, source)
	var e *licensing.Error
	if errors.Is(err, fs.ErrNotExist) && errors.As(err, &e) {
		err = e.WithHint("give the file that the gateway exported, or the receipt's hash: 64 hexadecimal digits")
	}
	return f.Hash, proof, err
}

func isHash(s string) bool {
	if len(s) != 64 {
		return false
	}
	for _, r := range s {
		if (r < '0' || r > '9') && (r < 'a' || r > 'f') {
			return false
		}
	}
	return true
}

func issuerClockResetCmd(c *console) *cobra.Command {
	var s signing
	var reset licensing.ClockReset
	var out, gateway string
	cmd := &cobra.Command{
		Use:   "clock-reset --dir DIR --gateway KEY --mark TIME --to TIME --out FILE",
		Short: "Sign the order that lowers the latest time a gateway has seen, after its clock was wrong",
		Long: `Lowers the latest time that a gateway has seen, after its clock was wrong for longer than it
can mend by itself. The order is good for that gateway and that reading alone: the venue
reads both out with ` + "`tallygate gateway id` and `tallygate gateway clock`" + `.`,
		Example: `  tallygate issuer clock-reset --dir distributor --gateway k4.public.… --mark 2036-01-01T00:00:00Z \
      --to 2026-11-22T10:00:00Z --out clock.key`,
		Args: takes(),
		RunE: func(*cobra.Command, []string) error {
			d, err := c.openIssuer(s)
			if err != nil {
				return err
			}
			if err := d.CheckOut(out); err != nil {
				return err
			}
			changes := []string{fmt.Sprintf("the latest time that gateway %s has seen becomes %s, where it is %s", gateway, stamp(reset.To), stamp(reset.Mark))}
			return c.issueOrder(out, func(dryRun bool) (distributor.Entry, []string, error) {
				e, err := d.ClockReset(gateway, reset, c.issue(dryRun))
				return e, changes, err
			})
		},
	}
	s.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&gateway, "gateway", "", "`KEY` of the gateway")
	f.Var(timeFlag{&reset.Mark}, "mark", "latest time seen, exactly as the gateway shows it")
	f.Var(timeFlag{&reset.To}, "to", "what it becomes")
	f.StringVar(&out, "out", "", "`FILE` for the signed order")
	return c.changes(required(cmd, "dir", "gateway", "mark", "to", "out"))
}

// timeFlag is an instant, RFC 3339.
type timeFlag struct{ at *time.Time }

func (f timeFlag) String() string {
	if f.at == nil || f.at.IsZero() {
		return ""
	}
	return f.at.Format(time.RFC3339Nano)
}

func (f timeFlag) Set(s string) (err error) {
	if *f.at, err = time.Parse(time.RFC3339, s); err != nil {
		return errors.New("must be a time such as 2027-01-31T12:00:00Z")
	}
	*f.at = f.at.UTC()
	return nil
}

func (f timeFlag) Type() string { return "TIME" }
