package store

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// audited is a closed store with an audit log of ten entries and more.
func audited(t *testing.T) *venue {
	t.Helper()
	v := openVenue(t)
	number := v.activate(v.terms())
	for range 3 {
		v.clock.advance(time.Minute)
		_, err := v.s.DenyLicense(ctx, by, number, "unpaid")
		require.NoError(t, err)
		_, err = v.s.RestoreLicense(ctx, by, number)
		require.NoError(t, err)
	}
	require.NoError(t, v.s.Close())
	return v
}

// tamper works on the closed database, with the triggers out of the way.
func (v *venue) tamper(t *testing.T, statements ...string) {
	t.Helper()
	db := second(t, v.dir)
	for _, s := range append([]string{`DROP TRIGGER IF EXISTS audit_no_update`, `DROP TRIGGER IF EXISTS audit_no_delete`}, statements...) {
		res, err := db.Exec(s)
		require.NoError(t, err, s)
		n, err := res.RowsAffected()
		require.NoError(t, err)
		require.True(t, n > 0 || s[:4] == "DROP" || s[:6] == "ATTACH", "%s has met no row", s)
	}
	require.NoError(t, db.Close())
}

func TestTheAuditLogCannotBeChangedByTheWay(t *testing.T) {
	v := audited(t)
	db := second(t, v.dir)
	for _, s := range []string{`UPDATE audit SET actor = 'x' WHERE seq = 2`, `DELETE FROM audit WHERE seq = 2`, `DELETE FROM audit`} {
		_, err := db.Exec(s)
		require.ErrorContains(t, err, "append-only", s)
	}
}

func TestWhatIsDoneToTheAuditLogIsFound(t *testing.T) {
	for name, statements := range map[string][]string{
		"time altered":    {`UPDATE audit SET at = at + 1 WHERE seq = 5`},
		"actor altered":   {`UPDATE audit SET actor = 'nobody' WHERE seq = 5`},
		"action altered":  {`UPDATE audit SET action = 'license.restore' WHERE action = 'license.deny'`},
		"subject altered": {`UPDATE audit SET subject = 'TG' WHERE seq = 5`},
		"detail altered":  {`UPDATE audit SET detail = replace(detail, 'unpaid', 'paid') WHERE action = 'license.deny'`},
		"link altered":    {`UPDATE audit SET link = zeroblob(32) WHERE seq = 5`},
		"field border moved": {
			`UPDATE audit SET action = action || substr(subject, 1, 1), subject = substr(subject, 2) WHERE seq = 5`,
		},
		"first altered": {`UPDATE audit SET actor = 'nobody' WHERE seq = 1`},
		"last altered":  {`UPDATE audit SET actor = 'nobody' WHERE seq = (SELECT max(seq) FROM audit)`},
		"one removed":   {`DELETE FROM audit WHERE seq = 5`},
		"first removed": {`DELETE FROM audit WHERE seq = 1`},
		"one removed and the rest moved up": {
			`DELETE FROM audit WHERE seq = 5`, `UPDATE audit SET seq = -seq WHERE seq > 5`, `UPDATE audit SET seq = -seq - 1 WHERE seq < 0`,
		},
		"two exchanged": {
			`UPDATE audit SET seq = -1 WHERE seq = 5`, `UPDATE audit SET seq = 5 WHERE seq = 6`, `UPDATE audit SET seq = 6 WHERE seq = -1`,
		},
		"end cut":           {`DELETE FROM audit WHERE seq > 5`},
		"last cut":          {`DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)`},
		"all removed":       {`DELETE FROM audit`},
		"one added":         {`INSERT INTO audit SELECT max(seq) + 1, at, actor, action, subject, detail, link FROM audit`},
		"one doubled ahead": {`INSERT INTO audit SELECT 0, at, actor, action, subject, detail, link FROM audit WHERE seq = 1`},
	} {
		t.Run(name, func(t *testing.T) {
			v := audited(t)
			v.tamper(t, statements...)
			v.open()
			report, err := v.s.VerifyAudit(ctx)
			require.NoError(t, err)
			require.False(t, report.OK, "%+v", report)
			require.NotEmpty(t, report.Problems)
			// Going on does not heal it.
			_, err = v.s.StartLab(ctx, by, v.location.Code)
			require.NoError(t, err)
			report, err = v.s.VerifyAudit(ctx)
			require.NoError(t, err)
			require.False(t, report.OK, "after another entry")
		})
	}
}

// An entry of a copy of this gateway carries the right key and the right number; only
// what it is chained to gives it away.
func TestAnEntryOfACopyDoesNotFit(t *testing.T) {
	v := audited(t)
	dir := filepath.Join(t.TempDir(), "copy")
	require.NoError(t, os.CopyFS(dir, os.DirFS(v.dir)))
	v.open()
	number := v.number()
	last := v.count(`SELECT max(seq) FROM audit`)
	for range 2 { // two more here, and two others in the copy
		_, err := v.s.DenyLicense(ctx, by, number, "unpaid")
		require.NoError(t, err)
		_, err = v.s.RestoreLicense(ctx, by, number)
		require.NoError(t, err)
	}
	require.NoError(t, v.s.Close())
	options := v.options
	options.Dir = dir
	c, err := Open(options)
	require.NoError(t, err)
	_, err = c.DenyLicense(ctx, by, number, "something quite different")
	require.NoError(t, err)
	require.NoError(t, c.Close())
	v.tamper(t, `ATTACH '`+filepath.Join(dir, "tallygate.db")+`' AS other`, fmt.Sprintf(`DELETE FROM main.audit WHERE seq = %d`, last+1),
		fmt.Sprintf(`INSERT INTO main.audit SELECT * FROM other.audit WHERE seq = %d`, last+1))
	v.open()
	report, err := v.s.VerifyAudit(ctx)
	require.NoError(t, err)
	require.False(t, report.OK)
}

func TestAMissingEntryIsNamed(t *testing.T) {
	v := audited(t)
	v.tamper(t, `DELETE FROM audit WHERE seq = 5`)
	v.open()
	report, err := v.s.VerifyAudit(ctx)
	require.NoError(t, err)
	require.Contains(t, report.Problems, "entry 5 is missing")
}

func TestWhatIsDoneToTheHeadFileIsFound(t *testing.T) {
	for name, alter := range map[string]func(t *testing.T, path string){
		"altered": func(t *testing.T, path string) {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			text[len(text)-3] ^= 1
			require.NoError(t, os.WriteFile(path, text, 0o600))
		},
		"of the future": func(t *testing.T, path string) {
			require.NoError(t, os.WriteFile(path, fmt.Appendf(nil, "999 %064d\n", 7), 0o600))
		},
		"rubbish": func(t *testing.T, path string) { require.NoError(t, os.WriteFile(path, []byte("rubbish"), 0o600)) },
		"emptied": func(t *testing.T, path string) { require.NoError(t, os.WriteFile(path, nil, 0o600)) },
		"removed": func(t *testing.T, path string) { require.NoError(t, os.Remove(path)) },
	} {
		t.Run(name, func(t *testing.T) {
			v := audited(t)
			alter(t, filepath.Join(v.dir, "audit.head"))
			v.open()
			report, err := v.s.VerifyAudit(ctx)
			require.NoError(t, err)
			require.False(t, report.OK, "%+v", report)
		})
	}
}

func TestAnotherKeyDoesNotFitTheAuditLog(t *testing.T) {
	v := audited(t)
	require.NoError(t, os.Remove(filepath.Join(v.dir, "gateway.key")))
	v.tamper(t, `DELETE FROM meta WHERE key = 'gateway'`) // or it would not even open
	v.open()
	report, err := v.s.VerifyAudit(ctx)
	require.NoError(t, err)
	require.False(t, report.OK)
}

func TestTamperingUnderTheRunningGatewayIsFound(t *testing.T) {
	v := audited(t)
	v.open()
	v.tamper(t, `DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)`)
	report, err := v.s.VerifyAudit(ctx)
	require.NoError(t, err)
	require.False(t, report.OK)
}

func TestAnUntouchedAuditLogIsFine(t *testing.T) {
	v := audited(t)
	v.open()
	report, err := v.s.VerifyAudit(ctx)
	require.NoError(t, err)
	require.True(t, report.OK, report.Problems)
	require.Equal(t, v.count(`SELECT count(*) FROM audit`), report.Entries)
	// A crash between the commit and the note of its head leaves the note behind.
	path := filepath.Join(v.dir, "audit.head")
	old, err := os.ReadFile(path)
	require.NoError(t, err)
	_, err = v.s.StartLab(ctx, by, v.location.Code)
	require.NoError(t, err)
	require.NoError(t, v.s.Close())
	require.NoError(t, os.WriteFile(path, old, 0o600))
	v.open()
	report, err = v.s.VerifyAudit(ctx)
	require.NoError(t, err)
	require.True(t, report.OK, report.Problems)
}

func TestTheAuditLogHoldsNoSecretsAndNoMACs(t *testing.T) {
	v := openVenue(t)
	loc := v.location.Code
	require.NoError(t, v.s.AddAccount(ctx, by, loc, macwatch.Account{UserName: "anna", Password: "open sesame"}))
	require.NoError(t, v.s.ListDevice(ctx, by, loc, macwatch.ListedDevice{MAC: guest(1), Kind: "exempt"}))
	require.NoError(t, v.s.AddMACInput(ctx, by, loc, macwatch.MACInput{MAC: guest(1)}))
	v.activate(v.terms())
	for _, secret := range []string{"open sesame", "a long shared secret", guest(1).String(), fmt.Sprintf("%012x", uint64(guest(1)))} {
		require.Zero(t, v.count(`SELECT count(*) FROM audit WHERE instr(lower(detail || subject), ?) > 0`, secret), secret)
	}
}

// A directory belongs to one gateway; its files are its own.
func TestTwoStoresOnOneDirectoryAreRefused(t *testing.T) {
	v := openVenue(t)
	_, err := Open(v.options)
	require.Equal(t, licensing.CodeConflict, licensing.CodeOf(err), "%v", err)
	var e *licensing.Error
	require.ErrorAs(t, err, &e)
	require.NotEmpty(t, e.Hint)
	v.sight(v.record(1, macwatch.StatusStart)) // the first one is not disturbed
	v.restart()
}

func TestANewerSchemaIsRefused(t *testing.T) {
	v := openVenue(t)
	require.NoError(t, v.s.Close())
	db := second(t, v.dir)
	_, err := db.Exec(`PRAGMA user_version = 999`)
	require.NoError(t, err)
	require.NoError(t, db.Close())
	before, err := os.ReadFile(filepath.Join(v.dir, "tallygate.db"))
	require.NoError(t, err)
	_, err = Open(v.options)
	require.Equal(t, licensing.CodeConflict, licensing.CodeOf(err), "%v", err)
	after, err := os.ReadFile(filepath.Join(v.dir, "tallygate.db"))
	require.NoError(t, err)
	require.Equal(t, before, after, "it is left as it was")
	_, err = Open(v.options)
	require.Equal(t, licensing.CodeConflict, licensing.CodeOf(err), "nothing stays locked: %v", err)
	require.ErrorContains(t, err, "schema")
}

func TestAnEmptyFileIsMigrated(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "tallygate.db"), nil, 0o600))
	s, err := Open(Options{Dir: dir})
	require.NoError(t, err)
	require.NoError(t, s.Close())
	s, err = Open(Options{Dir: dir})
	require.NoError(t, err)
	key := s.GatewayKey()
	require.NoError(t, s.Close())
	s, err = Open(Options{Dir: dir})
	require.NoError(t, err)
	require.Equal(t, key, s.GatewayKey(), "the gateway keeps its key")
	require.NoError(t, s.Close())
}

func TestAFileThatIsNoDatabaseIsRefusedAndLeftAlone(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "tallygate.db")
	text := []byte("these are my notes, not a database, and they are long enough to be looked at\n")
	require.NoError(t, os.WriteFile(path, text, 0o600))
	_, err := Open(Options{Dir: dir})
	require.Error(t, err)
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, text, after)
}

func TestWhatTheStoreWritesIsForItsUserOnly(t *testing.T) {
	v := openVenue(t, func(o *Options) { o.Dir = filepath.Join(o.Dir, "data") })
	v.activate(v.terms())
	info, err := os.Stat(v.options.Dir)
	require.NoError(t, err)
	require.Zero(t, info.Mode().Perm()&0o077, "the directory")
	for _, name := range []string{"gateway.key", "audit.head"} {
		info, err := os.Stat(filepath.Join(v.options.Dir, name))
		require.NoError(t, err)
		require.Zero(t, info.Mode().Perm()&0o077, name)
	}
}

func TestADamagedGatewayKeyIsRefused(t *testing.T) {
	v := openVenue(t)
	require.NoError(t, v.s.Close())
	path := filepath.Join(v.dir, "gateway.key")
	require.NoError(t, os.WriteFile(path, []byte("not a key"), 0o600))
	_, err := Open(v.options)
	require.Equal(t, licensing.CodeInvalid, licensing.CodeOf(err), "%v", err)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "not a key", string(text), "it is not replaced by a new one")
}
