package macwatch

import (
	"bytes"
	"encoding/csv"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestReadSheet(t *testing.T) {
	s := ReadSheet(KindAP, []byte("\ufeffID;Note;Aliases;declared\r\n24-C9-A1-2D-A8-98;\"by the pool; south\";lobby | 24c9.a16d.a898;no\r\n'=roof;;;\r\n"))
	require.Empty(t, s.Problems)
	require.Equal(t, []SheetRow{
		{Line: 2, Name: "24:c9:a1:2d:a8:98", Aliases: []string{"lobby", "24:c9:a1:6d:a8:98"}, Note: "by the pool; south"},
		{Line: 3, Name: "=roof", Declared: true},
	}, s.Rows)
	require.False(t, s.Has(ColumnTexts))

	s = ReadSheet(KindRoom, []byte("id,texts\n0412,vlan412|0412\n"))
	require.Empty(t, s.Problems)
	require.Equal(t, []SheetRow{{Line: 2, Name: "412", Texts: []string{"VLAN412", "412"}, Declared: true}}, s.Rows)
}

func TestReadSheetFindsEveryProblem(t *testing.T) {
	lines := func(text string) (found []int) {
		for _, p := range ReadSheet(KindAP, []byte(text)).Problems {
			require.NotEmpty(t, p.Problem)
			found = append(found, p.Line)
		}
		return found
	}
	require.Equal(t, []int{2, 3, 4, 5, 7},
		lines("id,aliases,note,declared\n,x,,\nap-1,,,perhaps\nap-1,,,\nap-2,x,,,,\n\nap-3,,\"two\nlines\",\nap-4,,,\n"))
	require.Equal(t, []int{1}, lines(""))
	require.Equal(t, []int{1, 1}, lines("name\n"), "id is missing, and name is no column")
	require.Equal(t, []int{1, 1}, lines("id,id,texts\n"))
	require.Equal(t, []int{3}, lines("id\nap-1\n\"ap-2\n"))
}

// FuzzSheet: whatever is in the file, reading ends, and each line is a row or a problem.
func FuzzSheet(f *testing.F) {
	f.Add([]byte("id,aliases,note,declared\nap-1,a|b,lobby,yes\n"))
	f.Add([]byte("\ufeffid;note\n'=1;\\|\n"))
	f.Add([]byte("id\n\"x"))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, kind := range []Kind{KindAP, KindRoom} {
			s := ReadSheet(kind, text)
			for _, r := range s.Rows {
				require.NotEmpty(t, r.Name)
				require.Positive(t, r.Line)
			}
		}
	})
}

// TestCellsComeBack: what is written into a sheet is read from it, and no cell is a formula.
func TestCellsComeBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		name := rapid.StringMatching(`[=+@'\\|,;"a-c -]{1,8}`)
		names := rapid.SliceOfN(name, 0, 4).Draw(rt, "names")
		var want []string
		for _, n := range names {
			want = append(want, SplitList(JoinList([]string{n}))...)
		}
		note := rapid.StringMatching(`[=+@'\\|,;"a-c -]{0,8}`).Draw(rt, "note")
		var file bytes.Buffer
		w := csv.NewWriter(&file)
		require.NoError(rt, w.Write([]string{SafeCell(JoinList(names)), SafeCell(note)}))
		w.Flush()
		if file.Len() > 1 { // an empty line is no record
			cells, err := csv.NewReader(&file).Read()
			if err == nil {
				for _, c := range cells {
					require.NotContains(rt, []string{"=", "+", "-", "@"}, c[:min(1, len(c))])
				}
				require.Equal(rt, want, SplitList(PlainCell(cells[0])))
				require.Equal(rt, note, PlainCell(cells[1]))
			}
		}
	})
}
