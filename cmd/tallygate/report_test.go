package main

import (
	"encoding/csv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tallygate/macwatch"
)

func TestReport(t *testing.T) {
	v := newVenue(t)
	v.serve(t)
	v.furnish(t)
	var r struct {
		Days    []macwatch.Day
		Summary macwatch.DaySummary
	}
	v.read(t, &r, "report", "--location", "28N2S004")
	require.Len(t, r.Days, 1, "today")
	require.Equal(t, []any{0, false}, []any{r.Days[0].Devices, r.Days[0].Final})
	require.Equal(t, 1, r.Summary.Days)

	out := v.do(t, "report", "--location", "28N2S004")
	require.Contains(t, out, "DEVICES")
	require.Contains(t, out, "not known before 60 whole days")
	rows, err := csv.NewReader(strings.NewReader(v.do(t, "report", "--location", "28N2S004", "--csv"))).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 2)
	require.Equal(t, []string{r.Days[0].Day, "0"}, rows[1][:2])

	for args, want := range map[string]string{
		"report":                              "location",
		"report --location 28N2S999":          "28N2S999",
		"report --location 28N2S004 --from x": "not a date",
		"report --location 28N2S004 --from 2026-02-02 --to 2026-02-01": "give the earlier day first",
		"report --location 28N2S004 --csv --json":                      "do not go together",
	} {
		require.Contains(t, v.command(t, strings.Fields(args)...).err, want, args)
	}
}
