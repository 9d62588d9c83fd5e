package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"tallygate/licensing"
)

// terminal opens a pseudo-terminal; what is written to the first end is typed at the second.
func terminal(t *testing.T) (keyboard, screen *os.File) {
	t.Helper()
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = keyboard.Close() })
	require.NoError(t, unix.IoctlSetPointerInt(int(keyboard.Fd()), unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(int(keyboard.Fd()), unix.TIOCGPTN)
	require.NoError(t, err)
	screen, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = screen.Close() })
	return keyboard, screen
}

func TestConfirm(t *testing.T) {
	for answer, want := range map[string]bool{"y\n": true, " YES \n": true, "n\n": false, "\n": false, "yep\n": false} {
		keyboard, screen := terminal(t)
		var asked bytes.Buffer
		c := &console{in: screen, err: &asked}
		_, err := keyboard.WriteString(answer)
		require.NoError(t, err)
		err = c.confirm("Deny %s?", "TG-1")
		require.Equal(t, want, err == nil, "%q: %v", answer, err)
		require.Equal(t, "Deny TG-1? [y/N] ", asked.String())
		if err != nil {
			require.Equal(t, licensing.CodeRefused, licensing.CodeOf(err))
		}
	}
	// Nobody is asked with --yes, in a rehearsal, or where no person sits.
	_, screen := terminal(t)
	for _, c := range []*console{{in: screen, yes: true}, {in: screen, dryRun: true}, {in: strings.NewReader("")}, {in: os.NewFile(^uintptr(0), "none")}} {
		var asked bytes.Buffer
		c.err = &asked
		require.NoError(t, c.confirm("Deny?"))
		require.Empty(t, asked.String())
	}
}

func TestListings(t *testing.T) {
	var out bytes.Buffer
	c := &console{out: &out}
	require.NoError(t, c.listing("nothing yet", "NAME", "NOTE").close(nil))
	require.Equal(t, "nothing yet\n", out.String())

	out.Reset()
	l := c.listing("nothing yet", "NAME", "NOTE")
	require.NoError(t, l.row(nil, "a\tb\n c", ""))
	require.NoError(t, l.row(nil, "longer name", "x"))
	require.NoError(t, l.close(nil))
	require.Equal(t, "NAME         NOTE\na b c        -\nlonger name  x\n", out.String())

	c.json = true
	out.Reset()
	require.NoError(t, c.listing("nothing yet").close(nil))
	require.Equal(t, "[]\n", out.String())
	out.Reset()
	l = c.listing("nothing yet")
	require.NoError(t, l.row(map[string]int{"n": 1}))
	require.NoError(t, l.row(map[string]int{"n": 2}))
	require.NoError(t, l.close(nil))
	require.Equal(t, "[\n  {\"n\":1},\n  {\"n\":2}\n]\n", out.String())

	// A list that failed is not a whole array.
	out.Reset()
	l = c.listing("nothing yet")
	require.NoError(t, l.row(map[string]int{"n": 1}))
	cut := errors.New("cut")
	require.ErrorIs(t, l.close(cut), cut)
	require.False(t, json.Valid(out.Bytes()), "%s", &out)
}

// A list of any length goes out as it comes.
func TestLongListingsAreNotHeld(t *testing.T) {
	var out bytes.Buffer
	l := (&console{out: &out}).listing("", "N", "NOTE")
	for i := range 10 * tableBlock {
		require.NoError(t, l.row(nil, fmt.Sprintf("row %d", i), "x"))
	}
	require.Greater(t, out.Len(), 8*tableBlock*len("row 1234"))
}

// The promises of DESIGN section 7 about flags, for every command there is.
func TestFlagsOfEveryCommand(t *testing.T) {
	changing := map[string]bool{}
	for _, name := range strings.Split("organization add,location add,location set,client add,client set,client remove,"+
		"license activate,license request,license deny,license restore,license assign,license unassign,license confirm-start,license decline-start,"+
		"license transfer approve,license transfer refuse,license transfer withdraw,partner add,partner remove,gateway release,"+
		"issuer init,issuer passphrase,issuer grant,issuer sheet,issuer upgrade,issuer renew,issuer undo-start,issuer deny,issuer restore,"+
		"issuer confirm,issuer clock-reset,issuer transfer,radius test,privacy erase,privacy purge,radsec client,radsec init,"+
		"ap declare,ap merge,ap replace,ap release,room declare,room merge,room replace,room release,device exempt,device block,"+
		"ap note,ap forget,ap alias add,ap alias remove,room note,room forget,room alias add,room alias remove,ap import,room import,"+
		"guest add,guest remove,guest mac-input add,guest mac-input remove,token add,token revoke,ticket create,ticket revoke,ticket batch revoke,guest credential revoke,guest stay add,guest stay import,guest stay remove,lab start,lab stop,session end,privacy erase,privacy purge,radsec init,radsec client,"+
		"notify recipient add,notify recipient rotate,notify recipient remove,notify test,notify replay", ",") {
		changing["tallygate "+name] = true
	}
	var visit func(cmd *cobra.Command)
	visit = func(cmd *cobra.Command) {
		require.NotEmpty(t, cmd.Short, cmd.CommandPath())
		if !cmd.HasSubCommands() {
			require.NotNil(t, cmd.InheritedFlags().Lookup("json"), cmd.CommandPath())
			require.NotNil(t, cmd.InheritedFlags().Lookup("config"), cmd.CommandPath())
			require.Equal(t, changing[cmd.CommandPath()], cmd.Flags().Lookup("dry-run") != nil, cmd.CommandPath())
			require.Equal(t, changing[cmd.CommandPath()], cmd.Flags().Lookup("yes") != nil, cmd.CommandPath())
			delete(changing, cmd.CommandPath())
		}
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
	}
	visit(newRootCmd(&console{}))
	require.Empty(t, changing, "commands that are missing")
}

// Each setting of a Location has its flag.
func TestEverySettingHasAFlag(t *testing.T) {
	full := licensing.Settings{
		Guests: "open", Count: "accounting", APs: "declared", Timezone: "Europe/Madrid", Modules: map[string]string{"a": "b"},
		Room:  licensing.RoomRule{Attribute: "vlan", Pattern: "x", Map: map[string]string{"a": "b"}, Required: true, Declared: true},
		Reply: licensing.Reply{SessionTimeout: 1, IdleTimeout: 1, InterimInterval: 1, VLAN: 1, BandwidthUp: 1, BandwidthDown: 1, FilterID: "x"},
		Stays: licensing.StaySettings{CheckOut: "11:00", KeepDays: 1}, StaleAfter: 120, GuestSessions: 1, APReleaseAfter: 86400,
	}
	text, err := json.Marshal(full)
	require.NoError(t, err)
	var sections map[string]any
	require.NoError(t, json.Unmarshal(text, &sections))
	want := map[string]bool{}
	for name, value := range sections {
		if inner, ok := value.(map[string]any); ok && name != "ssid_modules" {
			for key := range inner {
				want[name+"."+key] = true
			}
			continue
		}
		want[name] = true
	}
	got := map[string]bool{}
	cmd := locationSetCmd(&console{})
	for flag, path := range settingPaths {
		require.NotNil(t, cmd.Flags().Lookup(flag), flag)
		got[path] = true
	}
	require.Equal(t, want, got)
}

func TestSpelling(t *testing.T) {
	commands := []string{"list", "show", "room", "license", "organization"}
	for name, want := range map[string]string{"lst": "list", "lsit": "list", "licence": "license", "organisation": "organization",
		"foo": "", "x": "", "shwo": "show", "LIST": "list"} {
		require.Equal(t, want, nearest(name, commands), name)
	}
	require.Equal(t, 3, distance("kitten", "sitting"))
	require.Equal(t, 1, distance("atuh", "auth"))
	require.Equal(t, 4, distance("", "auth"))
}

func TestWordsForPeople(t *testing.T) {
	for n, want := range map[uint64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 999_949: "999.9 kB", 999_950: "1.0 MB", 1 << 63: "9.2 EB"} {
		require.Equal(t, want, octets(n))
	}
	require.Equal(t, "-", stamp(time.Time{}))
	require.Equal(t, "2026-11-22 11:00:00Z", stamp(time.Date(2026, 11, 22, 12, 0, 0, 0, time.FixedZone("", 3600))))
}

func TestExpiry(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 500, time.UTC)
	for text, want := range map[string]time.Time{
		"48h":                  time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC),
		"2027-01-31":           time.Date(2027, 2, 1, 3, 0, 0, 0, time.UTC), // the end of that day in Santiago
		"2027-01-31T12:00:00Z": time.Date(2027, 1, 31, 12, 0, 0, 0, time.UTC),
	} {
		f := expiryFlag{now: func() time.Time { return now }}
		require.NoError(t, f.Set(text))
		at, err := f.end("America/Santiago")
		require.NoError(t, err)
		require.True(t, want.Equal(at), "%s: %s", text, at)
	}
	require.Error(t, (&expiryFlag{now: time.Now}).Set("-1h"), "an end in the past")
}
