package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"tallygate/licensing"
)

// Activate takes a signed text ("Send Key"): verifies it, adds the licenses that it
// grants, and allots the first of them wholly to a Location where one is named, by
// the operator or in the key. The same key again assigns the next license of its
// pool that is still unassigned; there being none, it is refused.
func (s *Store) Activate(ctx context.Context, ch licensing.Change, key, location string) (a licensing.Activation, err error) {
	terms, err := licensing.VerifyGrant(key, *s.issuers.Load())
	if err != nil {
		return a, err
	}
	if location == "" {
		location = terms.Location
	}
	a.DryRun = ch.DryRun
	err = s.change(ctx, ch, func(t *tx) error {
		o, target, err := t.target(terms, location)
		if err != nil {
			return err
		}
		if err := licensing.CheckActivation(terms, target); err != nil {
			return err
		}
		pool, err := t.pool(terms)
		if err != nil {
			return err
		}
		used := len(pool) > 0
		if !used {
			if pool, err = t.addLicenses(key, terms, o.ID); err != nil {
				return err
			}
			for _, l := range pool {
				a.Changes = append(a.Changes, fmt.Sprintf("License %s of %s was added.", l.Number, l.Terms.Organization))
			}
		}
		free := firstUnassigned(pool)
		if used && (free == nil || target.Location == nil) {
			return usedKey(pool)
		}
		if target.Location != nil {
			if err := t.assign(free, target.Location); err != nil {
				return err
			}
			a.Changes = append(a.Changes, fmt.Sprintf("License %s was assigned to %s (%s).", free.Number, target.Location.Code, target.Location.Name))
		}
		for _, l := range pool {
			sum, err := t.state.summarize(t.ctx, t.conn, l, t.now)
			if err != nil {
				return err
			}
			a.Licenses = append(a.Licenses, sum)
		}
		return t.log("license.activate", pool[0].Number, map[string]any{"grant": terms.GrantID, "issuer": terms.Issuer, "changes": a.Changes})
	})
	return a, err
}

// target finds the Organization of the key and the Location it is entered at.
func (t *tx) target(terms licensing.Terms, location string) (licensing.Organization, licensing.Target, error) {
	target := licensing.Target{Gateway: t.w.s.keys.public, Now: t.now}
	if location != "" {
		l, err := t.state.location(location)
		if err != nil {
			return licensing.Organization{}, target, err
		}
		target.Location, target.OrganizationName, target.OrganizationRealm = l, l.Organization, l.Realm
		o, err := t.state.organization(l.Realm)
		return o, target, err
	}
	o, err := t.state.organization(terms.Realm)
	if err != nil {
		return o, target, licensing.Errorf(licensing.CodeRefused, "the key is for Organization %q (realm %s), which this gateway does not know",
			terms.Organization, terms.Realm).WithHint("add it with `tallygate organization add`, or check that the key is meant for this gateway")
	}
	target.OrganizationName, target.OrganizationRealm = o.Name, o.Realm
	return o, target, nil
}

// pool is what an earlier activation of the same key has added.
func (t *tx) pool(terms licensing.Terms) (pool []*licensing.License, err error) {
	var text string
	err = t.conn.QueryRowContext(t.ctx, `SELECT text FROM orders WHERE id = ?`, terms.GrantID).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, wrap("read the orders", err)
	}
	for _, l := range t.state.licenses {
		if l.Terms.GrantID == terms.GrantID {
			pool = append(pool, l)
		}
	}
	return pool, nil
}

func (t *tx) addLicenses(key string, terms licensing.Terms, organization int64) ([]*licensing.License, error) {
	pool := terms.Licenses(t.now)
	for _, l := range pool {
		text, err := json.Marshal(l.Terms)
		if err != nil {
			return nil, faultf("cannot write the terms: %w", err)
		}
		err = t.conn.QueryRowContext(t.ctx, `INSERT INTO licenses (number, grant_id, pool_index, organization_id, terms, activated_at)
			VALUES (?, ?, ?, ?, ?, ?) RETURNING id`, l.Number, l.Terms.GrantID, l.Terms.Index, organization, string(text), micros(t.now)).Scan(&l.ID)
		if err != nil {
			return nil, wrap("add a license", err)
		}
	}
	_, err := t.exec(nil, `INSERT INTO orders (id, kind, text, applied_at) VALUES (?, 'grant', ?, ?)`, terms.GrantID, key, micros(t.now))
	return pool, err
}

// assign allots l wholly to a Location, whose zone is frozen with it.
func (t *tx) assign(l *licensing.License, location *licensing.Location) error {
	l.ProvisionedAt, l.Zone = t.now, l.Terms.Zone
	if l.Zone == "" {
		l.Zone = location.Settings.Timezone
	}
	a := licensing.Allotment{LocationID: location.ID, Location: location.Code, At: t.now, APs: l.Terms.APs, Rooms: l.Terms.Rooms}
	l.Allotments = []licensing.Allotment{a}
	if err := t.saveLicense(l); err != nil {
		return err
	}
	_, err := t.exec(nil, `INSERT INTO allotments (license_id, location_id, at, aps, rooms) VALUES (?, ?, ?, ?, ?)`,
		l.ID, a.LocationID, micros(a.At), int64(a.APs), int64(a.Rooms))
	return err
}

// firstUnassigned is a copy of the first license of a pool that nobody has yet, put
// into the pool in its place; nil when all are assigned.
func firstUnassigned(pool []*licensing.License) *licensing.License {
	for i, l := range pool {
		if len(l.Allotments) == 0 {
			c := *l
			pool[i] = &c
			return &c
		}
	}
	return nil
}

func usedKey(pool []*licensing.License) error {
	first := pool[0]
	e := licensing.Errorf(licensing.CodeConflict, "this key was entered already, on %s: license %s", first.ActivatedAt.Format("2006-01-02 15:04 MST"), first.Number)
	if firstUnassigned(pool) != nil {
		return e.WithHint("it is not assigned yet: enter the key once more with --location ID to assign it")
	}
	return e.WithHint("`tallygate license show %s` shows where it is; for another license ask your distributor for another key", first.Number)
}
