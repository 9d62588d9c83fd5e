package main

import (
	"bytes"
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tallygate/admin"
	"tallygate/cmd/internal/durable"
	"tallygate/cmd/internal/sheet"
	"tallygate/macwatch"
)

// bandwidthFlag is bit/s, with k, M or G for thousands.
type bandwidthFlag struct{ bits *int }

func (f bandwidthFlag) String() string {
	if f.bits == nil || *f.bits == 0 {
		return ""
	}
	return strconv.Itoa(*f.bits)
}

func (f bandwidthFlag) Set(s string) error {
	factor := 1
	for unit, n := range map[string]int{"k": 1e3, "M": 1e6, "G": 1e9} {
		if digits, ok := strings.CutSuffix(s, unit); ok {
			s, factor = digits, n
		}
	}
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil || n < 1 || n > macwatch.MaxBandwidth/int64(factor) {
		return errors.New("must be bit/s such as 5M, 512k or 2000000, up to 2147483647")
	}
	*f.bits = int(n) * factor
	return nil
}

func (f bandwidthFlag) Type() string { return "BIT/S" }

// validFlag is a span of time; days as well, as in 7d.
type validFlag struct{ span *time.Duration }

func (f validFlag) String() string {
	if f.span == nil || *f.span == 0 {
		return ""
	}
	return f.span.String()
}

func (f validFlag) Set(s string) error {
	// "24h-from-first-use" says in words what the flag means anyway.
	s = strings.TrimSuffix(s, "-from-first-use")
	span, err := time.ParseDuration(s)
	if days, ok := strings.CutSuffix(s, "d"); ok {
		var n int
		n, err = strconv.Atoi(days)
		span = time.Duration(min(n, 10_000)) * 24 * time.Hour
	}
	if err != nil || span < time.Minute || span%time.Second != 0 {
		return errors.New("must be a span of whole seconds, a minute or more, such as 90m, 24h or 7d")
	}
	*f.span = span
	return nil
}

func (f validFlag) Type() string { return "SPAN" }

// ticketPaper is the print sheet that a command is asked for.
type ticketPaper struct {
	paper
	ssid, headline, url string
}

func (p *ticketPaper) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&p.file, "pdf", "", "`FILE` for a sheet to cut up: A4, ten tickets a page")
	p.language = sheet.Languages()[0]
	f.Var(choice[string]{&p.language, sheet.Languages()}, "language", "language of the sheet")
	f.StringVar(&p.ssid, "ssid", "", "name of the `NETWORK`, for the sheet")
	f.StringVar(&p.headline, "headline", "", "`TEXT` over each ticket (default: the name of the Location)")
	f.StringVar(&p.url, "url", "", "log-in `PAGE` for the QR codes, with {code} where the code goes (default: no QR codes)")
}

// draw writes the sheet, if one is wanted.
func (p *ticketPaper) draw(ctx context.Context, g *admin.Client, location string, list []macwatch.PassInfo) error {
	if p.file == "" || len(list) == 0 {
		return nil
	}
	l, err := g.Location(ctx, location)
	if err != nil {
		return err
	}
	data := sheet.TicketData{Headline: or(p.headline, l.Name), SSID: p.ssid, URL: p.url, Zone: l.Settings.Timezone, At: list[0].CreatedAt}
	for _, i := range list {
		data.Tickets = append(data.Tickets, sheet.Ticket{Code: i.UserName, Devices: i.Devices, ValidFor: time.Duration(i.ValidFor) * time.Second, Until: i.ExpiresAt, Note: i.Note})
	}
	var drawn bytes.Buffer
	if err := sheet.Tickets(&drawn, data, p.language); err != nil {
		return err
	}
	return durable.WriteFile(p.file, drawn.Bytes(), 0o600)
}

func ticketCreateCmd(c *console) *cobra.Command {
	var location string
	var asCSV bool
	var o macwatch.TicketOrder
	var p ticketPaper
	until := expiryFlag{now: time.Now}
	cmd := &cobra.Command{
		Use:   "create --location ID --count N --valid 24h | --until DATE",
		Short: "Make a batch of tickets",
		Long: `Makes a batch of tickets and prints their codes. A guest types the code as user name and
password, or the code alone; capital or small letters, hyphens and spaces do not matter, and
what looks alike (0 and O, 1, I and L) is the same.

A code has as many symbols as it takes so that somebody who tries codes hits one of all that
are good at the Location once in 2^30 times; at least 10, unless --code-length says less.
The first devices that use a ticket own it.`,
		Example: `  tallygate ticket create --location 28N2S004 --count 50 --valid 24h --pdf tickets.pdf --ssid "Hotel Sol" --language es
  tallygate ticket create --location 28N2S004 --count 200 --until 2027-06-30 --devices 3 --down 5M --up 1M --prefix CONGRESS`,
		Args: takes(),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, _ []string) (err error) {
			if o.ExpiresAt, err = endAt(ctx, g, location, &until); err != nil {
				return err
			}
			made, err := g.CreateTickets(ctx, c.change(), location, o)
			if err != nil {
				return err
			}
			if c.dryRun {
				return c.done(made.TicketBatch, "a batch of %d tickets", made.Tickets)
			}
			if err := p.draw(ctx, g, location, made.List); err != nil {
				return err
			}
			if c.json {
				return c.printJSON(made)
			}
			return c.tickets("", asCSV, func(row func(macwatch.PassInfo) error) error {
				for _, i := range made.List {
					if err := row(i); err != nil {
						return err
					}
				}
				return nil
			})
		}),
	}
	f := cmd.Flags()
	f.IntVar(&o.Count, "count", 0, "how many")
	f.Var(validFlag{&o.ValidFor}, "valid", "how long each is good from its first use on: 90m, 24h, 7d")
	f.Var(&until, "until", "the end of all, whenever they are used: 2027-06-30 (with the end of that day at the Location), 48h or an RFC 3339 time")
	f.IntVar(&o.Devices, "devices", 1, "how many devices may use one")
	f.Var(bandwidthFlag{&o.Down}, "down", "bandwidth to the guest (default: the Location's)")
	f.Var(bandwidthFlag{&o.Up}, "up", "bandwidth from the guest (default: the Location's)")
	f.StringVar(&o.Prefix, "prefix", "", "`TEXT` before each code")
	f.IntVar(&o.Length, "code-length", 0, "symbols of a code without prefix, 6-20 (default: 10, or more where it takes that)")
	f.StringVar(&o.Note, "note", "", "what they are for")
	p.flags(cmd)
	required(cmd, "count")
	cmd.MarkFlagsOneRequired("valid", "until")
	return c.orCSV(c.changes(atLocation(cmd, &location)), &asCSV)
}

func ticketPrintCmd(c *console) *cobra.Command {
	var location string
	var batch int64
	var p ticketPaper
	cmd := &cobra.Command{
		Use:     "print --location ID --batch NUMBER --pdf FILE",
		Short:   "Draw the sheet of a batch again: the tickets that are still unused",
		Example: `  tallygate ticket print --location 28N2S004 --batch 3 --pdf tickets.pdf --ssid "Hotel Sol"`,
		Args:    takes(),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, _ []string) error {
			var unused []macwatch.PassInfo
			if err := g.Tickets(ctx, location, batch, func(i macwatch.PassInfo) error {
				if i.State == macwatch.PassUnused {
					unused = append(unused, i)
				}
				return nil
			}); err != nil {
				return err
			}
			if len(unused) == 0 {
				return noUnused(batch, location)
			}
			if err := p.draw(ctx, g, location, unused); err != nil {
				return err
			}
			return c.describe(map[string]any{"batch": batch, "tickets": len(unused), "pdf": p.file},
				field{"tickets", strconv.Itoa(len(unused))}, field{"sheet", p.file})
		}),
	}
	cmd.Flags().Int64Var(&batch, "batch", 0, "`NUMBER` of the batch")
	p.flags(cmd)
	return required(atLocation(cmd, &location), "batch", "pdf")
}
