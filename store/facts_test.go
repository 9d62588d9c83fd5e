package store

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// started is a venue whose license has started, with a second one that waits and a
// third without a Location; the store is closed.
func started(t *testing.T) (v *venue, number string) {
	t.Helper()
	v = openVenue(t)
	number = v.activate(v.terms())
	for n := range 5 {
		v.sight(v.record(n, macwatch.StatusStart))
	}
	v.clock.advance(time.Minute)
	v.activate(v.terms())
	key, err := v.issuer.SignGrant(v.terms())
	require.NoError(t, err)
	_, err = v.s.Activate(ctx, by, key, "")
	require.NoError(t, err)
	v.clock.advance(time.Minute)
	_, err = v.s.DenyLicense(ctx, by, number, "unpaid")
	require.NoError(t, err)
	require.NoError(t, v.s.Close())
	return v, number
}

// edit works on the closed database as an intruder does, one statement after the other.
func (v *venue) edit(t *testing.T, statements ...string) {
	t.Helper()
	db := second(t, v.dir)
	for _, s := range append([]string{`PRAGMA foreign_keys = off`}, statements...) {
		_, err := db.Exec(s)
		require.NoError(t, err, s)
	}
	require.NoError(t, db.Close())
}

// facts are the licenses, receipts and orders as the database holds them.
func (v *venue) facts(t *testing.T) string {
	t.Helper()
	var all []string
	require.True(t, v.s.onWriter(func() {
		list, err := readLicenses(ctx, v.s.w.conn)
		require.NoError(t, err)
		text, err := json.Marshal(list)
		require.NoError(t, err)
		all = append(all, string(text))
		for _, query := range []string{
			`SELECT coalesce(group_concat(license_id || text || void), '') FROM (SELECT * FROM receipts ORDER BY license_id)`,
			`SELECT coalesce(group_concat(id || kind || text), '') FROM (SELECT * FROM orders ORDER BY id)`,
			`SELECT coalesce(group_concat(devices), '') FROM counts`,
		} {
			text, err := readText(ctx, v.s.w.conn, query)
			require.NoError(t, err)
			all = append(all, text)
		}
	}))
	return strings.Join(all, "\n")
}

// Every row that gives or takes a right is held against the log at start, and put back.
func TestAlteredRowsArePutBack(t *testing.T) {
	for name, statements := range map[string][]string{
		"operator's denial lifted":         {`UPDATE licenses SET operator_at = NULL, operator_reason = '' WHERE operator_at IS NOT NULL`},
		"reason of the denial":             {`UPDATE licenses SET operator_reason = 'a mistake' WHERE operator_at IS NOT NULL`},
		"distributor's denial made up":     {`UPDATE licenses SET distributor_at = 1, distributor_reason = 'x' WHERE id = 1`},
		"paused days added":                {`UPDATE licenses SET paused_days = 300 WHERE id = 1`},
		"start put off":                    {`UPDATE licenses SET started_at = started_at + 86400000000 WHERE id = 1`},
		"start brought forward":            {`UPDATE licenses SET started_at = started_at - 86400000000 WHERE id = 1`},
		"start removed":                    {`UPDATE licenses SET started_at = NULL WHERE id = 1`},
		"start removed with receipt":       {`UPDATE licenses SET started_at = NULL WHERE id = 1`, `DELETE FROM receipts`},
		"time zone":                        {`UPDATE licenses SET zone = 'Pacific/Pago_Pago' WHERE id = 1`},
		"provisioned later":                {`UPDATE licenses SET provisioned_at = provisioned_at + 1 WHERE id = 2`},
		"activated later":                  {`UPDATE licenses SET activated_at = activated_at + 1 WHERE id = 3`},
		"terms":                            {`UPDATE licenses SET terms = json_set(terms, '$.term.years', 5)`},
		"number":                           {`UPDATE licenses SET number = 'TG-0000-0000-0000' WHERE id = 1`},
		"license removed":                  {`DELETE FROM licenses WHERE id = 1`},
		"license removed, and its rows":    {`DELETE FROM licenses WHERE id = 1`, `DELETE FROM allotments WHERE license_id = 1`, `DELETE FROM receipts`},
		"license without Location removed": {`DELETE FROM licenses WHERE id = 3`},
		"license added": {`INSERT INTO licenses (number, grant_id, pool_index, organization_id, terms, activated_at, provisioned_at, zone)
			SELECT 'TG-0000-0000-0000', 'ff', 0, organization_id, json_set(terms, '$.aps', 900), activated_at, provisioned_at, zone FROM licenses WHERE id = 1`},
		"license added with allotment": {`INSERT INTO licenses (id, number, grant_id, pool_index, organization_id, terms, activated_at, provisioned_at, zone)
			SELECT 77, 'TG-0000-0000-0000', 'ff', 0, organization_id, terms, activated_at, provisioned_at, zone FROM licenses WHERE id = 1`,
			`INSERT INTO allotments SELECT 77, location_id, at, 900, rooms FROM allotments WHERE license_id = 1`},
		"allotment enlarged":         {`UPDATE allotments SET aps = 900`},
		"allotment backdated":        {`UPDATE allotments SET at = at - 86400000000`},
		"allotment removed":          {`DELETE FROM allotments WHERE license_id = 1`},
		"all allotments removed":     {`DELETE FROM allotments`},
		"allotment added":            {`INSERT INTO allotments SELECT 3, location_id, at, aps, rooms FROM allotments WHERE license_id = 1`},
		"allotment of no license":    {`INSERT INTO allotments SELECT 99, location_id, at, aps, rooms FROM allotments WHERE license_id = 1`},
		"allotments exchanged":       {`UPDATE allotments SET license_id = license_id + 10`, `UPDATE allotments SET license_id = 13 - license_id`},
		"receipt altered":            {`UPDATE receipts SET text = json_set(text, '$.sightings[0].ap', 'elsewhere')`},
		"receipt removed":            {`DELETE FROM receipts`},
		"receipt and start together": {`UPDATE receipts SET text = json_set(text, '$.starts_at', '2027-11-22T10:00:00Z')`, `UPDATE licenses SET started_at = started_at + 31536000000000 WHERE id = 1`},
		"receipt voided":             {`UPDATE receipts SET void = 'undone'`},
		"receipt added":              {`INSERT INTO receipts (license_id, text) SELECT 2, text FROM receipts WHERE license_id = 1`},
		"order altered":              {`UPDATE orders SET text = text || 'x'`},
		"order removed":              {`DELETE FROM orders`},
		"order exchanged":            {`UPDATE orders SET text = (SELECT max(text) FROM orders)`},
		"order added":                {`INSERT INTO orders (id, kind, text, applied_at) SELECT 'ffff', kind, text, applied_at FROM orders LIMIT 1`},
	} {
		t.Run(name, func(t *testing.T) {
			v, number := started(t)
			v.open()
			before := v.facts(t)
			require.NoError(t, v.s.Close())
			v.edit(t, statements...)
			v.open()
			if name != "receipt added" { // it is of no use: that license has not started
				require.Equal(t, before, v.facts(t))
			}
			require.Equal(t, licensing.AccessDenied, v.summary(number).State)
			if name != "allotment of no license" {
				require.Positive(t, v.count(`SELECT count(*) FROM audit WHERE action = 'license.mismatch'`), "it is told")
			}
			report, err := v.s.VerifyAudit(ctx)
			require.NoError(t, err)
			require.True(t, report.OK, report.Problems)
			// Mended once, and the log has not taken the edit for the gateway's own.
			entries := v.count(`SELECT count(*) FROM audit`)
			v.restart()
			require.Equal(t, entries, v.count(`SELECT count(*) FROM audit`))
		})
	}
}

// What is edited under the running gateway is found by `audit verify`, and neither used
// nor taken over by the next change.
func TestRowsAlteredUnderTheRunningGatewayArePutBack(t *testing.T) {
	v, number := started(t)
	v.open()
	before := v.facts(t)
	v.edit(t, `UPDATE licenses SET operator_at = NULL WHERE id = 1`, `DELETE FROM allotments WHERE license_id = 2`)
	report, err := v.s.VerifyAudit(ctx)
	require.NoError(t, err)
	require.False(t, report.OK)
	require.Contains(t, strings.Join(report.Problems, "\n"), "license "+number+": its row was altered in the database while the gateway ran")
	_, err = v.s.AddOrganization(ctx, by, licensing.Organization{Name: "Hostal Luna", Realm: "hostalluna", Code: "LUN"})
	require.NoError(t, err)
	require.Equal(t, before, v.facts(t))
	require.Equal(t, licensing.AccessDenied, v.summary(number).State)
	require.Equal(t, 2, v.count(`SELECT count(*) FROM audit WHERE action = 'license.mismatch'`))
	report, err = v.s.VerifyAudit(ctx)
	require.NoError(t, err)
	require.True(t, report.OK, report.Problems)
}

// Whoever alters a row and what the log says of it as well breaks the chain.
func TestRowAndLogTogetherBreakTheChain(t *testing.T) {
	lastFacts := `(SELECT max(seq) FROM audit WHERE action = 'license.facts' AND subject = (SELECT number FROM licenses WHERE id = 1))`
	lifted := `UPDATE licenses SET operator_at = NULL, operator_reason = '' WHERE id = 1`
	for name, statements := range map[string][]string{
		"facts altered": {lifted, `UPDATE audit SET detail = json_remove(detail, '$.operator_denial') WHERE seq = ` + lastFacts},
		"facts removed": {lifted, `DELETE FROM audit WHERE seq = ` + lastFacts},
		"facts cut":     {lifted, `DELETE FROM audit WHERE seq >= ` + lastFacts},
		"earlier facts copied to the end": {lifted, `INSERT INTO audit SELECT (SELECT max(seq) + 1 FROM audit), at, actor, action, subject, detail, link
			FROM audit WHERE action = 'license.facts' ORDER BY seq LIMIT 1`},
		"start entry altered": {`UPDATE audit SET detail = json_set(detail, '$.starts_at', '2027-11-22T10:00:00Z') WHERE action = 'license.start'`,
			`UPDATE receipts SET text = json_set(text, '$.starts_at', '2027-11-22T10:00:00Z')`},
		"order entry altered": {`UPDATE audit SET detail = json_set(detail, '$.text', 'x') WHERE action = 'order.keep'`, `UPDATE orders SET text = 'x'`},
		"order entry alone":   {`UPDATE audit SET detail = json_set(detail, '$.text', 'x') WHERE action = 'order.keep'`},
		"receipt entry alone": {`UPDATE audit SET detail = json_set(detail, '$.location', 'x') WHERE action = 'license.start'`},
		"everything removed":  {`DELETE FROM audit`, lifted},
	} {
		t.Run(name, func(t *testing.T) {
			v, _ := started(t)
			v.tamper(t, statements...)
			v.open()
			require.Equal(t, 1, v.count(`SELECT count(*) FROM audit WHERE action = 'audit.broken'`), "told at the start")
			report, err := v.s.VerifyAudit(ctx)
			require.NoError(t, err)
			require.False(t, report.OK)
			facts := v.facts(t)
			v.restart()
			require.Equal(t, 1, v.count(`SELECT count(*) FROM audit WHERE action = 'audit.broken'`), "once")
			require.Equal(t, facts, v.facts(t), "what cannot be believed mends nothing")
			// From here on the rows are guarded again.
			require.NoError(t, v.s.Close())
			v.edit(t, `UPDATE licenses SET paused_days = 100 WHERE id = 1`)
			v.open()
			require.Equal(t, facts, v.facts(t))
			report, err = v.s.VerifyAudit(ctx)
			require.NoError(t, err)
			require.False(t, report.OK, "a broken log stays one")
		})
	}
}

// The link of every entry stands in the database: it must not be enough to write the
// head file anew after cutting the log's end.
func TestLogAndHeadFileCutTogetherAreFound(t *testing.T) {
	v, number := started(t)
	keep := 0
	v.tamper(t, `DELETE FROM audit WHERE seq >= (SELECT max(seq) FROM audit WHERE action = 'license.deny')`,
		`UPDATE licenses SET operator_at = NULL, operator_reason = '' WHERE id = 1`)
	db := second(t, v.dir)
	var link []byte
	require.NoError(t, db.QueryRow(`SELECT seq, link FROM audit ORDER BY seq DESC LIMIT 1`).Scan(&keep, &link))
	require.NoError(t, db.Close())
	path := filepath.Join(v.dir, "audit.head")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	old := strings.Fields(string(text))
	require.NoError(t, os.WriteFile(path, fmt.Appendf(nil, "%d %x %s\n", keep, link, old[2]), 0o600))
	v.open()
	report, err := v.s.VerifyAudit(ctx)
	require.NoError(t, err)
	require.False(t, report.OK)
	require.Contains(t, strings.Join(report.Problems, "\n"), "was not written by this gateway")
	require.NotEmpty(t, number)
}

// An alarm goes into the log of the daemon at every start, and into the audit log once.
func TestABrokenLogIsToldAgainWhenItBreaksAgain(t *testing.T) {
	v := audited(t)
	v.tamper(t, `UPDATE audit SET actor = 'nobody' WHERE seq = 3`)
	v.open()
	v.restart()
	require.Equal(t, 1, v.count(`SELECT count(*) FROM audit WHERE action = 'audit.broken'`))
	require.NoError(t, v.s.Close())
	v.tamper(t, `UPDATE audit SET actor = 'nobody' WHERE seq = 4`)
	v.open()
	require.Equal(t, 2, v.count(`SELECT count(*) FROM audit WHERE action = 'audit.broken'`))
}
