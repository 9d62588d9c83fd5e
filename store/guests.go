package store

import (
	"context"
	"database/sql"
	"strings"

	"tallygate/licensing"
	"tallygate/macwatch"
)

const (
	accountColumns  = `location_id, user_name, password, expires_at, note, created_at, sessions`
	macInputColumns = `location_id, mac, expires_at, note, created_at`
)

func scanAccount(r *sql.Rows) (location int64, a macwatch.Account, err error) {
	var expires sql.NullInt64
	var created int64
	err = r.Scan(&location, &a.UserName, &a.Password, &expires, &a.Note, &created, &a.Sessions)
	a.ExpiresAt, a.CreatedAt = fromNullMicros(expires), fromMicros(created)
	return location, a, err
}

func scanMACInput(r *sql.Rows) (location int64, m macwatch.MACInput, err error) {
	var expires sql.NullInt64
	var mac, created int64
	err = r.Scan(&location, &mac, &expires, &m.Note, &created)
	m.MAC, m.ExpiresAt, m.CreatedAt = macwatch.MAC(mac), fromNullMicros(expires), fromMicros(created)
	return location, m, err
}

// AddAccount adds a guest account to a Location; user names are compared without case.
func (s *Store) AddAccount(ctx context.Context, ch licensing.Change, location string, a macwatch.Account) error {
	a.UserName = strings.ToLower(strings.TrimSpace(a.UserName))
	switch {
	case a.UserName == "" || len(a.UserName) > 253:
		return licensing.Errorf(licensing.CodeInvalid, "a guest account needs a user name of 1 to 253 octets").
			WithHint("RADIUS cannot carry a longer one (RFC 2865 section 5)")
	case a.Password == "" || len(a.Password) > 128:
		return licensing.Errorf(licensing.CodeInvalid, "a guest account needs a password of 1 to 128 octets").
			WithHint("RADIUS cannot carry a longer one (RFC 2865 section 5.2)")
	case a.Sessions < 0:
		return licensing.Errorf(licensing.CodeInvalid, "a guest account cannot have %d devices online", a.Sessions).
			WithHint("0 means as many as the Location says")
	}
	return s.change(ctx, ch, func(t *tx) error {
		l, err := t.state.location(location)
		if err != nil {
			return err
		}
		exists := licensing.Errorf(licensing.CodeConflict, "there is a guest account %q at %s already", a.UserName, l.Code).
			WithHint("choose another name, or remove it first with `tallygate guest remove`")
		_, err = t.exec(exists, `INSERT INTO accounts (`+accountColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?)`,
			l.ID, a.UserName, a.Password, nullMicros(a.ExpiresAt), a.Note, micros(t.now), a.Sessions)
		if err != nil {
			return err
		}
		return t.log("guest.add", l.Code, map[string]any{"user_name": a.UserName, "expires_at": a.ExpiresAt, "sessions": a.Sessions})
	})
}

// Accounts lists a Location's guest accounts, oldest first.
func (s *Store) Accounts(ctx context.Context, location string) ([]macwatch.Account, error) {
	l, err := s.Location(ctx, location)
	if err != nil {
		return nil, err
	}
	return rows(ctx, s.readers, func(r *sql.Rows) (macwatch.Account, error) {
		_, a, err := scanAccount(r)
		return a, err
	}, `SELECT `+accountColumns+` FROM accounts WHERE location_id = ? ORDER BY created_at, user_name`, l.ID)
}

// RemoveAccount removes a guest account.
func (s *Store) RemoveAccount(ctx context.Context, ch licensing.Change, location, userName string) error {
	userName = strings.ToLower(strings.TrimSpace(userName))
	return s.change(ctx, ch, func(t *tx) error {
		l, err := t.state.location(location)
		if err != nil {
			return err
		}
		n, err := t.exec(nil, `DELETE FROM accounts WHERE location_id = ? AND user_name = ?`, l.ID, userName)
		if err != nil {
			return err
		}
		if n == 0 {
			return licensing.Errorf(licensing.CodeNotFound, "there is no guest account %q at %s", userName, l.Code).
				WithHint("`tallygate guest list --location %s` shows the names", l.Code)
		}
		if err := t.retire(l.ID, userName, 0); err != nil {
			return err
		}
		return t.log("guest.remove", l.Code, map[string]string{"user_name": userName})
	})
}

// AddMACInput lets a device in by its address alone.
func (s *Store) AddMACInput(ctx context.Context, ch licensing.Change, location string, m macwatch.MACInput) error {
	if err := checkDevice(m.MAC); err != nil {
		return err
	}
	return s.change(ctx, ch, func(t *tx) error {
		l, err := t.state.location(location)
		if err != nil {
			return err
		}
		mac, err := t.w.s.veils.name(l.Code, m.MAC)
		if err != nil {
			return err
		}
		exists := licensing.Errorf(licensing.CodeConflict, "%s is a MAC input at %s already", m.MAC, l.Code).
			WithHint("remove it first to give it another expiry")
		_, err = t.exec(exists, `INSERT INTO mac_inputs (`+macInputColumns+`) VALUES (?, ?, ?, ?, ?)`,
			l.ID, int64(mac), nullMicros(m.ExpiresAt), m.Note, micros(t.now))
		if err != nil {
			return err
		}
		return t.log("mac-input.add", l.Code, map[string]any{"device": t.pseudonym(mac), "expires_at": m.ExpiresAt})
	})
}

// MACInputs lists a Location's MAC inputs, oldest first.
func (s *Store) MACInputs(ctx context.Context, location string) ([]macwatch.MACInput, error) {
	l, err := s.Location(ctx, location)
	if err != nil {
		return nil, err
	}
	return rows(ctx, s.readers, func(r *sql.Rows) (macwatch.MACInput, error) {
		_, m, err := scanMACInput(r)
		return m, err
	}, `SELECT `+macInputColumns+` FROM mac_inputs WHERE location_id = ? ORDER BY created_at, mac`, l.ID)
}

// RemoveMACInput removes a MAC input.
func (s *Store) RemoveMACInput(ctx context.Context, ch licensing.Change, location string, mac macwatch.MAC) error {
	return s.change(ctx, ch, func(t *tx) error {
		l, err := t.state.location(location)
		if err != nil {
			return err
		}
		mac, err := t.w.s.veils.name(l.Code, mac)
		if err != nil {
			return err
		}
		n, err := t.exec(nil, `DELETE FROM mac_inputs WHERE location_id = ? AND mac = ?`, l.ID, int64(mac))
		if err != nil {
			return err
		}
		if n == 0 {
			return licensing.Errorf(licensing.CodeNotFound, "%s is no MAC input at %s", mac, l.Code).
				WithHint("`tallygate guest mac-input list --location %s` shows them", l.Code)
		}
		if err := t.retire(l.ID, "", mac); err != nil {
			return err
		}
		return t.log("mac-input.remove", l.Code, map[string]string{"device": t.pseudonym(mac)})
	})
}

func (t *tx) pseudonym(m macwatch.MAC) string { return t.w.s.keys.pseudonymOf(m) }

func checkDevice(m macwatch.MAC) error {
	if m.Device() {
		return nil
	}
	return licensing.Errorf(licensing.CodeInvalid, "%s is not the address of a device", m).
		WithHint("null, broadcast and multicast addresses are nobody's")
}
