package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tallygate/cmd/internal/distributor"
	"tallygate/licensing"
)

func issuerUpgradeCmd(c *console) *cobra.Command {
	aps, rooms := licensing.Unlimited, licensing.Unlimited
	var add, remove []string
	cmd := &cobra.Command{
		Use:   "upgrade NUMBER --dir DIR [--aps N] [--rooms N] [--add-module M] [--remove-module M] --out FILE",
		Short: "Sign an order that changes the limits and modules of a license in mid-term",
		Long: `Signs an order for more (or fewer) access points, rooms and modules. The limits are the new
totals, not what is added; "unlimited" lifts one. What is not named stays as it is.`,
		Example: `  tallygate issuer upgrade TG-XXXX-XXXX-XXXX --dir distributor --aps 30 --add-module events --out upgrade.key`,
	}
	f := cmd.Flags()
	f.Var(limitOrNoneFlag{&aps}, "aps", "access points from now on, or unlimited")
	f.Var(limitOrNoneFlag{&rooms}, "rooms", "rooms from now on, or unlimited")
	f.StringSliceVar(&add, "add-module", nil, "`MODULE` to add (repeat, or separate by commas)")
	f.StringSliceVar(&remove, "remove-module", nil, "`MODULE` to take away")
	cmd.MarkFlagsOneRequired("aps", "rooms", "add-module", "remove-module")
	return c.orderCmd(cmd, func(l distributor.License, o *licensing.Order) ([]string, error) {
		u := &licensing.Upgrade{AddModules: add, RemoveModules: remove}
		if f.Changed("aps") {
			u.APs = &aps
		}
		if f.Changed("rooms") {
			u.Rooms = &rooms
		}
		o.Kind, o.Upgrade = licensing.OrderUpgrade, u
		return upgradeChanges(l.Terms(), *u)
	})
}

// upgradeChanges says what an upgrade makes of the terms in force; one that makes
// nothing of them is a slip.
func upgradeChanges(t licensing.Terms, u licensing.Upgrade) (changes []string, err error) {
	limit := func(what string, was licensing.Limit, becomes *licensing.Limit) {
		if becomes != nil && *becomes != was {
			changes = append(changes, fmt.Sprintf("%s: %s, was %s", what, *becomes, was))
		}
	}
	limit("access points", t.APs, u.APs)
	limit("rooms", t.Rooms, u.Rooms)
	for _, m := range u.AddModules {
		if slices.Contains(t.Modules, m) {
			return nil, licensing.Errorf(licensing.CodeConflict, "the license has the module %q already", m).
				WithHint("its modules are: %s", strings.Join(t.Modules, ", "))
		}
		changes = append(changes, "module "+m+" is added")
	}
	for _, m := range u.RemoveModules {
		if !slices.Contains(t.Modules, m) {
			return nil, licensing.Errorf(licensing.CodeConflict, "the license has no module %q", m).
				WithHint("its modules are: %s", or(strings.Join(t.Modules, ", "), "none"))
		}
		changes = append(changes, "module "+m+" is taken away")
	}
	if len(changes) == 0 {
		return nil, licensing.Errorf(licensing.CodeConflict, "this would change nothing: the license has %s access points and %s rooms already", t.APs, t.Rooms).
			WithHint("--aps and --rooms are the new totals")
	}
	return changes, nil
}

// limitOrNoneFlag is a limit where leaving the flag out means something else.
type limitOrNoneFlag struct{ limit *licensing.Limit }

func (f limitOrNoneFlag) String() string { return "" }

func (f limitOrNoneFlag) Set(s string) error {
	if s == "unlimited" {
		*f.limit = licensing.Unlimited
		return nil
	}
	if limitFlag(f).Set(s) != nil {
		return fmt.Errorf("must be a number from 0 up, or unlimited")
	}
	return nil
}

func (f limitOrNoneFlag) Type() string { return "N" }
