package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"tallygate/licensing"
	"tallygate/macwatch"
)

const (
	// actionImport is the audit entry of a license that came with a release.
	actionImport = "license.import"
	// actionMovedStart is that of a start receipt which came with it: what began at the
	// other gateway began once.
	actionMovedStart = "license.start-imported"
)

// importReleases takes licenses that another gateway has released: all of them, or
// none. Before a single release may stand the distributor's order that permits it.
func (s *Store) importReleases(ctx context.Context, ch licensing.Change, signed string, releases []string) (a licensing.Activation, err error) {
	a.Kind, a.DryRun = licensing.OrderKind("release"), ch.DryRun
	trusted := *s.issuers.Load()
	var permit *licensing.Order
	if signed != "" {
		o, err := licensing.VerifyOrder(signed, trusted)
		if err != nil {
			return a, err
		}
		if len(releases) != 1 {
			return a, licensing.Errorf(licensing.CodeInvalid, "an order stands before %d releases", len(releases)).
				WithHint("an order permits one release; enter the file that `tallygate issuer transfer` wrote")
		}
		permit = &o
	}
	err = s.change(ctx, ch, func(t *tx) error {
		var arrived []*licensing.License
		for _, text := range releases {
			l, done, err := t.importRelease(text, permit, signed)
			if err != nil {
				return err
			}
			arrived, a.Summary = append(arrived, l), append(a.Summary, done...)
		}
		a.License = arrived[0].Number
		t.report = func(next *state) error { return t.reportActivation(&a, next, arrived) }
		return nil
	})
	return a, err
}

func (t *tx) importRelease(text string, permit *licensing.Order, signed string) (*licensing.License, []string, error) {
	r, f, err := licensing.OpenRelease(text)
	if err != nil {
		return nil, nil, err
	}
	own := t.w.s.keys.public
	terms, err := licensing.CheckRelease(r, f, licensing.Arrival{Gateway: own, Trusted: *t.w.s.issuers.Load(), Permit: permit, Now: t.now})
	if err != nil {
		return nil, nil, err
	}
	if err := t.state.mayReturn(r, own); err != nil {
		return nil, nil, err
	}
	if terms.Trial {
		if err := t.checkTrial(terms); err != nil {
			return nil, nil, err
		}
	}
	l := f.License
	l.ID, l.Hop, l.ReleasedAt, l.ReleasedTo = 0, r.Hop, time.Time{}, ""
	hops := append(f.Hops, licensing.ReleaseToken(text))
	if permit != nil {
		l.Sequence, l.Hop = permit.Sequence, r.Hop+1
		hops = append(hops, signed)
		if to := permit.Transfer.ToPartner; to != "" {
			l.Partner = to
		}
	}
	arrived, err := t.settleIn(&l, terms)
	if err != nil {
		return nil, nil, err
	}
	if err := t.carryOrders(terms, f, permit, signed); err != nil {
		return nil, nil, err
	}
	if err := t.carryHops(arrived.ID, hops); err != nil {
		return nil, nil, err
	}
	if err := t.takeVeils(&f, r.From); err != nil {
		return nil, nil, err
	}
	if err := t.carryCount(arrived, f); err != nil {
		return nil, nil, err
	}
	return arrived, arrivalText(arrived, r), t.log(actionImport, l.Number, r)
}

func arrivalText(l *licensing.License, r licensing.Release) []string {
	changes := []string{fmt.Sprintf("License %s came from gateway %s, which serves under it no more since %s.",
		l.Number, r.From, r.ReleasedAt.UTC().Format(time.RFC3339))}
	if len(l.Allotments) > 0 {
		var codes []string
		for _, a := range l.Allotments {
			codes = append(codes, a.Location)
		}
		changes = append(changes, fmt.Sprintf("It goes on at %s as it stood.", strings.Join(codes, ", ")))
	}
	if l.Terms.Gateway == "" && r.Hop == 1 {
		changes = append(changes, "Its key names no gateway, so that nothing but the release says where it was before.")
	}
	return changes
}

// mayReturn refuses a release that is no news here: a license never comes twice.
func (st *state) mayReturn(r licensing.Release, own string) error {
	for _, l := range st.licenses {
		switch {
		case l.Number != r.License:
		case l.ReleasedAt.IsZero():
			return licensing.Errorf(licensing.CodeConflict, "%s is on this gateway already", r.License).
				WithHint("a release is entered once; `tallygate license show %s` shows the license", r.License)
		case r.Hop <= l.Hop:
			return licensing.Errorf(licensing.CodeConflict, "%s came with this release, or a later one, already, and has left for gateway %s", r.License, l.ReleasedTo).
				WithHint("a release is entered once; to bring the license back, release it there for gateway %s", own)
		}
	}
	return nil
}

// settleIn writes the row and the allotments of a license that comes from elsewhere.
// Its Organization and Locations must be here, under the same names.
func (t *tx) settleIn(l *licensing.License, terms licensing.Terms) (*licensing.License, error) {
	o, err := t.state.organization(terms.Realm)
	if err != nil || !strings.EqualFold(o.Name, terms.Organization) {
		return nil, licensing.Errorf(licensing.CodeRefused, "%s is of Organization %q (realm %s), which this gateway does not know", l.Number, terms.Organization, terms.Realm).
			WithHint("add it with `tallygate organization add`, as it is on the old gateway, then enter this again")
	}
	for _, a := range l.Allotments {
		at, err := t.state.location(a.Location)
		if err != nil || !strings.EqualFold(at.Realm, o.Realm) {
			return nil, licensing.Errorf(licensing.CodeRefused, "%s serves Location %s, which %s does not have on this gateway", l.Number, a.Location, o.Name).
				WithHint("add it with `tallygate location add NAME --realm %s --id %s …`, as it is on the old gateway, then enter this again", o.Realm, a.Location)
		}
	}
	arrived, err := t.withRow(l)
	if err != nil {
		return nil, err
	}
	if err := t.saveLicense(arrived); err != nil {
		return nil, err
	}
	// What it left behind here, if it comes back, comes with it anew.
	for _, table := range []string{"receipts", "receipt_devices", "counted", "counted_guests", "counts", "window_sightings"} {
		if _, err := t.exec(nil, `DELETE FROM `+table+` WHERE license_id = ?`, arrived.ID); err != nil {
			return nil, err
		}
	}
	return arrived, t.saveAllotments(arrived)
}

// carryOrders keeps what was signed for the license; what is kept already stays.
func (t *tx) carryOrders(terms licensing.Terms, f licensing.ReleaseFacts, permit *licensing.Order, signed string) error {
	if err := t.carryOrder(terms.GrantID, keptOrder{Kind: string(licensing.OrderGrant), Text: f.Grant}, f.License.ActivatedAt); err != nil {
		return err
	}
	for _, applied := range f.Orders {
		o, err := licensing.VerifyOrder(applied.Text, *t.w.s.issuers.Load())
		if err != nil {
			return err
		}
		kept := keptOrder{Kind: string(o.Kind), License: o.License, Sequence: o.Sequence, Text: applied.Text}
		if err := t.carryOrder(o.ID, kept, applied.At); err != nil {
			return err
		}
	}
	if permit == nil {
		return nil
	}
	kept := keptOrder{Kind: string(permit.Kind), License: permit.License, Sequence: permit.Sequence, Text: signed}
	return t.carryOrder(permit.ID, kept, t.now)
}

func (t *tx) carryOrder(id string, kept keptOrder, at time.Time) error {
	known, err := readText(t.ctx, t.conn, `SELECT id FROM orders WHERE id = ?`, id)
	if err != nil || known != "" {
		return err
	}
	if err := t.putOrder(id, kept, at); err != nil {
		return err
	}
	return t.log(actionOrder, id, kept)
}

// carryHops keeps how the license came here; hops that this gateway has itself made,
// or noted before, stay.
func (t *tx) carryHops(license int64, texts []string) error {
	var last int
	if err := t.conn.QueryRowContext(t.ctx, `SELECT coalesce(max(hop), 0) FROM moves WHERE license_id = ?`, license).Scan(&last); err != nil {
		return wrap("read the moves", err)
	}
	for i, text := range texts {
		if i < last {
			continue
		}
		m := move{hop: i + 1, to: t.w.s.keys.public, text: text}
		if r, err := licensing.VerifyRelease(text); err == nil {
			m.from, m.to = r.From, r.To
		}
		if err := t.addMove(license, m); err != nil {
			return err
		}
	}
	return nil
}

// carryCount takes over the receipts and every device that counted.
func (t *tx) carryCount(l *licensing.License, f licensing.ReleaseFacts) error {
	for _, c := range f.Receipts {
		if err := t.carryStart(l, c); err != nil {
			return err
		}
	}
	for _, n := range f.Erasable {
		mac, err := t.carriedName(f.LocationOf(n.Pseudonym), n.MAC)
		if err == nil {
			_, err = t.exec(nil, `INSERT OR IGNORE INTO receipt_devices (license_id, pseudonym, mac) VALUES (?, ?, ?)`, l.ID, n.Pseudonym, int64(mac))
		}
		if err != nil {
			return err
		}
	}
	places := map[string]int64{}
	for _, a := range l.Allotments {
		places[a.Location] = a.LocationID
	}
	counts := map[int64]int{}
	for _, d := range f.Counted {
		mac, err := t.carriedName(d.Location, d.MAC)
		at, here := places[d.Location]
		if err != nil {
			return err
		}
		if !here {
			continue // a Location that it was taken away from
		}
		counts[at]++
		t.w.known.add(macwatch.DeviceKey{Location: at, MAC: mac})
		if _, err = t.exec(nil, `INSERT INTO counted (license_id, location_id, mac, first_at, last_at, ap, session) VALUES (?, ?, ?, ?, ?, ?, ?)`,
			l.ID, at, int64(mac), micros(d.At), micros(d.Last), string(d.AP), carriedSession(d.Session, d.MAC, mac)); err != nil {
			return err
		}
		if mac.Veiled() && !t.w.s.veils.concealed {
			continue // it was erased: only the count knows it
		}
		if _, err = t.exec(nil, `INSERT INTO devices (location_id, mac, first_seen, last_seen, reason) VALUES (?, ?, ?, ?, '')
			ON CONFLICT DO UPDATE SET first_seen = min(first_seen, excluded.first_seen), last_seen = max(last_seen, excluded.last_seen)`,
			at, int64(mac), micros(d.At), micros(d.Last)); err != nil {
			return err
		}
	}
	for at, n := range counts {
		if _, err := t.exec(nil, `INSERT INTO counts (license_id, location_id, devices) VALUES (?, ?, ?)`, l.ID, at, n); err != nil {
			return err
		}
	}
	for _, d := range f.Window {
		mac, err := t.carriedName(d.Location, d.MAC)
		at, here := places[d.Location]
		if err != nil {
			return err
		}
		if !here {
			continue
		}
		if _, err := t.exec(nil, `INSERT OR IGNORE INTO window_sightings (license_id, location_id, at, mac, ap, session) VALUES (?, ?, ?, ?, ?, ?)`,
			l.ID, at, micros(d.At), int64(mac), string(d.AP), carriedSession(d.Session, d.MAC, mac)); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) carryStart(l *licensing.License, c licensing.CarriedStart) error {
	text, err := json.Marshal(c.Receipt)
	if err != nil {
		return faultf("cannot write a start receipt: %w", err)
	}
	if _, err := t.exec(nil, `INSERT INTO receipts (license_id, text, void) VALUES (?, ?, ?)`, l.ID, string(text), c.Void); err != nil {
		return err
	}
	return t.log(actionMovedStart, l.Number, c.Receipt)
}
