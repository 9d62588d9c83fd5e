package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tallygate/admin"
	"tallygate/licensing"
)

var (
	guestModes = []licensing.Guests{licensing.GuestsOpen, licensing.GuestsLocal}
	countModes = []licensing.Count{licensing.CountAccounting, licensing.CountAccepted}
	apPolicies = []licensing.APPolicy{licensing.APsFirstCome, licensing.APsDeclared}
	onOff      = []licensing.AutoRenewal{licensing.AutoRenewalOn, licensing.AutoRenewalOff}
)

// settingPaths says where in a Location's settings a flag of `location set` goes.
var settingPaths = map[string]string{
	"guests":           "guests",
	"count":            "count",
	"ap-policy":        "ap_policy",
	"ap-release-after": "ap_release_after",
	"time-zone":        "time_zone",
	"auto-renewal":     "auto_renewal",
	"room-attribute":   "room.attribute",
	"room-pattern":     "room.pattern",
	"room-map":         "room.map",
	"room-required":    "room.required",
	"room-declared":    "room.declared",
	"session-timeout":  "reply.session_timeout",
	"idle-timeout":     "reply.idle_timeout",
	"interim-interval": "reply.interim_interval",
	"vlan":             "reply.vlan",
	"bandwidth-up":     "reply.bandwidth_up",
	"bandwidth-down":   "reply.bandwidth_down",
	"filter-id":        "reply.filter_id",
	"ssid-module":      "ssid_modules",
	"check-out":        "stays.check_out",
	"keep-stays":       "stays.keep_days",
	"stale-after":      "stale_after",
	"guest-sessions":   "guest_sessions",
}

func locationSetCmd(c *console) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "set ID FLAG…",
		Short: "Change settings of a Location: those given, and no others",
		Example: `  tallygate location set 28N2S004 --guests local --idle-timeout 1800
  tallygate location set 28N2S004 --room-attribute nas-port-id --room-pattern 'room-(\d+)'
  tallygate location set 28N2S004 --ssid-module Conference=events`,
		Args: takes("ID"),
	}
	addSettingFlags(cmd.Flags())
	cmd.RunE = c.ask(func(ctx context.Context, g *admin.Client, args []string) error {
		patch, err := settingsPatch(cmd.Flags())
		if err != nil {
			return err
		}
		if len(patch) == 0 {
			return usagef(cmd, "nothing to set: give at least one setting")
		}
		l, err := g.PatchLocation(ctx, c.change(), args[0], patch)
		if err != nil {
			return err
		}
		return c.done(l, "changed settings of Location %s", l.Code)
	})
	return c.changes(cmd)
}

func addSettingFlags(f *pflag.FlagSet) {
	f.Var(choice[licensing.Guests]{new(licensing.Guests), guestModes}, "guests", "how credentials are checked")
	f.Var(choice[licensing.Count]{new(licensing.Count), countModes}, "count", "which devices count: all that accounting names, or only those accepted here")
	f.Var(choice[licensing.APPolicy]{new(licensing.APPolicy), apPolicies}, "ap-policy", "how APs get their slot")
	f.Var(&spanFlag{word: "never"}, "ap-release-after", "how long an AP may be unseen before its slot is released by itself: `TIME` such as 30d, or never; declared APs keep theirs")
	f.String("time-zone", "", "IANA time `ZONE`; the end of a running license does not move")
	f.Var(choice[licensing.AutoRenewal]{new(licensing.AutoRenewal), onOff}, "auto-renewal", "when the last license ends, take the next one of the Organization's pool")
	f.String("room-attribute", "", "where the room stands: nas-port-id, vlan, user-name, ap, a vendor's attribute such as Aruba-Location-Id, cisco-avpair:KEY …; \"\" for no rooms")
	f.String("room-pattern", "", "regular `EXPRESSION`; its first group is the room")
	f.StringArray("room-map", nil, "`TEXT=ROOM`, repeatable; TEXT= takes an entry away")
	f.Bool("room-required", false, "refuse requests without a room")
	f.Bool("room-declared", false, "only declared rooms")
	f.Int("session-timeout", 0, "longest session, `SECONDS`; 0 for the contract's end only")
	f.Int("idle-timeout", 0, "`SECONDS` without traffic; 0 for none")
	f.Int("interim-interval", 0, "`SECONDS` between Interim-Updates, 60 or more")
	f.Int("vlan", 0, "VLAN of accepted guests, 1-4094; 0 for none")
	f.Int("bandwidth-up", 0, "`BIT/S` from the guest; 0 for no limit")
	f.Int("bandwidth-down", 0, "`BIT/S` to the guest; 0 for no limit")
	f.String("filter-id", "", "Filter-Id of accepted guests")
	f.String("check-out", "", "`HH:MM` on the day of departure until which a stay lets in (default 12:00)")
	f.Int("keep-stays", 0, "`DAYS` after the departure when a stay's surname is erased (default 7)")
	f.Int("stale-after", 0, "close sessions of which nothing is heard for so many `SECONDS`, 120 or more; 0 for three reporting intervals")
	f.Int("guest-sessions", 0, "devices of one guest account online at once, `N`; 0 for any number")
	f.StringArray("ssid-module", nil, "`SSID=MODULE` that it requires, repeatable; SSID= takes an entry away")
}

// settingsPatch makes the JSON of the flags that were given.
func settingsPatch(f *pflag.FlagSet) (map[string]any, error) {
	patch := map[string]any{}
	var failed error
	f.Visit(func(flag *pflag.Flag) {
		path, ok := settingPaths[flag.Name]
		if !ok {
			return // --json, --dry-run
		}
		value, err := settingValue(f, flag)
		if err != nil {
			failed = err
		}
		section, key, nested := strings.Cut(path, ".")
		if !nested {
			patch[section] = value
			return
		}
		inner, ok := patch[section].(map[string]any)
		if !ok {
			inner = map[string]any{}
			patch[section] = inner
		}
		inner[key] = value
	})
	return patch, failed
}

func settingValue(f *pflag.FlagSet, flag *pflag.Flag) (any, error) {
	if span, ok := flag.Value.(*spanFlag); ok {
		return int(span.span.Seconds()), nil
	}
	switch flag.Value.Type() {
	case "int":
		return f.GetInt(flag.Name)
	case "bool":
		return f.GetBool(flag.Name)
	case "stringArray":
		list, err := f.GetStringArray(flag.Name)
		if err != nil {
			return nil, err
		}
		return pairs(flag.Name, list)
	}
	return flag.Value.String(), nil
}

// entries writes a map in order.
func entries(m map[string]string) string {
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if b.Len() > 0 {
			b.WriteString(", ")
		}
		_, _ = fmt.Fprintf(&b, "%s=%s", k, m[k])
	}
	return b.String()
}
