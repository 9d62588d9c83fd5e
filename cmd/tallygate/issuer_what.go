package main

import (
	"fmt"
	"strings"

	"tallygate/cmd/internal/distributor"
	"tallygate/licensing"
)

// what says in a few words what a signed text does.
func what(e distributor.Entry) string {
	o := e.Order
	switch {
	case e.Terms != nil:
		return whatGrant(*e.Terms)
	case o == nil:
		return ""
	case o.Upgrade != nil:
		return whatUpgrade(*o.Upgrade)
	case o.Renewal != nil:
		return "renewed by " + termText(o.Renewal.Term)
	case o.UndoStart != nil:
		return "start taken back"
	case o.Deny != nil:
		if o.Deny.PauseClock {
			return "denied, clock paused: " + o.Deny.Reason
		}
		return "denied: " + o.Deny.Reason
	case o.Restore != nil:
		return "denial lifted"
	case o.Confirmation != nil:
		return "confirmed until " + o.Confirmation.Until.String()
	case o.Transfer != nil:
		return "transferred to " + strings.TrimSpace(o.Transfer.ToPartner+" "+o.Transfer.ToGateway)
	case o.ClockReset != nil:
		return fmt.Sprintf("clock back from %s to %s", stamp(o.ClockReset.Mark), stamp(o.ClockReset.To))
	}
	return string(o.Kind)
}

func whatGrant(t licensing.Terms) string {
	parts := []string{termText(t.Term), "APs " + t.APs.String(), "rooms " + t.Rooms.String()}
	switch {
	case t.Trial:
		parts = append(parts, "trial")
	case t.Renews != "":
		parts = append(parts, "renews "+t.Renews)
	}
	return strings.Join(append(parts, t.Modules...), ", ")
}

func whatUpgrade(u licensing.Upgrade) string {
	var parts []string
	for _, l := range []struct {
		name  string
		limit *licensing.Limit
	}{{"APs", u.APs}, {"rooms", u.Rooms}} {
		if l.limit != nil {
			parts = append(parts, l.name+" "+l.limit.String())
		}
	}
	for _, m := range u.AddModules {
		parts = append(parts, "+"+m)
	}
	for _, m := range u.RemoveModules {
		parts = append(parts, "-"+m)
	}
	return strings.Join(parts, ", ")
}
