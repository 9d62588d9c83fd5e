package main

import (
	"encoding/csv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tallygate/licensing"
)

// licensed is a furnished venue with four licenses, entered in this order: one that is
// In Use with a partner, one that waits behind it, two in the pool; and their numbers.
func licensedVenue(t *testing.T) (v *venue, numbers []string) {
	t.Helper()
	v = newVenue(t)
	v.serve(t)
	v.furnish(t)
	enter := func(args []string, flags ...string) {
		var a struct{ Licenses []struct{ Number string } }
		v.read(t, &a, append([]string{"license", "activate", "@" + v.grant(t, flags...)}, args...)...)
		for _, l := range a.Licenses {
			numbers = append(numbers, l.Number)
		}
	}
	at := []string{"--location", "28N2S004"}
	enter(at, "--start", "on-provision", "--aps", "2", "--modules", "guest,pms", "--partner", "Redes Sur", "--distributor", "Norte", "--payment", "monthly")
	enter(at, "--aps", "5")
	enter(nil, "--quantity", "2")
	require.Len(t, numbers, 4)
	return v, numbers
}

func (v *venue) numbers(t *testing.T, flags ...string) (numbers []string) {
	t.Helper()
	var rows []struct{ Number string }
	v.read(t, &rows, append([]string{"license", "list"}, flags...)...)
	for _, r := range rows {
		numbers = append(numbers, r.Number)
	}
	return numbers
}

func TestLicensesAreListedByAnyColumn(t *testing.T) {
	v, n := licensedVenue(t)
	require.Equal(t, n, v.numbers(t))
	for _, c := range []struct {
		flags string
		want  []string
	}{
		{"--partner sur", n[:1]},
		{"--payment monthly --module pms", n[:1]},
		{"--state pending-start,in-use", n[:2]},
		{"--location 28N2S004 --queue-position 1", n[1:2]},
		{"--aps-limit 3..", n[1:2]},
		{"--state pending-provision --sort -number", nil},
		{"--trial", nil},
		{"--trial=no --over-limit=no", n},
		{"--sort -aps_limit,number --location 28N2S004", []string{n[1], n[0]}},
		{"--ends-before 2099-01-01 --sort ends", n[:2]},
		{"--starts-after 2099-01-01", nil},
		{"--licenses-left 2", n},
	} {
		got := v.numbers(t, strings.Fields(c.flags)...)
		if c.flags == "--state pending-provision --sort -number" {
			require.ElementsMatch(t, n[2:], got)
			require.Greater(t, got[0], got[1])
			continue
		}
		require.Equal(t, c.want, got, c.flags)
	}
	table := v.do(t, "license", "list", "--columns", "number,partner,days_left", "--sort", "-days-left")
	lines := strings.Split(strings.TrimSpace(table), "\n")
	require.Equal(t, []string{"NUMBER", "PARTNER", "DAYS", "LEFT"}, strings.Fields(lines[0]))
	require.Contains(t, lines[2], "Redes Sur", "the one that waits ends later")
	require.Contains(t, v.do(t, "license", "list"), "Pending Start (1 in queue)")

	for args, want := range map[string]string{
		"--sort ended":         "last_day",
		"--columns ended":      "last_day",
		"--state asleep":       "Contract finalized",
		"--ends-before sunday": "2026-09-30",
		"--csv --json":         "choose one",
		"--colour red":         "",
	} {
		r := v.command(t, append([]string{"license", "list"}, strings.Fields(args)...)...)
		require.Equal(t, exitUsage, r.status, args)
		require.Contains(t, r.err, want, args)
	}
}

func TestLicensesAsCSV(t *testing.T) {
	v, n := licensedVenue(t)
	text := v.do(t, "license", "list", "--csv")
	require.Contains(t, text, "\r\n", "RFC 4180 section 2.1")
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 5)
	var heads []string
	for _, c := range licensing.Columns() {
		heads = append(heads, c.Name)
	}
	require.Equal(t, heads, rows[0])
	require.Equal(t, n[0], rows[1][0])
	rows, err = csv.NewReader(strings.NewReader(v.do(t, "license", "list", "--csv", "--columns", "number,modules", "--partner", "nobody"))).ReadAll()
	require.NoError(t, err)
	require.Equal(t, [][]string{{"number", "modules"}}, rows, "the first line stands even when nothing follows")
}

// A spreadsheet must not take a name for a formula.
func TestCSVCellsAreHarmless(t *testing.T) {
	for cell, want := range map[string]string{
		`=HYPERLINK("http://x")`: `'=HYPERLINK("http://x")`, "+1": "'+1", "-1": "'-1", "@SUM(A1)": "'@SUM(A1)", "\t=1": "'\t=1", "\r=1": "'\r=1",
		"": "", "Hotel = Sol": "Hotel = Sol", "2 of 5": "2 of 5", "é=": "é=",
	} {
		require.Equal(t, want, harmlessCell(cell))
	}
	var out strings.Builder
	c := &console{out: &out}
	list, err := c.csvList("a", "b")
	require.NoError(t, err)
	require.NoError(t, list.row("=1+1", "two\nlines, \"quoted\""))
	require.NoError(t, list.close(nil))
	require.Equal(t, "a,b\r\n'=1+1,\"two\r\nlines, \"\"quoted\"\"\"\r\n", out.String())
}
