package main

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tallygate/licensing"
)

// entered is what `license activate --json` says.
type entered struct {
	Kind, License string
	Changes       []struct{ What, From, To string }
	Summary       []string
	DryRun        bool `json:"dry_run"`
	Licenses      []struct{ Number, State string }
}

// signed has the distributor sign an order, and returns the file that holds it.
func (v *venue) signed(t *testing.T, args ...string) string {
	t.Helper()
	out := filepath.Join(v.dir, strings.Join(args[:2], "-")+".key")
	v.do(t, append(append([]string{"issuer"}, args...), "--dir", "distributor", "--out", out)...)
	return "@" + out
}

// What a distributor sends in the life of a license, through its own commands and the
// one box of the gateway.
func TestOrdersThroughTheCommands(t *testing.T) {
	v := newVenue(t)
	v.serve(t)
	v.furnish(t)
	var a entered
	v.read(t, &a, "license", "activate", "@"+v.grant(t, "--aps", "5", "--start", "on-provision"), "--location", "28N2S004")
	number := a.License
	require.Equal(t, "grant", a.Kind)
	require.Equal(t, "In Use", a.Licenses[0].State)
	var shown struct {
		LastDay string `json:"last_day"`
		State   string
		Reason  string
		APs     struct{ Limit int }
		Parts   []struct{ Location string }
		Receipt struct {
			Sightings []any
			Rule      string
		} `json:"start_receipt"`
	}
	show := func() {
		t.Helper()
		shown.Reason = ""
		v.read(t, &shown, "license", "show", number)
	}
	show()
	require.Empty(t, shown.Receipt.Sightings)
	require.Contains(t, shown.Receipt.Rule, "when the license is assigned")
	lastDay := shown.LastDay

	upgrade := v.signed(t, "upgrade", number, "--aps", "9", "--add-module", "events")
	before := v.everything(t)
	a = entered{}
	v.read(t, &a, "license", "activate", upgrade, "--dry-run")
	require.True(t, a.DryRun)
	require.Equal(t, before, v.everything(t))
	require.Contains(t, a.Changes, struct{ What, From, To string }{"APs", "5", "9"})
	require.Contains(t, a.Changes, struct{ What, From, To string }{"modules", "", "events"})
	require.Contains(t, v.do(t, "license", "activate", upgrade), "  APs: 5 -> 9")
	again := v.command(t, "license", "activate", upgrade)
	require.Equal(t, exitFailed, again.status)
	require.Contains(t, again.err, "has had its order 1 already; the next one is 2")

	renewal := v.signed(t, "renew", number, "--years", "1")
	denial := v.signed(t, "deny", number, "--reason", "invoice 4711 unpaid", "--pause-clock")
	early := v.command(t, "license", "activate", denial)
	require.Equal(t, exitFailed, early.status)
	require.Contains(t, early.err, "out of sequence")
	v.do(t, "license", "activate", renewal)
	show()
	require.NotEqual(t, lastDay, shown.LastDay)
	v.do(t, "license", "activate", denial)
	show()
	require.Equal(t, []string{"Access denied", "invoice 4711 unpaid"}, []string{shown.State, shown.Reason})
	stubborn := v.command(t, "license", "restore", number)
	require.Equal(t, exitFailed, stubborn.status)
	require.Contains(t, stubborn.err, "denied by the distributor")
	v.do(t, "license", "activate", v.signed(t, "restore", number))
	show()
	require.Equal(t, "In Use", shown.State)

	require.Contains(t, v.do(t, "audit", "verify"), "whole")
}

func TestAssignmentsThroughTheCommands(t *testing.T) {
	v := newVenue(t)
	v.serve(t)
	v.furnish(t)
	var a entered
	v.read(t, &a, "license", "activate", "@"+v.grant(t, "--aps", "10", "--rooms", "50"))
	number := a.License
	out := v.do(t, "license", "assign", number, "--location", "28N2S004", "--aps", "6", "--rooms", "30")
	require.Contains(t, out, "APs 6 of 10 allotted, rooms 30 of 50; 28N2S004 (APs 0 of 6, rooms 0 of 30)")
	r := v.command(t, "license", "assign", number, "--location", "28N2S005", "--aps", "5")
	require.Equal(t, exitFailed, r.status)
	require.Contains(t, r.err, "4 of them are left for 28N2S005; 5 are asked for")
	v.do(t, "license", "assign", number, "--location", "28N2S005")
	for _, ap := range []string{"lobby", "pool", "roof"} {
		v.do(t, "ap", "declare", ap, "--location", "28N2S005")
	}
	before := v.everything(t)
	out = v.do(t, "license", "assign", number, "--location", "28N2S005", "--aps", "2", "--dry-run")
	require.True(t, strings.HasPrefix(out, "rehearsal, nothing was changed: "))
	require.Contains(t, out, "Not served any more: 1 APs (roof), 0 rooms, 0 open sessions.")
	require.Contains(t, out, "APs of 28N2S005: 4 -> 2")
	require.Less(t, strings.Index(out, "Not served any more"), strings.Index(out, "APs of 28N2S005"), "first who is cut off")
	require.Equal(t, before, v.everything(t))
	var cut struct {
		CutOff struct{ APs []string } `json:"cut_off"`
		Parts  []json.RawMessage
	}
	v.read(t, &cut, "license", "unassign", number, "--location", "28N2S005", "--dry-run")
	require.Equal(t, []string{"lobby", "pool", "roof"}, cut.CutOff.APs)
	v.do(t, "license", "unassign", number, "--location", "28N2S005")
	require.Contains(t, v.do(t, "license", "unassign", number), "assigned to no Location")
	require.Contains(t, v.command(t, "license", "decline-start", number, "--reason", "x").err, "no start of "+number+" is proposed")
	require.Contains(t, v.command(t, "license", "confirm-start", number).err, "no start of "+number+" is proposed")
	require.Contains(t, v.do(t, "gateway", "clock"), "T")
}

// A person at a terminal sees first what the change will do, by a rehearsal of it.
func TestAPersonSeesTheChangeFirst(t *testing.T) {
	for answer, want := range map[string][]bool{"y\n": {true, false}, "n\n": {true}} {
		keyboard, screen := terminal(t)
		var asked bytes.Buffer
		c := &console{in: screen, err: &asked}
		_, err := keyboard.WriteString(answer)
		require.NoError(t, err)
		var rehearsals []bool
		a, err := preview(c, func(ch licensing.Change) (licensing.Activation, error) {
			rehearsals = append(rehearsals, ch.DryRun)
			return licensing.Activation{
				Kind: licensing.OrderUpgrade, Summary: []string{"Order 1 was applied."}, DryRun: ch.DryRun,
				Changes: []licensing.ChangeLine{{What: "APs", From: "5", To: "2"}}, CutOff: licensing.CutOff{APs: []string{"ap-3"}, Sessions: 7},
			}, nil
		}, func(a licensing.Activation) string { return activationText(a, "Enter it?") })
		require.Equal(t, want, rehearsals)
		require.Equal(t, len(want) == 2, err == nil)
		require.Equal(t, len(want) != 2, a.DryRun)
		require.Equal(t, "Order 1 was applied.\nNot served any more: 1 APs (ap-3), 0 rooms, 7 open sessions.\n  APs: 5 -> 2\nEnter it? [y/N] ", asked.String())
	}
	var rehearsals []bool
	_, err := preview(&console{in: strings.NewReader("")}, func(ch licensing.Change) (licensing.Activation, error) {
		rehearsals = append(rehearsals, ch.DryRun)
		return licensing.Activation{}, nil
	}, func(licensing.Activation) string { return "" })
	require.NoError(t, err)
	require.Equal(t, []bool{false}, rehearsals, "a script is not asked, nor shown")
}
