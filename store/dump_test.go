package store

import (
	"database/sql"
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
	require.NoError(v.t, v.s.flushDevices(ctx))
	v.sessions() // likewise the journal
	tables, err := rows(ctx, v.s.readers, func(r *sql.Rows) (name string, err error) {
		err = r.Scan(&name)
		return name, err
	}, `SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name`)
	require.NoError(v.t, err)
	var b strings.Builder
	for _, table := range tables {
		where := ""
		if table == "meta" { // the clock goes on by itself
			where = ` WHERE key NOT IN ('clock', 'seen_written')`
		}
		lines, err := rows(ctx, v.s.readers, func(r *sql.Rows) (string, error) {
			columns, err := r.Columns()
			if err != nil {
				return "", err
			}
			values := make([]any, len(columns))
			for i := range values {
				values[i] = new(any)
			}
			if err := r.Scan(values...); err != nil {
				return "", err
			}
			line := table
			for i, c := range columns {
				line += fmt.Sprintf(" %s=%v", c, *values[i].(*any))
			}
			return line, nil
		}, `SELECT * FROM `+table+where)
		require.NoError(v.t, err)
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
