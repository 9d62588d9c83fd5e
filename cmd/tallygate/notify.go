package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tallygate/admin"
	"tallygate/licensing"
)

func newNotifyCmd(c *console) *cobra.Command {
	return group("notify", "Notices: who is told of what, by e-mail or webhook, and what has come of it",
		notifyRecipientCmd(c), notifyListCmd(c), notifyUpcomingCmd(c), notifyPreviewCmd(c), notifyTestCmd(c), notifyReplayCmd(c))
}

func notifyListCmd(c *console) *cobra.Command {
	var f licensing.LedgerFilter
	var state string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the ledger, oldest first: each notice, each of its recipients, and what became of it",
		Long: `Lists every notice with each of its recipients. States: waiting, sending, sent, failed (given
up; notify replay tries again), superseded (a later notice of the same end took its place),
cancelled (the end was moved, or the recipient removed), no recipient. --json shows every
attempt with its time and what the other side answered.`,
		Example: `  tallygate notify list --state failed
  tallygate notify list --license TG-XXXX-XXXX-XXXX --json`,
		Args: takes(),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, _ []string) error {
			f.State = licensing.DeliveryState(state)
			l := c.listing("nothing has been told yet; `tallygate notify upcoming` shows what will be",
				"AT", "KIND", "LICENSE", "LOCATION", "RECIPIENT", "STATE", "ATTEMPTS", "NEXT", "ANSWER", "ID")
			held := false
			err := l.close(g.Notices(ctx, f, func(e licensing.LedgerEntry) error {
				held = held || e.State == licensing.DeliveryWaiting && e.NextAt == nil
				return l.row(e, stamp(e.At), e.Kind, e.License, e.Location, e.Recipient, string(e.State),
					strconv.Itoa(len(e.Attempts)), stampOf(e.NextAt), lastAnswer(e), e.ID)
			}))
			if err == nil && held && !c.json {
				c.warn("notices wait for the settings of the gateway: see ANSWER. Mend notices in the configuration and restart; they are sent then")
			}
			return err
		}),
	}
	flags := cmd.Flags()
	flags.Var(choice[string]{&state, deliveryStates()}, "state", "only those in this state")
	flags.StringVar(&f.Recipient, "recipient", "", "only those to this recipient, by its `NAME`")
	flags.StringVar(&f.License, "license", "", "only those about this license, by its `NUMBER`")
	flags.StringVar(&f.Kind, "kind", "", "only those of this `KIND`, e.g. license.start")
	return cmd
}

func deliveryStates() []string {
	var words []string
	for _, s := range licensing.DeliveryStates() {
		words = append(words, string(s))
	}
	return words
}

// lastAnswer is why a notice stands where it stands, or what its last attempt was told.
func lastAnswer(e licensing.LedgerEntry) string {
	if e.Reason == "" && len(e.Attempts) > 0 {
		return e.Attempts[len(e.Attempts)-1].Answer
	}
	return e.Reason
}

func notifyUpcomingCmd(c *console) *cobra.Command {
	return &cobra.Command{
		Use:   "upcoming",
		Short: "List the notices that go out before and after the ends of licenses, the next one first",
		Args:  takes(),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, _ []string) error {
			all, err := g.UpcomingNotices(ctx)
			l := c.listing("no license has an end yet", "AT", "LOCAL TIME", "KIND", "LICENSE", "LAST DAY", "RECIPIENTS")
			for _, n := range all {
				if err == nil {
					err = l.row(n, stamp(n.At), localTime(n.At, n.Zone), n.Kind, n.License, n.LastDay.String(), or(strings.Join(n.Recipients, ", "), "nobody"))
				}
			}
			return l.close(err)
		}),
	}
}

// localTime is a time on the clock of a zone, with the zone's name.
func localTime(t time.Time, name string) string {
	zone, err := licensing.LoadZone(name)
	if err != nil {
		return ""
	}
	return t.In(zone).Format("2006-01-02 15:04 ") + name
}

func notifyPreviewCmd(c *console) *cobra.Command {
	var language, license string
	var html bool
	cmd := &cobra.Command{
		Use:   "preview KIND",
		Short: "Show how a notice would look, with invented names or about a license",
		Long: "Shows subject and text of a notice; --html prints the page of the mail, --json all of it, with\nthe body that a webhook would get. KIND is one of:\n  " +
			strings.Join(append(licensing.EventKinds(), licensing.EventTest), "\n  "),
		Example: `  tallygate notify preview notice.month --language es --html > month.html`,
		Args:    takes("KIND"),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, args []string) error {
			m, err := g.PreviewNotice(ctx, args[0], licensing.Language(language), license)
			if err != nil {
				return err
			}
			if c.json {
				return c.printJSON(m)
			}
			text := m.Text
			if html {
				text = m.HTML
			}
			_, err = fmt.Fprint(c.out, text)
			return err
		}),
	}
	language = string(licensing.LanguageEnglish)
	cmd.Flags().Var(choice[string]{&language, []string{"en", "es"}}, "language", "the reader's language")
	cmd.Flags().StringVar(&license, "license", "", "about this license, by its `NUMBER`")
	cmd.Flags().BoolVar(&html, "html", false, "print the HTML of the mail")
	return cmd
}

func notifyTestCmd(c *console) *cobra.Command {
	return c.changes(&cobra.Command{
		Use:   "test RECIPIENT",
		Short: "Send a test to a recipient and say how it went; one that was switched off and gets it is on again",
		Args:  takes("RECIPIENT"),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, args []string) error {
			t, err := g.TestRecipient(ctx, c.change(), args[0])
			if err != nil {
				return err
			}
			if c.dryRun || t.Result == licensing.AttemptSent {
				return c.done(t, "sent a test to %s at %s: %s", t.Recipient, t.Address, or(t.Answer, "nothing was sent"))
			}
			if c.json {
				if err := c.printJSON(t); err != nil {
					return err
				}
				return silentFailure{}
			}
			return licensing.Errorf(licensing.CodeUnavailable, "the test did not reach %s at %s: %s", t.Recipient, t.Address, t.Answer).
				WithHint("mend what the answer names and test again; real notices are tried again by themselves")
		}),
	})
}

func notifyReplayCmd(c *console) *cobra.Command {
	return c.changes(&cobra.Command{
		Use:   "replay ID",
		Short: "Send a notice again that failed, or that arrived and was lost there",
		Args:  takes("ID"),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, args []string) error {
			e, err := g.ReplayDelivery(ctx, c.change(), args[0])
			if err != nil {
				return err
			}
			return c.done(e, "%s for %s is sent again; `tallygate notify list` shows how it goes", e.Kind, e.Recipient)
		}),
	})
}
