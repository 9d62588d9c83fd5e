package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"tallygate/cmd/internal/distributor"
	"tallygate/licensing"
)

func issuerShowCmd(c *console) *cobra.Command {
	var dir, out string
	sequence := 0
	cmd := &cobra.Command{
		Use:   "show NUMBER --dir DIR",
		Short: "Show a license that was issued, with all its orders and the sequence of the next",
		Long: `Shows what the register knows of a license: the terms as its orders leave them, each order,
and the sequence of the next. With --out, the signed text of the grant, or of the order
--sequence, is written to FILE once more.`,
		Example: `  tallygate issuer show TG-XXXX-XXXX-XXXX --dir distributor
  tallygate issuer show TG-XXXX-XXXX-XXXX --dir distributor --sequence 2 --out order.key`,
		Args: takes("NUMBER"),
	}
	f := cmd.Flags()
	f.StringVar(&dir, "dir", "", "`DIR` that issuer init made")
	f.IntVar(&sequence, "sequence", 0, "`N` of the order to write to --out; 0 is the grant")
	f.StringVar(&out, "out", "", "`FILE` for the signed text")
	cmd.RunE = func(*cobra.Command, []string) error {
		l, err := findIssued(dir, f.Arg(0))
		if err != nil {
			return err
		}
		if out == "" && f.Changed("sequence") {
			return &usageError{message: "--sequence needs --out", hint: "without --out, all orders are shown"}
		}
		if out != "" {
			return c.writeAgain(dir, out, l, sequence)
		}
		return c.showIssued(l)
	}
	return required(cmd, "dir")
}

// writeAgain writes a text that was signed before.
func (c *console) writeAgain(dir, out string, l distributor.License, sequence int) error {
	e := l.Grant
	if sequence != 0 {
		i := slices.IndexFunc(l.Orders, func(e distributor.Entry) bool { return e.Sequence == sequence })
		if i < 0 {
			return licensing.Errorf(licensing.CodeNotFound, "license %s has no order %d", l.Number, sequence).
				WithHint("it has %d so far", len(l.Orders))
		}
		e = l.Orders[i]
	}
	if err := distributor.CheckOut(dir, out); err != nil {
		return err
	}
	if err := writeKey(out, e); err != nil {
		return err
	}
	return c.done(e, "wrote the %s again: %s", e.Kind, out)
}

// shownIssue is `issuer show` for programs.
type shownIssue struct {
	Number       string              `json:"number"`
	Terms        licensing.Terms     `json:"terms"` // as the orders leave them
	Denied       string              `json:"denied,omitempty"`
	NextSequence int                 `json:"next_sequence"`
	Grant        distributor.Entry   `json:"grant"`
	Orders       []distributor.Entry `json:"orders"`
}

func (c *console) showIssued(l distributor.License) error {
	t := l.Terms()
	shown := shownIssue{Number: l.Number, Terms: t, NextSequence: l.NextSequence(), Grant: l.Grant, Orders: slices.Concat([]distributor.Entry{}, l.Orders)}
	if e, denied := l.Denied(); denied {
		shown.Denied = e.Order.Deny.Reason
	}
	if c.json {
		return c.printJSON(shown)
	}
	return writeIssue(c.out, shown)
}

func writeIssue(out io.Writer, s shownIssue) error {
	t := s.Terms
	fields := []field{
		{"number", s.Number}, {"Organization", t.Organization + " (" + t.Realm + ")"}, {"Location", locationOf(t)},
		{"distributor", t.Distributor}, {"partner", t.Partner}, {"payment", t.Payment},
		{"contract", termText(t.Term)}, {"start", startText(t)}, {"APs", t.APs.String()}, {"rooms", t.Rooms.String()},
		{"modules", strings.Join(t.Modules, ", ")}, {"gateway", or(t.Gateway, "any")},
		{"enter by", t.ActivateBy.String()}, {"latest end", t.LatestEnd.String()}, {"renews", t.Renews},
		{"denied", s.Denied}, {"issued", stamp(s.Grant.IssuedAt) + by(s.Grant)}, {"next sequence", strconv.Itoa(s.NextSequence)},
	}
	if n := len(s.Grant.Numbers); n > 1 {
		fields = append(fields, field{"pool", fmt.Sprintf("%d of %d licenses of one key", t.Index+1, n)})
	}
	if t.ConfirmEvery > 0 {
		fields = append(fields, field{"confirmation", fmt.Sprintf("every %d days", t.ConfirmEvery)})
	}
	for _, e := range s.Orders {
		fields = append(fields, field{fmt.Sprintf("order %d", e.Sequence), stamp(e.IssuedAt) + "  " + what(e) + by(e)})
	}
	return writeFields(out, fields)
}

func by(e distributor.Entry) string {
	if e.By == "" {
		return ""
	}
	return ", by " + e.By
}

func startText(t licensing.Terms) string {
	text := string(t.Start)
	switch {
	case !t.StartDate.IsZero():
		text += " " + t.StartDate.String()
	case t.ConfirmStart > 0:
		text += fmt.Sprintf(" (%d), proposed to the operator for %s", t.Threshold, t.ConfirmStart)
	case t.Start == licensing.StartFifthDevice:
		text += fmt.Sprintf(" (%d)", t.Threshold)
	}
	return text
}
