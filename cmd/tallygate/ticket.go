package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tallygate/admin"
	"tallygate/macwatch"
)

func newTicketCmd(c *console) *cobra.Command {
	return group("ticket", "Tickets: printed codes that let a guest in for a time (`guests: local`)",
		ticketCreateCmd(c), ticketListCmd(c), ticketShowCmd(c), ticketRevokeCmd(c), ticketPrintCmd(c),
		group("batch", "Batches of tickets", batchListCmd(c), batchRevokeCmd(c)))
}

// ticketHeads are the columns of tickets, for people and as CSV.
var ticketHeads = []string{"CODE", "STATE", "BATCH", "DEVICES", "USED BY", "FIRST USE", "EXPIRES", "VALID FOR", "NOTE"}

func ticketCells(i macwatch.PassInfo) []string {
	macs := make([]string, len(i.UsedBy))
	for n, m := range i.UsedBy {
		macs[n] = deviceText(m)
	}
	valid := ""
	if i.ValidFor > 0 {
		valid = spanText(time.Duration(i.ValidFor) * time.Second)
	}
	return []string{i.UserName, string(i.State), itoa(i.Batch), fmt.Sprintf("%d of %d", len(i.UsedBy), i.Devices), strings.Join(macs, " "),
		stampOf(i.FirstUseAt), stampOf(i.ExpiresAt), valid, i.Note}
}

// deviceText is a device's address; 0 stands for what the NAS did not name.
func deviceText(m macwatch.MAC) string {
	if m == 0 {
		return "(not named)"
	}
	return m.String()
}

// spanText is a span in the largest unit that fits: 90 minutes, 24 hours, 7 days.
func spanText(d time.Duration) string {
	for _, u := range []struct {
		of   time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "min"}} {
		if d >= u.of && d%u.of == 0 && (u.of < 24*time.Hour || d > u.of) {
			return strconv.FormatInt(int64(d/u.of), 10) + " " + u.name
		}
	}
	return d.String()
}

func ticketListCmd(c *console) *cobra.Command {
	var location, state string
	var batch int64
	var asCSV bool
	cmd := &cobra.Command{
		Use:   "list --location ID",
		Short: "List tickets, oldest first, with their codes",
		Args:  takes(),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, _ []string) error {
			return c.tickets("no tickets at this Location", asCSV, func(row func(macwatch.PassInfo) error) error {
				return g.Tickets(ctx, location, batch, func(i macwatch.PassInfo) error {
					if state != "" && state != string(i.State) {
						return nil
					}
					return row(i)
				})
			})
		}),
	}
	cmd.Flags().Int64Var(&batch, "batch", 0, "only those of this batch, by its `NUMBER`")
	cmd.Flags().Var(choice[string]{&state, []string{"unused", "in-use", "expired", "revoked"}}, "state", "only those in this state")
	return c.orCSV(atLocation(cmd, &location), &asCSV)
}

// tickets prints tickets as they come: a table, JSON or CSV.
func (c *console) tickets(empty string, asCSV bool, each func(row func(macwatch.PassInfo) error) error) error {
	if asCSV {
		s, err := c.csvList(ticketHeads...)
		if err != nil {
			return err
		}
		return s.close(each(func(i macwatch.PassInfo) error { return s.row(ticketCells(i)...) }))
	}
	l := c.listing(empty, ticketHeads...)
	return l.close(each(func(i macwatch.PassInfo) error { return l.row(i, ticketCells(i)...) }))
}

func ticketShowCmd(c *console) *cobra.Command {
	var location string
	cmd := &cobra.Command{
		Use:   "show --location ID CODE",
		Short: "Show a ticket; its code in any spelling",
		Args:  takes("CODE"),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, args []string) error {
			i, err := g.Ticket(ctx, location, args[0])
			if err != nil {
				return err
			}
			cells := ticketCells(i)
			fields := make([]field, len(cells))
			for n, cell := range cells {
				fields[n] = field{strings.ToLower(ticketHeads[n]), cell}
			}
			fields = append(fields, field{"made", stamp(i.CreatedAt) + " by " + i.CreatedBy}, field{"revoked", stampOf(i.RevokedAt)})
			return c.describe(i, fields...)
		}),
	}
	return atLocation(cmd, &location)
}

func ticketRevokeCmd(c *console) *cobra.Command {
	var location string
	cmd := &cobra.Command{
		Use:   "revoke --location ID CODE",
		Short: "Make a ticket worthless",
		Long:  "Makes a ticket worthless. Who is online with it stays so until the session ends.",
		Args:  takes("CODE"),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, args []string) error {
			if err := c.confirm("Revoke ticket %s?", args[0]); err != nil {
				return err
			}
			if err := g.RevokeTicket(ctx, c.change(), location, args[0]); err != nil {
				return err
			}
			return c.done(map[string]string{"user_name": args[0]}, "revoked ticket %s", args[0])
		}),
	}
	return c.changes(atLocation(cmd, &location))
}

func batchListCmd(c *console) *cobra.Command {
	var location string
	cmd := &cobra.Command{
		Use:   "list --location ID",
		Short: "List the batches, oldest first, with what has become of their tickets",
		Args:  takes(),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, _ []string) error {
			all, err := g.TicketBatches(ctx, location)
			l := c.listing("no tickets at this Location", "BATCH", "MADE", "BY", "TICKETS", "UNUSED", "IN USE", "EXPIRED", "REVOKED", "NOTE")
			for _, b := range all {
				if err == nil {
					err = l.row(b, itoa(b.ID), stamp(b.CreatedAt), b.CreatedBy, strconv.Itoa(b.Tickets), strconv.Itoa(b.Unused), strconv.Itoa(b.InUse),
						strconv.Itoa(b.Expired), strconv.Itoa(b.Revoked), b.Note)
				}
			}
			return l.close(err)
		}),
	}
	return atLocation(cmd, &location)
}

func batchRevokeCmd(c *console) *cobra.Command {
	var location string
	cmd := &cobra.Command{
		Use:   "revoke --location ID BATCH",
		Short: "Make every ticket of a batch worthless",
		Args:  takes("BATCH"),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, args []string) error {
			n, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil || n < 1 {
				return &usageError{message: fmt.Sprintf("%q is not the number of a batch", args[0]), hint: "`tallygate ticket batch list` shows them"}
			}
			if err := c.confirm("Revoke every ticket of batch %d?", n); err != nil {
				return err
			}
			if err := g.RevokeBatch(ctx, c.change(), location, n); err != nil {
				return err
			}
			return c.done(map[string]int64{"batch": n}, "revoked batch %d", n)
		}),
	}
	return c.changes(atLocation(cmd, &location))
}
