package store

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// dump is every row of every table, as text.
func (v *venue) dump() string {
	v.t.Helper()
	// What the housekeeping writes is written before, so that it shows in both dumps.
	require.NoError(v.t, v.s.flushSeen())
	v.sessions() // likewise the journal
	names, err := v.s.readers.QueryContext(ctx, `SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name`)
	require.NoError(v.t, err)
	var tables []string
	for names.Next() {
		var name string
		require.NoError(v.t, names.Scan(&name))
		tables = append(tables, name)
	}
	require.NoError(v.t, names.Close())
	var b strings.Builder
	for _, table := range tables {
		where := ""
		if table == "meta" { // the clock goes on by itself
			where = ` WHERE key NOT IN ('clock', 'seen_written')`
		}
		rows, err := v.s.readers.QueryContext(ctx, `SELECT * FROM `+table+where)
		require.NoError(v.t, err)
		columns, err := rows.Columns()
		require.NoError(v.t, err)
		var lines []string
		for rows.Next() {
			values := make([]any, len(columns))
			for i := range values {
				values[i] = new(any)
			}
			require.NoError(v.t, rows.Scan(values...))
			var line strings.Builder
			for i, c := range columns {
				fmt.Fprintf(&line, " %s=%v", c, *values[i].(*any))
			}
			lines = append(lines, table+line.String())
		}
		require.NoError(v.t, rows.Close())
		slices.Sort(lines)
		for _, l := range lines {
			b.WriteString(l + "\n")
		}
	}
	return b.String()
}

func TestADumpShowsEveryChange(t *testing.T) {
	v := openVenue(t)
	before := v.dump()
	require.Equal(t, before, v.dump())
	v.activate(v.terms())
	require.NotEqual(t, before, v.dump())
}
