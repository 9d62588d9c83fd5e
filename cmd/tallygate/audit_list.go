package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"tallygate/admin"
	"tallygate/licensing"
)

// detailWidth is how much of an entry's detail the table shows; JSON and CSV show all.
const detailWidth = 100

func auditListCmd(c *console) *cobra.Command {
	var f licensing.AuditFilter
	var asCSV bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the audit log, oldest first",
		Example: `  tallygate audit list --since 24h --actor ana
  tallygate audit list --subject TG-XXXX-XXXX-XXXX --csv > license.csv`,
		Args: takes(),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, _ []string) error {
			if asCSV {
				out, err := c.csvList("seq", "at", "actor", "action", "subject", "detail")
				if err != nil {
					return err
				}
				return out.close(g.AuditEntries(ctx, f, func(e licensing.AuditEntry) error {
					return out.row(itoa(e.Seq), csvTime(e.At), e.Actor, e.Action, e.Subject, string(e.Detail))
				}))
			}
			l := c.listing("no entries meet this", "SEQ", "TIME", "ACTOR", "ACTION", "SUBJECT", "DETAIL")
			return l.close(g.AuditEntries(ctx, f, func(e licensing.AuditEntry) error {
				return l.row(e, itoa(e.Seq), stamp(e.At), e.Actor, e.Action, e.Subject, shortened(string(e.Detail), detailWidth))
			}))
		}),
	}
	flags := cmd.Flags()
	flags.Var(pastFlag{&f.Since, time.Now}, "since", "only from then on: a day in UTC, a time, or a time span back from now such as 24h")
	flags.Var(pastFlag{&f.Until, time.Now}, "until", "only before then")
	flags.StringVar(&f.Subject, "subject", "", "only of this `NAME`: a license number, a Location id …")
	flags.StringVar(&f.Actor, "actor", "", "only by this `NAME`, or a part of it")
	flags.StringVar(&f.Action, "action", "", "only this `ACTION`: license.deny, or license for all of them")
	return c.orCSV(cmd, &asCSV)
}

// pastFlag is an instant in the past.
type pastFlag struct {
	at  *time.Time
	now func() time.Time
}

func (f pastFlag) String() string {
	if f.at == nil || f.at.IsZero() {
		return ""
	}
	return f.at.Format(time.RFC3339)
}

func (f pastFlag) Set(s string) error {
	if span, err := time.ParseDuration(s); err == nil && span > 0 {
		*f.at = f.now().Add(-span)
		return nil
	}
	if day, err := licensing.ParseDate(s); err == nil {
		*f.at = day.Start(time.UTC)
		return nil
	}
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return errors.New("must be a day such as 2027-01-31, a time such as 2027-01-31T12:00:00Z, or a time back from now such as 24h")
	}
	*f.at = at
	return nil
}

func (f pastFlag) Type() string { return "WHEN" }

// shortened is text of at most width characters.
func shortened(text string, width int) string {
	runes := []rune(text)
	if len(runes) <= width {
		return text
	}
	return string(runes[:width-1]) + "…"
}
