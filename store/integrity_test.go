package store

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"tallygate/licensing"
	"tallygate/macwatch"
)

func TestAlteredLicenseFactsGiveWayToTheEvidence(t *testing.T) {
	for name, edit := range map[string]string{
		"start removed":    `UPDATE licenses SET started_at = NULL`,
		"start put off":    `UPDATE licenses SET started_at = started_at + 300 * 86400000000`,
		"limit raised":     `UPDATE licenses SET terms = json_set(terms, '$.aps', 200)`,
		"threshold raised": `UPDATE licenses SET terms = json_set(terms, '$.threshold', 50)`,
		"term lengthened":  `UPDATE licenses SET terms = json_set(terms, '$.term.years', 5)`,
	} {
		t.Run(name, func(t *testing.T) {
			v := openVenue(t)
			number := v.activate(v.terms())
			for n := range 5 {
				v.sight(v.record(n, macwatch.StatusStart))
			}
			before := v.summary(number)
			require.Equal(t, licensing.InUse, before.State)
			require.NoError(t, v.s.Close())
			_, err := second(t, v.dir).Exec(edit)
			require.NoError(t, err)
			v.open()
			require.Equal(t, before, v.summary(number))
			require.Equal(t, 1, v.count(`SELECT count(*) FROM audit WHERE action = 'license.mismatch'`))
			v.sight(v.record(5, macwatch.StatusStart))
			require.Equal(t, 6, v.summary(number).DevicesCounted)
			v.restart()
			require.Equal(t, 1, v.count(`SELECT count(*) FROM audit WHERE action = 'license.mismatch'`), "mended once")
		})
	}
}

func TestAnotherGatewayKeyIsRefused(t *testing.T) {
	v := openVenue(t)
	require.NoError(t, v.s.Close())
	key := filepath.Join(v.dir, "gateway.key")
	text, err := os.ReadFile(key)
	require.NoError(t, err)
	require.NoError(t, os.Remove(key))
	_, err = Open(v.options)
	var e *licensing.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, licensing.CodeConflict, e.Code)
	require.Contains(t, e.Hint, "restore gateway.key")
	require.NoError(t, os.WriteFile(key, text, 0o600))
	v.open()
}
