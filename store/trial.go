package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"go.uber.org/zap"

	"tallygate/licensing"
)

// trialFile remembers, outside the database, that this gateway has had its trial: a
// database restored from before it does not know. Who deletes both can try again, as
// root can do anything here (DESIGN 2.11).
const trialFile = "trial.used"

// checkTrial refuses a trial where this gateway has had one, by its orders, its audit
// log or the file.
func (t *tx) checkTrial(terms licensing.Terms) error {
	used := licensing.Errorf(licensing.CodeRefused, "this gateway has had its trial").
		WithHint("ask your distributor for a license")
	for _, l := range t.state.licenses {
		if l.Terms.Trial && l.Terms.GrantID != terms.GrantID {
			return used
		}
	}
	var logged string
	err := t.conn.QueryRowContext(t.ctx, `SELECT coalesce(max(detail), '') FROM audit WHERE action = 'license.trial' AND detail <> ?`,
		`"`+terms.GrantID+`"`).Scan(&logged)
	if err != nil {
		return wrap("read the audit log", err)
	}
	noted, err := os.ReadFile(filepath.Join(t.w.s.dir, trialFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return faultf("cannot read whether there was a trial: %w", err)
	}
	if text := strings.TrimSpace(string(noted)); logged != "" || text != "" && text != terms.GrantID {
		return used
	}
	t.committed = append(t.committed, func() { t.w.s.noteTrial(terms) })
	return t.log("license.trial", licensing.LicenseNumber(terms.GrantID, 0), terms.GrantID)
}

// noteTrial writes the file, once the trial is committed.
func (s *Store) noteTrial(terms licensing.Terms) {
	if err := writeFile(filepath.Join(s.dir, trialFile), []byte(terms.GrantID+"\n")); err != nil {
		s.log.Warn("that the trial is used could not be written beside the database; the database knows", zap.Error(err))
	}
}
