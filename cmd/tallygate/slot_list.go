package main

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"tallygate/admin"
	"tallygate/macwatch"
)

func (s slots) listCmd() *cobra.Command {
	var location string
	var unassigned, silent bool
	silentAfter := spanFlag{span: macwatch.DefaultSilentAfter}
	cmd := &cobra.Command{
		Use:   "list --location ID",
		Short: "List each " + s.noun + " in the order of their claims: who holds a slot, who is there, who was refused",
		Args:  takes(),
	}
	f := cmd.Flags()
	f.BoolVar(&silent, "silent", false, "only those that hold a slot and have not been seen for --silent-after")
	f.Var(&silentAfter, "silent-after", "how long unseen is silent: `TIME` such as 12h or 7d")
	if s.kind == macwatch.KindAP {
		f.BoolVar(&unassigned, "unassigned", false, "only those on the air that hold no slot and are no alias, refused ones among them")
		cmd.MarkFlagsMutuallyExclusive("silent", "unassigned")
	}
	cmd.RunE = s.ask(func(ctx context.Context, g *admin.Client, _ []string) error {
		all, err := g.ListSlots(ctx, location, s.kind, silentAfter.span)
		empty := "no " + s.noun + " has been seen or declared at this Location"
		if unassigned || silent {
			empty = "none at this Location"
		}
		l := s.listing(empty, "ID", "STATE", "SLOT", "GUESTS NOW", "LAST SEEN", "FIRST SEEN", "DECLARED", "ADMITTED", "NOTE", "ALIASES", "LEARNED")
		for _, v := range all {
			if unassigned && !v.State.Unassigned() || silent && v.State != macwatch.SlotSilent {
				continue
			}
			if err == nil {
				err = l.row(v, v.Name, string(v.State), placeText(v), guestsText(v), stamp(v.LastSeen), stamp(v.FirstSeen), yesNo(v.Declared),
					yesNo(v.Admitted), v.Note, strings.Join(declaredAliases(v), " "), learnedText(v))
			}
		}
		return l.close(err)
	})
	return atLocation(cmd, &location)
}

// placeText is which slot it holds, of how many.
func placeText(v macwatch.Slot) string {
	switch {
	case v.Place == 0:
		return ""
	case v.Limit == nil:
		return strconv.Itoa(v.Place)
	}
	return strconv.Itoa(v.Place) + " of " + strconv.Itoa(*v.Limit)
}

func guestsText(v macwatch.Slot) string {
	if v.GuestsNow == nil {
		return ""
	}
	return strconv.Itoa(*v.GuestsNow)
}

// declaredAliases are those that an operator has given.
func declaredAliases(v macwatch.Slot) []string {
	return slices.DeleteFunc(slices.Clone(v.Aliases), func(a string) bool {
		return slices.ContainsFunc(v.Learned, func(l macwatch.Learned) bool { return l.Alias == a })
	})
}

func learnedText(v macwatch.Slot) string {
	names := make([]string, len(v.Learned))
	for i, l := range v.Learned {
		names[i] = l.Alias
	}
	return strings.Join(names, " ")
}
