package main

import (
	"context"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"tallygate/admin"
	"tallygate/licensing"
)

func newLocationCmd(c *console) *cobra.Command {
	return group("location", "Locations: the venues",
		locationAddCmd(c), locationListCmd(c), locationShowCmd(c), locationSetCmd(c))
}

func locationAddCmd(c *console) *cobra.Command {
	l := licensing.Location{Settings: licensing.Settings{Guests: licensing.GuestsOpen}}
	cmd := &cobra.Command{
		Use:     "add NAME --realm REALM --time-zone ZONE",
		Short:   "Add a Location to the Organization of a realm",
		Example: `  tallygate location add "Hotel Sol Centro" --realm hotelsol --time-zone Europe/Madrid --id 28N2S004`,
		Args:    takes("NAME"),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, args []string) error {
			l.Name = args[0]
			added, err := g.AddLocation(ctx, c.change(), l)
			if err != nil {
				return err
			}
			return c.done(added, "added Location %s (%s), %s", added.Code, added.Name, added.Settings.Timezone)
		}),
	}
	f := cmd.Flags()
	f.StringVar(&l.Realm, "realm", "", "realm of its Organization")
	f.StringVar(&l.Settings.Timezone, "time-zone", "", "IANA time `ZONE`, e.g. Europe/Madrid")
	f.StringVar(&l.Code, "id", "", "its `ID`, e.g. 28N2S004: province, the Organization's code, number (default: the next free one)")
	f.StringVar(&l.Sector, "sector", "hospitality", "what kind of venue")
	f.Var(choice[licensing.Guests]{&l.Settings.Guests, guestModes}, "guests", "how credentials are checked")
	return c.changes(required(cmd, "realm", "time-zone"))
}

func locationListCmd(c *console) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List Locations, oldest first",
		Args:  takes(),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, _ []string) error {
			all, err := g.Locations(ctx)
			l := c.listing("no Locations yet; add one with `tallygate location add`",
				"ID", "NAME", "ORGANIZATION", "TIME ZONE", "GUESTS")
			for _, v := range all {
				if err == nil {
					err = l.row(v, v.Code, v.Name, v.Organization, v.Settings.Timezone, string(v.Settings.Guests))
				}
			}
			return l.close(err)
		}),
	}
}

func locationShowCmd(c *console) *cobra.Command {
	return &cobra.Command{
		Use:   "show ID",
		Short: "Show a Location and its settings",
		Args:  takes("ID"),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, args []string) error {
			l, err := g.Location(ctx, args[0])
			if err != nil {
				return err
			}
			return c.describe(l, locationFields(l)...)
		}),
	}
}

func locationFields(l licensing.Location) []field {
	s := l.Settings
	return []field{
		{"id", l.Code}, {"name", l.Name}, {"Organization", l.Organization}, {"realm", l.Realm},
		{"sector", l.Sector}, {"since", stamp(l.CreatedAt)},
		{"time zone", s.Timezone}, {"guests", string(s.Guests)}, {"count", string(s.Count)}, {"APs", string(s.APs)},
		{"room", roomRule(s.Room)},
		{"session timeout", seconds(s.Reply.SessionTimeout)}, {"idle timeout", seconds(s.Reply.IdleTimeout)},
		{"interim interval", seconds(s.Reply.InterimInterval)}, {"VLAN", number(s.Reply.VLAN, "")},
		{"bandwidth up", number(s.Reply.BandwidthUp, " bit/s")}, {"bandwidth down", number(s.Reply.BandwidthDown, " bit/s")},
		{"silent sessions", number(s.StaleAfter, " s until they are closed")}, {"devices of a guest", number(s.GuestSessions, " online at once")},
		{"Filter-Id", s.Reply.FilterID}, {"modules by SSID", entries(s.Modules)},
	}
}

func roomRule(r licensing.RoomRule) string {
	if r.Attribute == "" {
		return ""
	}
	parts := []string{"from " + r.Attribute}
	if r.Pattern != "" {
		parts = append(parts, "by "+r.Pattern)
	}
	if len(r.Map) > 0 {
		parts = append(parts, "with "+entries(r.Map))
	}
	if r.Required {
		parts = append(parts, "required")
	}
	if r.Declared {
		parts = append(parts, "only declared ones")
	}
	return strings.Join(parts, ", ")
}

func seconds(n int) string { return number(n, " s") }

// number is n with its unit, and nothing for 0, which means "not set".
func number(n int, unit string) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n) + unit
}
