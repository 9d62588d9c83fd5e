package main

import (
	"context"

	"github.com/spf13/cobra"

	"tallygate/admin"
	"tallygate/macwatch"
)

func newAPCmd(c *console) *cobra.Command {
	return slotCmd(c, macwatch.KindAP, "access point", "Access points: which hold a slot of the license, which are silent, which hold none")
}

func newRoomCmd(c *console) *cobra.Command {
	cmd := slotCmd(c, macwatch.KindRoom, "room", "Rooms: which hold a slot of the license, and the rule that finds them")
	cmd.AddCommand(roomTestCmd(c))
	return cmd
}

func slotCmd(c *console, kind macwatch.Kind, noun, short string) *cobra.Command {
	s := slots{c, kind, noun}
	return group(string(kind), short, s.listCmd(), s.declareCmd(), s.noteCmd(), s.mergeCmd(), s.replaceCmd(), s.releaseCmd(), s.forgetCmd(), s.importCmd(), s.exportCmd(),
		group("alias", "Other names of one "+noun, s.aliasCmd("add"), s.aliasCmd("remove")))
}

// slots makes the commands of one kind of slot: APs and rooms have the same ones.
type slots struct {
	*console
	kind macwatch.Kind
	noun string
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

func (s slots) noteCmd() *cobra.Command {
	var location string
	cmd := &cobra.Command{
		Use:   "note --location ID NAME TEXT",
		Short: "Say what people call one " + s.noun + "; an empty text takes the note away",
		Args:  takes("NAME", "TEXT"),
		RunE: s.ask(func(ctx context.Context, g *admin.Client, args []string) error {
			v, err := g.NoteSlot(ctx, s.change(), location, s.kind, args[0], args[1])
			return s.doneSlot(v, err, "noted of")
		}),
	}
	return s.changes(atLocation(cmd, &location))
}

func (s slots) forgetCmd() *cobra.Command {
	var location string
	cmd := &cobra.Command{
		Use:   "forget --location ID NAME",
		Short: "Forget one " + s.noun + " that holds no slot, with all its aliases",
		Args:  takes("NAME"),
		RunE: s.ask(func(ctx context.Context, g *admin.Client, args []string) error {
			v, err := g.ForgetSlot(ctx, s.change(), location, s.kind, args[0])
			return s.doneSlot(v, err, "forgot")
		}),
	}
	return s.changes(atLocation(cmd, &location))
}

func (s slots) aliasCmd(verb string) *cobra.Command {
	var location string
	cmd := &cobra.Command{
		Use:   verb + " --location ID NAME ALIAS",
		Short: "Add an alias: one that was observed as a " + string(s.kind) + " of its own goes over",
		Args:  takes("NAME", "ALIAS"),
	}
	do, what := (*admin.Client).AddAlias, "added the alias to"
	if verb == "remove" {
		cmd.Short = "Remove an alias, declared or learned; a learned one is from then on a " + string(s.kind) + " of its own"
		do, what = (*admin.Client).RemoveAlias, "removed the alias from"
	}
	cmd.RunE = s.ask(func(ctx context.Context, g *admin.Client, args []string) error {
		v, err := do(g, ctx, s.change(), location, s.kind, args[0], args[1])
		return s.doneSlot(v, err, what)
	})
	return s.changes(atLocation(cmd, &location))
}
