package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"tallygate/admin"
	"tallygate/cmd/internal/durable"
	"tallygate/licensing"
	"tallygate/macwatch"
)

func newPrivacyCmd(c *console) *cobra.Command {
	return group("privacy", "Guests' data: what is stored, and a guest's rights to it",
		privacyShowCmd(c), privacyLookupCmd(c), privacyExportCmd(c), privacyEraseCmd(c), privacyPurgeCmd(c))
}

func privacyShowCmd(c *console) *cobra.Command {
	return &cobra.Command{
		Use:   "show",
		Short: "Show what is stored of guests, how, and for how long: the data map",
		Args:  takes(),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, _ []string) error {
			m, err := g.DataMap(ctx)
			if err != nil || c.json {
				return orPrint(c, m, err)
			}
			fields := []field{{"MAC addresses", map[string]string{"clear": "stored in clear", "hmac": "stored as keyed pseudonyms"}[m.MACStorage]}}
			if m.Key != "" {
				fields = append(fields, field{"key", m.Key + " (" + m.KeyID + ")"})
			}
			if m.Preset != "" {
				fields = append(fields, field{"retention", m.Preset + "; confirm with counsel"})
			}
			if err := c.describe(m, fields...); err != nil {
				return err
			}
			l := c.listing("", "KIND", "WHAT", "ROWS", "ADDRESS", "KEPT", "ERASURE")
			for _, k := range m.Kinds {
				if err := l.row(k, k.Kind, k.What, strconv.FormatInt(k.Rows, 10), k.Address, k.Keep, k.Erase); err != nil {
					return l.close(err)
				}
			}
			return l.close(nil)
		}),
	}
}

func orPrint(c *console, value any, err error) error {
	if err != nil {
		return err
	}
	return c.printJSON(value)
}

// deviceQuestion gives a command the flags of who asks about a device, and why.
func deviceQuestion(cmd *cobra.Command, location, reason *string) *cobra.Command {
	cmd.Flags().StringVar(location, "location", "", "`ID` of the Location; without it, all")
	cmd.Flags().StringVar(reason, "reason", "", "`TEXT` for the audit log: who wants to know, and why")
	return required(cmd, "reason")
}

func privacyLookupCmd(c *console) *cobra.Command {
	var location, reason string
	cmd := &cobra.Command{
		Use:   "lookup MAC --reason TEXT",
		Short: "Show everything that is stored about a device",
		Long: `Shows everything that is stored about a device, at one Location or at all of them. The
question and its reason stand in the audit log before the answer is given.

MAC is an address in any notation, or a pseudonym as lists show it.`,
		Args: takes("MAC"),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, args []string) error {
			mac, err := parseMAC(args[0])
			if err != nil {
				return err
			}
			held, err := g.Held(ctx, licensing.Change{By: c.change().By}, macwatch.DeviceQuery{MAC: mac, Location: location, Reason: reason})
			if err != nil || c.json {
				return orPrint(c, held, err)
			}
			if len(held) == 0 {
				_, err := fmt.Fprintf(c.out, "nothing is stored about %s\n", mac)
				return err
			}
			for i := range held {
				if err := c.describe(held[i], heldFields(&held[i])...); err != nil {
					return err
				}
			}
			return nil
		}),
	}
	return deviceQuestion(cmd, &location, &reason)
}

func heldFields(h *macwatch.HeldDevice) []field {
	fields := []field{{"Location", h.Location}, {"device", h.MAC.String()}, {"named", strings.Join(h.Names, ", ")}}
	if s := h.Seen; s != nil {
		fields = append(fields, field{"seen", stamp(s.FirstSeen) + " to " + stamp(s.LastSeen)})
	}
	for _, n := range h.Counted {
		fields = append(fields, field{"counted for", n.License + " since " + stamp(n.FirstAt)})
	}
	for _, number := range h.Receipts {
		fields = append(fields, field{"start receipt", number})
	}
	for _, l := range h.Listed {
		fields = append(fields, field{l.Kind, l.Note})
	}
	if h.Input != nil {
		fields = append(fields, field{"MAC input", h.Input.Note})
	}
	for _, s := range h.Sessions {
		fields = append(fields, field{"session", fmt.Sprintf("%s to %s at %s, %d octets in, %d out, id %s", stamp(s.StartedAt), stampOf(s.EndedAt), s.AP, s.InputOctets, s.OutputOctets, s.SessionID)})
	}
	if n := len(h.Raw); n > 0 {
		fields = append(fields, field{"raw records", strconv.Itoa(n)})
	}
	for _, table := range slices.Sorted(maps.Keys(h.Others)) {
		fields = append(fields, field{table, strconv.Itoa(h.Others[table])})
	}
	return fields
}

func privacyExportCmd(c *console) *cobra.Command {
	var location, reason, out string
	cmd := &cobra.Command{
		Use:   "export MAC --out FILE --reason TEXT",
		Short: "Write everything that is stored about a device into a file, for the guest",
		Args:  takes("MAC"),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, args []string) error {
			mac, err := parseMAC(args[0])
			if err != nil {
				return err
			}
			held, err := g.Held(ctx, licensing.Change{By: c.change().By}, macwatch.DeviceQuery{MAC: mac, Location: location, Reason: reason, Export: true})
			if err != nil {
				return err
			}
			var text strings.Builder
			if err := writeJSON(&text, held); err != nil {
				return err
			}
			if err := durable.WriteFile(out, []byte(text.String()), 0o600); err != nil {
				return err
			}
			return c.done(exported{out, len(held)}, "what is stored about %s at %d Locations stands in %s", mac, len(held), out)
		}),
	}
	cmd.Flags().StringVar(&out, "out", "", "`FILE` to write, as JSON")
	return required(deviceQuestion(cmd, &location, &reason), "out")
}

// exported is what JSON says of an export.
type exported struct {
	Out       string `json:"out"`
	Locations int    `json:"locations"`
}

func privacyEraseCmd(c *console) *cobra.Command {
	var location, reason string
	var lists bool
	cmd := &cobra.Command{
		Use:   "erase MAC --reason TEXT",
		Short: "Erase a device: sessions, sightings, raw records, the address behind receipts",
		Long: `Erases what is stored about a device, at one Location or at all of them. What licenses
rest on stays, under a pseudonym: the count never changes, a receipt keeps its hash, and
the device is not counted again when it comes back. The audit log keeps its pseudonym.

The lists of exempt and blocked devices and the MAC inputs are left alone without
--lists: to take a blocked device off its list would let it in.`,
		Args: takes("MAC"),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, args []string) error {
			mac, err := parseMAC(args[0])
			if err != nil {
				return err
			}
			o := macwatch.ErasureOrder{MAC: mac, Location: location, Reason: reason, Lists: lists}
			if c.asks() {
				would, err := g.Erase(ctx, licensing.Change{By: c.change().By, DryRun: true}, o)
				if err != nil {
					return err
				}
				if err := c.confirm("Erase %s of %s at %s, for good?", rowsOf(would.Erased), mac, strings.Join(would.Locations, ", ")); err != nil {
					return err
				}
			}
			e, err := g.Erase(ctx, c.change(), o)
			if err != nil {
				return err
			}
			if !e.DryRun && !e.Rewritten {
				c.warn("the database is large: its free pages may still hold what was erased until `tallygate privacy purge --rewrite`, at a quiet time")
			}
			return c.done(e, "erased %s at %s: %s; stays without the address: %s", mac, strings.Join(e.Locations, ", "), rowsOf(e.Erased), rowsOf(e.Kept))
		}),
	}
	cmd.Flags().BoolVar(&lists, "lists", false, "from the lists of exempt and blocked devices and the MAC inputs as well")
	return c.changes(deviceQuestion(cmd, &location, &reason))
}

// rowsOf is "2 sessions, 1 devices".
func rowsOf(kinds map[string]int) string {
	parts := []string{}
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		parts = append(parts, fmt.Sprintf("%d %s", kinds[kind], kind))
	}
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, ", ")
}

func privacyPurgeCmd(c *console) *cobra.Command {
	var rewrite bool
	cmd := &cobra.Command{
		Use:   "purge",
		Short: "Delete now what is older than the configured retention",
		Long: `Deletes what retention would delete by and by, a few rows at a time, so that answers do
not wait. With --dry-run it is counted only.

--rewrite rewrites the database after that, so that its files hold nothing of what was
deleted. Meanwhile, some seconds for each gigabyte, no accounting is answered, and the
disk needs as much free space as the database has.`,
		Args: takes(),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, _ []string) error {
			if err := c.confirm("Delete what is older than the configured retention, for good?"); err != nil {
				return err
			}
			p, err := g.Purge(ctx, c.change(), rewrite)
			if err != nil || c.json {
				return orPrint(c, p, err)
			}
			if p.Provisional {
				c.warn("the clock has jumped lately: devices are purged when the new time has held for a day")
			}
			l := c.listing("", "KIND", "ROWS")
			for _, k := range p.Deleted {
				if err := l.row(k, k.Kind, strconv.FormatInt(k.Rows, 10)); err != nil {
					return l.close(err)
				}
			}
			return l.close(nil)
		}),
	}
	cmd.Flags().BoolVar(&rewrite, "rewrite", false, "rewrite the database as well; accounting waits meanwhile")
	return c.changes(cmd)
}
