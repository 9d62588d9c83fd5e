package store

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"time"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// What stands in rows stands in the log as well, as a whole, so that a row that was
// altered, removed or added by somebody else is found and put back.
const (
	actionFacts = "license.facts" // a license, as a change has left it
	actionOrder = "order.keep"    // a signed text that was applied
	actionMove  = "move.keep"     // a license that came from, or went to, another gateway
	actionStart = "license.start" // a start receipt

	actionReceipt = "receipt.keep" // one that stood there when the log was found broken
)

// keptOrder is the detail of an actionOrder entry.
type keptOrder struct {
	Kind     string `json:"kind"`
	License  string `json:"license,omitempty"`  // number
	Sequence int    `json:"sequence,omitempty"` // among the orders of the license; a grant has none
	Text     string `json:"text"`
}

// keepOrder writes a signed text that was applied, once: a repeat is a conflict.
func (t *tx) keepOrder(id string, o keptOrder) error {
	if err := t.putOrder(id, o, t.now); err != nil {
		return err
	}
	return t.log(actionOrder, id, o)
}

// keptMove is the detail of an actionMove entry.
type keptMove struct {
	License string `json:"license"`
	Hop     int    `json:"hop"`
	From    string `json:"from"`
	To      string `json:"to"`
	Text    string `json:"text"`
}

// logMove logs a hop of a license with all that its row holds.
func (t *tx) logMove(license int64, m move) error {
	var number string
	if err := t.conn.QueryRowContext(t.ctx, `SELECT number FROM licenses WHERE id = ?`, license).Scan(&number); err != nil {
		return wrap("read a license", err)
	}
	return t.log(actionMove, fmt.Sprintf("%s/%d", number, m.hop), keptMove{number, m.hop, m.from, m.to, m.text})
}

func (t *tx) putOrder(id string, o keptOrder, at time.Time) error {
	conflict := licensing.Errorf(licensing.CodeConflict, "this order was entered already").
		WithHint("an order is applied once; `tallygate license history` shows when")
	_, err := t.exec(conflict, `INSERT INTO orders (id, kind, text, applied_at, license, sequence) VALUES (?, ?, ?, ?, ?, ?)`,
		id, o.Kind, o.Text, micros(at), o.License, o.Sequence)
	return err
}

// loggedLicense is the detail of an actionFacts entry. Devices that were counted are
// kept under the row's id.
type loggedLicense struct {
	Row int64 `json:"row"`
	licensing.License
}

// logFacts logs every license that the change has made or altered.
func (t *tx) logFacts(next *state) error {
	before := byNumber(t.state.licenses)
	for _, l := range next.licenses {
		if old, ok := before[l.Number]; ok && sameFacts(old, l) {
			continue
		}
		if err := t.log(actionFacts, l.Number, loggedLicense{l.ID, *l}); err != nil {
			return err
		}
	}
	return nil
}

func byNumber(ls []*licensing.License) map[string]*licensing.License {
	m := make(map[string]*licensing.License, len(ls))
	for _, l := range ls {
		m[l.Number] = l
	}
	return m
}

// sameFacts compares what is logged of two licenses. In memory an instant may have
// another zone, or more digits, than the database keeps.
func sameFacts(a, b *licensing.License) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	if errX != nil || errY != nil {
		return false
	}
	if bytes.Equal(x, y) {
		return true
	}
	var u, v any
	if json.Unmarshal(x, &u) != nil || json.Unmarshal(y, &v) != nil {
		return false
	}
	return reflect.DeepEqual(plainTimes(u), plainTimes(v))
}

// plainTimes brings every instant in a JSON value to microseconds in UTC.
func plainTimes(value any) any {
	switch v := value.(type) {
	case string:
		if at, err := time.Parse(time.RFC3339Nano, v); err == nil {
			return micros(at)
		}
	case []any:
		for i := range v {
			v[i] = plainTimes(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = plainTimes(v[name])
		}
	}
	return value
}

// readLicenses reads the licenses as they stand in the database.
func readLicenses(ctx context.Context, q querier) ([]*licensing.License, error) {
	st := &state{locations: map[int64]*licensing.Location{}, venues: map[int64]*macwatch.Venue{}}
	if err := st.loadLocations(ctx, q); err != nil {
		return nil, err
	}
	err := st.loadLicenses(ctx, q)
	return st.licenses, err
}

// altered compares the license rows with what the gateway has in memory, which is what
// its own changes have made of them.
func (w *writer) altered(ctx context.Context) (found []mismatch, err error) {
	rows, err := readLicenses(ctx, w.conn)
	if err != nil {
		return nil, err
	}
	return compareFacts(rows, w.state.licenses, "was altered in the database while the gateway ran"), nil
}

// compareFacts holds rows against what they should be.
func compareFacts(rows, should []*licensing.License, how string) (found []mismatch) {
	have := byNumber(rows)
	for _, l := range should {
		switch row := have[l.Number]; {
		case row == nil:
			found = append(found, mismatch{number: l.Number, mended: l, problem: "its row is gone"})
		case !sameFacts(row, l):
			found = append(found, mismatch{number: l.Number, mended: l, problem: "its row " + how})
		}
	}
	known := byNumber(should)
	for _, l := range rows {
		if known[l.Number] == nil {
			found = append(found, mismatch{number: l.Number, forged: l, problem: "its row was added by somebody else"})
		}
	}
	return found
}

// restore brings the rows of a license back to what they should be.
func (t *tx) restore(m mismatch) error {
	if m.forged != nil {
		return t.removeLicense(m.forged)
	}
	l, err := t.withRow(m.mended)
	if err != nil {
		return err
	}
	if err := t.saveLicense(l); err != nil {
		return err
	}
	if _, err := t.exec(nil, `DELETE FROM allotments WHERE license_id = ?`, l.ID); err != nil {
		return err
	}
	for _, a := range l.Allotments {
		if _, err := t.exec(nil, `INSERT INTO allotments (license_id, location_id, at, aps, rooms) VALUES (?, ?, ?, ?, ?)`,
			l.ID, a.LocationID, micros(a.At), int64(a.APs), int64(a.Rooms)); err != nil {
			return err
		}
	}
	return nil
}

// withRow is a copy of l with the row ids that it has here; a row that is gone is
// made anew, with its old id where that is known.
func (t *tx) withRow(l *licensing.License) (*licensing.License, error) {
	c := *l
	c.Allotments = slices.Clone(l.Allotments)
	for i := range c.Allotments {
		at, err := t.state.location(c.Allotments[i].Location)
		if err != nil {
			return nil, err
		}
		c.Allotments[i].LocationID = at.ID
	}
	o, err := t.state.organization(c.Terms.Realm)
	if err != nil {
		return nil, err
	}
	var id any
	if c.ID != 0 {
		id = c.ID
	}
	if _, err = t.exec(nil, `INSERT INTO licenses (id, number, grant_id, pool_index, organization_id, terms, activated_at)
		VALUES (?, ?, ?, ?, ?, '', ?) ON CONFLICT (number) DO NOTHING ON CONFLICT (grant_id, pool_index) DO UPDATE SET number = excluded.number`, id, c.Number, c.Terms.GrantID, c.Terms.Index, o.ID, micros(c.ActivatedAt)); err != nil {
		return nil, err
	}
	err = t.conn.QueryRowContext(t.ctx, `SELECT id FROM licenses WHERE number = ?`, c.Number).Scan(&c.ID)
	return &c, wrap("put a license back", err)
}

// removeLicense removes a license that no order and no change of this gateway has made.
func (t *tx) removeLicense(l *licensing.License) error {
	var there bool
	err := t.conn.QueryRowContext(t.ctx, `SELECT EXISTS (SELECT 1 FROM licenses WHERE id = ? AND number = ?)`, l.ID, l.Number).Scan(&there)
	if err != nil || !there {
		return wrap("remove a license", err) // it was one whose number was altered, and has its own again
	}
	for _, table := range []string{"allotments", "receipts", "receipt_devices", "counted", "counted_guests", "counts", "window_sightings", "proposed_sightings"} {
		if _, err := t.exec(nil, `DELETE FROM `+table+` WHERE license_id = ?`, l.ID); err != nil {
			return err
		}
	}
	_, err = t.exec(nil, `DELETE FROM licenses WHERE id = ?`, l.ID)
	return err
}
