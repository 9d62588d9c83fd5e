package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"tallygate/cmd/internal/distributor"
	"tallygate/licensing"
)

func issuerDenyCmd(c *console) *cobra.Command {
	var deny licensing.DenyOrder
	cmd := &cobra.Command{
		Use:   "deny NUMBER --dir DIR --reason TEXT [--pause-clock] --out FILE",
		Short: "Sign the distributor's denial: no guest is served until an order restores it",
		Long: `Signs the distributor's denial, which nobody at the gateway can lift. The contract goes on
running meanwhile, unless --pause-clock says that the time denied, rounded up to whole days,
is added at its end.`,
		Example: `  tallygate issuer deny TG-XXXX-XXXX-XXXX --dir distributor --reason "invoice 4711 unpaid" --out deny.key`,
	}
	cmd.Flags().StringVar(&deny.Reason, "reason", "", "why, as the venue will read it")
	cmd.Flags().BoolVar(&deny.PauseClock, "pause-clock", false, "the contract's clock stands still while access is denied")
	return required(c.orderCmd(cmd, func(l distributor.License, o *licensing.Order) ([]string, error) {
		if e, denied := l.Denied(); denied {
			return nil, licensing.Errorf(licensing.CodeConflict, "license %s is denied already, by order %d: %s", l.Number, e.Sequence, e.Order.Deny.Reason).
				WithHint("lift that first with `tallygate issuer restore %s`", l.Number)
		}
		o.Kind, o.Deny = licensing.OrderDeny, &deny
		clock := "the contract's clock keeps running"
		if deny.PauseClock {
			clock = "the contract's clock stands still until it is lifted"
		}
		return []string{"no guest is served: " + deny.Reason, clock}, nil
	}), "reason")
}

func issuerRestoreCmd(c *console) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "restore NUMBER --dir DIR --out FILE",
		Short: "Sign the order that lifts the distributor's latest denial",
	}
	return c.orderCmd(cmd, func(l distributor.License, o *licensing.Order) ([]string, error) {
		e, denied := l.Denied()
		if !denied {
			return nil, licensing.Errorf(licensing.CodeConflict, "no order of this register denies license %s", l.Number).
				WithHint("a denial by the gateway's operator is lifted there, with `tallygate license restore`")
		}
		o.Kind, o.Restore = licensing.OrderRestore, &licensing.RestoreOrder{Denial: e.ID}
		return []string{fmt.Sprintf("the denial of order %d is lifted: %s", e.Sequence, e.Order.Deny.Reason)}, nil
	})
}

func issuerConfirmCmd(c *console) *cobra.Command {
	var until licensing.Date
	cmd := &cobra.Command{
		Use:   "confirm NUMBER --dir DIR --until DATE --out FILE",
		Short: "Sign the confirmation that a license with --confirm-every waits for",
		Long: `Confirms that the contract is kept, say that the month is paid, up to and with a day. A
license with --confirm-every whose confirmation runs out becomes Access denied until the
next one is entered.`,
		Example: `  tallygate issuer confirm TG-XXXX-XXXX-XXXX --dir distributor --until 2027-01-31 --out january.key`,
	}
	cmd.Flags().Var(dateFlag{&until}, "until", "last day that is confirmed")
	return required(c.orderCmd(cmd, func(l distributor.License, o *licensing.Order) ([]string, error) {
		if l.Grant.Terms.ConfirmEvery == 0 {
			return nil, licensing.Errorf(licensing.CodeConflict, "license %s needs no confirmation", l.Number).
				WithHint("only licenses granted with --confirm-every DAYS do")
		}
		if e, found := l.Last(licensing.OrderConfirmation); found && !until.After(e.Order.Confirmation.Until) {
			return nil, licensing.Errorf(licensing.CodeConflict, "license %s is confirmed until %s already, by order %d", l.Number, e.Order.Confirmation.Until, e.Sequence).
				WithHint("choose a later day")
		}
		o.Kind, o.Confirmation = licensing.OrderConfirmation, &licensing.Confirmation{Until: until}
		return []string{"the contract is confirmed until " + until.String()}, nil
	}), "until")
}
