package store

import (
	"context"
	"encoding/json"
	"fmt"

	"tallygate/licensing"
)

// Activate takes a signed text ("Send Key") of any kind, verifies it, and carries it
// out once. location is where a grant is assigned, or a license that an order
// brings here; other orders ignore it.
func (s *Store) Activate(ctx context.Context, ch licensing.Change, text, location string) (licensing.Activation, error) {
	if signed, releases := licensing.CutReleases(text); len(releases) > 0 {
		return s.importReleases(ctx, ch, signed, releases)
	}
	kind, err := licensing.ReadKind(text)
	if err != nil {
		return licensing.Activation{}, err
	}
	switch licensing.OrderKind(kind) {
	case licensing.OrderUpgrade, licensing.OrderRenewal, licensing.OrderUndoStart, licensing.OrderDeny,
		licensing.OrderRestore, licensing.OrderConfirmation:
		return s.applyOrder(ctx, ch, text)
	case licensing.OrderTransfer:
		return s.applyTransfer(ctx, ch, text, location)
	case licensing.OrderClockReset:
		return s.resetClock(ctx, ch, text)
	case licensing.OrderGrant:
	}
	return s.activateGrant(ctx, ch, text, location)
}

// activateGrant adds the licenses that a key grants, and allots the first of them wholly
// to a Location where one is named, by the operator or in the key. The same key again
// assigns the next license of its pool that is still unassigned; there being none, it
// is refused.
func (s *Store) activateGrant(ctx context.Context, ch licensing.Change, key, location string) (a licensing.Activation, err error) {
	terms, err := licensing.VerifyGrant(key, *s.issuers.Load())
	if err != nil {
		return a, err
	}
	a.Kind, a.DryRun = licensing.OrderGrant, ch.DryRun
	err = s.change(ctx, ch, func(t *tx) error {
		o, target, err := t.target(terms, t.placeOf(terms, location))
		if err != nil {
			return err
		}
		if err := licensing.CheckActivation(terms, target); err != nil {
			return err
		}
		if err := t.checkForm(terms); err != nil {
			return err
		}
		pool := t.pool(terms)
		used := len(pool) > 0
		if !used {
			if pool, err = t.addLicenses(key, terms, o.ID); err != nil {
				return err
			}
			for _, l := range pool {
				a.Summary = append(a.Summary, fmt.Sprintf("License %s of %s was added.", l.Number, l.Terms.Organization))
			}
		}
		free := firstUnassigned(pool)
		if used && (free == nil || target.Location == nil) {
			return usedKey(pool)
		}
		a.License = pool[0].Number
		if target.Location != nil {
			if err := t.assign(free, target.Location); err != nil {
				return err
			}
			a.License = free.Number
			a.Summary = append(a.Summary, fmt.Sprintf("License %s was assigned to %s (%s).", free.Number, target.Location.Code, target.Location.Name))
		}
		t.report = func(next *state) error { return t.reportActivation(&a, next, pool) }
		return t.log("license.activate", pool[0].Number, map[string]any{"grant": terms.GrantID, "issuer": terms.Issuer, "changes": a.Summary})
	})
	return a, err
}

// reportActivation says what became of the licenses.
func (t *tx) reportActivation(a *licensing.Activation, next *state, pool []*licensing.License) error {
	a.Changes = []licensing.ChangeLine{}
	for _, l := range pool {
		after, err := next.license(l.Number)
		if err != nil {
			return err
		}
		sum, err := next.summarize(t.ctx, t.conn, after, t.now)
		if err != nil {
			return err
		}
		a.Licenses = append(a.Licenses, sum)
		if l.Number == a.License {
			before, _ := t.state.license(l.Number)
			a.Changes = licensing.Changes(before, after, t.now)
		}
	}
	var err error
	a.CutOff, err = t.cutOff(next)
	return err
}

// placeOf is the Location that a grant is entered at: the one that the operator or the
// key names, else, of a late renewal, the one place of the license that it renews.
func (t *tx) placeOf(terms licensing.Terms, location string) string {
	if location != "" || terms.Location != "" {
		if location == "" {
			return terms.Location
		}
		return location
	}
	if old, err := t.state.license(terms.Renews); terms.Renews != "" && err == nil && len(old.Allotments) == 1 {
		return old.Allotments[0].Location
	}
	return ""
}

// checkForm refuses a second trial, and a late renewal that is not late.
func (t *tx) checkForm(terms licensing.Terms) error {
	if terms.Trial {
		if err := t.checkTrial(terms); err != nil {
			return err
		}
	}
	if terms.Renews == "" {
		return nil
	}
	old, err := t.state.license(terms.Renews)
	if err != nil {
		return nil // of a gateway before this one: the distributor knows
	}
	return old.CheckRenewal(terms, t.now)
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
func (t *tx) pool(terms licensing.Terms) (pool []*licensing.License) {
	for _, l := range t.state.licenses {
		if l.Terms.GrantID == terms.GrantID {
			pool = append(pool, l)
		}
	}
	return pool
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
	return pool, t.keepOrder(terms.GrantID, keptOrder{Kind: string(licensing.OrderGrant), License: pool[0].Number, Text: key})
}

// assign allots l wholly to a Location, whose zone is frozen with it.
func (t *tx) assign(l *licensing.License, at *licensing.Location) error {
	if err := t.checkExceptions(l, at); err != nil {
		return err
	}
	assigned, err := l.Allot(at, nil, nil, t.now)
	if err != nil {
		return err
	}
	return t.saveAssignment(assigned)
}

// firstUnassigned is the first license of a pool that nobody has yet; nil when all are
// assigned.
func firstUnassigned(pool []*licensing.License) *licensing.License {
	for _, l := range pool {
		if len(l.Allotments) == 0 && l.ReleasedAt.IsZero() {
			return l
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
