package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"tallygate/admin"
	"tallygate/macwatch"
)

func newAPCmd(c *console) *cobra.Command {
	return slotCmd(c, macwatch.KindAP, "access point", "Access points: which hold a slot of the license")
}

func newRoomCmd(c *console) *cobra.Command {
	return slotCmd(c, macwatch.KindRoom, "room", "Rooms: which hold a slot of the license")
}

func slotCmd(c *console, kind macwatch.Kind, noun, short string) *cobra.Command {
	s := slots{c, kind, noun}
	return group(string(kind), short, s.listCmd(), s.declareCmd(), s.mergeCmd(), s.replaceCmd(), s.releaseCmd())
}

// slots makes the commands of one kind of slot: APs and rooms have the same ones.
type slots struct {
	*console
	kind macwatch.Kind
	noun string
}

func (s slots) listCmd() *cobra.Command {
	var location string
	cmd := &cobra.Command{
		Use:   "list --location ID",
		Short: "List each " + s.noun + " in the order of their claims, and whether it is admitted",
		Args:  takes(),
		RunE: s.ask(func(ctx context.Context, g *admin.Client, _ []string) error {
			all, err := g.Slots(ctx, location, s.kind)
			l := s.listing("no "+s.noun+" has been seen or declared at this Location",
				"ID", "ADMITTED", "CLAIMED", "RELEASED", "DECLARED", "FIRST SEEN", "ALIASES")
			for _, v := range all {
				if err == nil {
					err = l.row(v, v.Name, yesNo(v.Admitted), stamp(v.ClaimedAt), stamp(v.ReleasedAt), yesNo(v.Declared),
						stamp(v.FirstSeen), strings.Join(v.Aliases, " "))
				}
			}
			return l.close(err)
		}),
	}
	return atLocation(cmd, &location)
}

func (s slots) declareCmd() *cobra.Command {
	var location string
	var aliases []string
	cmd := &cobra.Command{
		Use:   "declare --location ID NAME",
		Short: "Claim a slot for one " + s.noun + " in advance",
		Args:  takes("NAME"),
		RunE: s.ask(func(ctx context.Context, g *admin.Client, args []string) error {
			v, err := g.DeclareSlot(ctx, s.change(), location, s.kind, args[0], aliases)
			return s.doneSlot(v, err, "declared")
		}),
	}
	cmd.Flags().StringArrayVar(&aliases, "alias", nil, "other `NAME` of the same one, repeatable: a BSSID, a host name")
	return s.changes(atLocation(cmd, &location))
}

func (s slots) mergeCmd() *cobra.Command {
	var location string
	cmd := &cobra.Command{
		Use:   "merge --location ID INTO FROM",
		Short: "Say that two are one " + s.noun + ": FROM becomes an alias of INTO, and its slot is free",
		Args:  takes("INTO", "FROM"),
		RunE: s.ask(func(ctx context.Context, g *admin.Client, args []string) error {
			if err := s.confirm("Merge %s %s into %s?", s.noun, args[1], args[0]); err != nil {
				return err
			}
			v, err := g.MergeSlots(ctx, s.change(), location, s.kind, args[0], args[1])
			return s.doneSlot(v, err, "merged "+args[1]+" into")
		}),
	}
	return s.changes(atLocation(cmd, &location))
}

func (s slots) replaceCmd() *cobra.Command {
	var location string
	cmd := &cobra.Command{
		Use:   "replace --location ID OLD NEW",
		Short: "Give the slot of OLD to NEW",
		Args:  takes("OLD", "NEW"),
		RunE: s.ask(func(ctx context.Context, g *admin.Client, args []string) error {
			if err := s.confirm("Replace %s %s by %s?", s.noun, args[0], args[1]); err != nil {
				return err
			}
			v, err := g.ReplaceSlot(ctx, s.change(), location, s.kind, args[0], args[1])
			return s.doneSlot(v, err, "replaced "+args[0]+" by")
		}),
	}
	return s.changes(atLocation(cmd, &location))
}

func (s slots) releaseCmd() *cobra.Command {
	var location string
	cmd := &cobra.Command{
		Use:   "release --location ID NAME",
		Short: "Give up the slot of one " + s.noun + "; another may have it after 24 hours",
		Args:  takes("NAME"),
		RunE: s.ask(func(ctx context.Context, g *admin.Client, args []string) error {
			if err := s.confirm("Release the slot of %s %s?", s.noun, args[0]); err != nil {
				return err
			}
			v, err := g.ReleaseSlot(ctx, s.change(), location, s.kind, args[0])
			return s.doneSlot(v, err, "released")
		}),
	}
	return s.changes(atLocation(cmd, &location))
}

func (s slots) doneSlot(v macwatch.Slot, err error, what string) error {
	if err != nil {
		return err
	}
	return s.done(v, "%s %s %s", what, s.noun, v.Name)
}
