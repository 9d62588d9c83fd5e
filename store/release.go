package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"strings"
	"time"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// Release lets licenses go to another gateway: from the commit on nobody is served
// under them here, and the texts that it returns let the other gateway go on exactly
// where this one stopped. Without numbers all licenses go that have not left for
// elsewhere. Asked again for the same gateway, it writes the same release once more,
// so that a file that was lost is no license lost.
func (s *Store) Release(ctx context.Context, ch licensing.Change, numbers []string, to string) (out licensing.ReleasedLicenses, err error) {
	out = licensing.ReleasedLicenses{To: to, Licenses: []licensing.Summary{}, DryRun: ch.DryRun}
	err = s.change(ctx, ch, func(t *tx) error {
		leaving, err := t.state.leaving(numbers, to)
		if err != nil {
			return err
		}
		var texts []string
		for _, l := range leaving {
			left, text, err := t.release(l, to)
			if err != nil {
				return err
			}
			sum, err := t.state.summarize(t.ctx, t.conn, left, t.now)
			if err != nil {
				return err
			}
			texts, out.Licenses = append(texts, text), append(out.Licenses, sum)
		}
		if !ch.DryRun {
			out.Text = strings.Join(texts, "\n")
		}
		return nil
	})
	return out, err
}

// leaving are the licenses with these numbers, or all that can go to a gateway.
func (st *state) leaving(numbers []string, to string) (out []*licensing.License, err error) {
	for _, number := range numbers {
		l, err := st.license(number)
		if err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	if len(numbers) > 0 {
		return out, nil
	}
	for _, l := range st.licenses {
		if l.ReleasedAt.IsZero() || l.ReleasedTo == to {
			out = append(out, l)
		}
	}
	if len(out) == 0 {
		return nil, licensing.Errorf(licensing.CodeConflict, "there is no license on this gateway that could leave it").
			WithHint("`tallygate license list` shows the licenses and where they have gone")
	}
	return out, nil
}

// release lets one license go; one that has gone there already gets its release again.
func (t *tx) release(l *licensing.License, to string) (left *licensing.License, text string, err error) {
	if l.Released(t.now) && l.ReleasedTo == to {
		r, err := t.latestRelease(l)
		if err != nil {
			return nil, "", err
		}
		text, err = t.sealRelease(l, r)
		return l, text, err
	}
	if left, err = l.Release(t.w.s.keys.public, to, t.now); err != nil {
		return nil, "", err
	}
	r := licensing.Release{
		ID: licensing.NewTransferID(), License: l.Number, From: t.w.s.keys.public, To: to,
		Hop: left.Hop, ReleasedAt: left.ReleasedAt, Sequence: l.Sequence,
	}
	if text, err = t.sealRelease(l, r); err != nil {
		return nil, "", err
	}
	if err := t.leave(l, left, move{left.Hop, r.From, to, licensing.ReleaseToken(text)}); err != nil {
		return nil, "", err
	}
	return left, text, t.log("license.release", l.Number, r)
}

// leave takes a license out of service here.
func (t *tx) leave(l, left *licensing.License, m move) error {
	for _, a := range l.Allotments {
		if err := t.endLab(t.state.locations[a.LocationID]); err != nil {
			return err
		}
	}
	if err := t.supersedeTransfer(l); err != nil {
		return err
	}
	if err := t.saveLicense(left); err != nil {
		return err
	}
	return t.addMove(l.ID, m)
}

// latestRelease is the one with which a license has left.
func (t *tx) latestRelease(l *licensing.License) (licensing.Release, error) {
	moves, err := t.movesOf(l)
	if err != nil {
		return licensing.Release{}, err
	}
	r, err := licensing.VerifyRelease(moves[len(moves)-1].text)
	if err != nil { // it left by an order
		return r, licensing.Errorf(licensing.CodeConflict, "%s left this gateway by an order of the distributor, not by a release", l.Number).
			WithHint("enter the same order on gateway %s: it carries the license", l.ReleasedTo)
	}
	return r, nil
}

// sealRelease writes the release of a license as a text, with its facts as they stood
// when it left. MACs are in it, so it is made when it is asked for and kept nowhere.
func (t *tx) sealRelease(l *licensing.License, r licensing.Release) (string, error) {
	facts, err := t.releaseFacts(l, r)
	if err != nil {
		return "", err
	}
	return t.w.s.keys.signer.SealRelease(r, facts)
}

func (t *tx) releaseFacts(l *licensing.License, r licensing.Release) (f licensing.ReleaseFacts, err error) {
	f.License = *l
	f.License.Hop, f.License.ReleasedAt, f.License.ReleasedTo = r.Hop-1, time.Time{}, ""
	if f.Grant, err = readText(t.ctx, t.conn, `SELECT text FROM orders WHERE id = ?`, l.Terms.GrantID); err != nil {
		return f, err
	}
	if f.Orders, err = rows(t.ctx, t.conn, func(r *sql.Rows) (o licensing.AppliedOrder, err error) {
		var at int64
		err = r.Scan(&o.Text, &at)
		o.At = fromMicros(at)
		return o, err
	}, `SELECT text, applied_at FROM orders WHERE license = ? AND sequence > 0 ORDER BY sequence`, l.Number); err != nil {
		return f, err
	}
	moves, err := t.movesOf(l)
	if err != nil {
		return f, err
	}
	for _, m := range moves[:r.Hop-1] {
		f.Hops = append(f.Hops, m.text)
	}
	if f.Receipts, err = rows(t.ctx, t.conn, func(r *sql.Rows) (c licensing.CarriedStart, err error) {
		var text string
		if err = r.Scan(&text, &c.Void); err == nil {
			err = json.Unmarshal([]byte(text), &c.Receipt)
		}
		return c, err
	}, `SELECT text, void FROM receipts WHERE license_id = ? ORDER BY id`, l.ID); err != nil {
		return f, err
	}
	if err := t.carryDevices(&f, l, r.ReleasedAt); err != nil {
		return f, err
	}
	return f, t.carryVeils(&f, r)
}

// carryDevices adds the devices that count, so that none of them counts anew.
func (t *tx) carryDevices(f *licensing.ReleaseFacts, l *licensing.License, at time.Time) (err error) {
	f.Counted, err = rows(t.ctx, t.conn, func(r *sql.Rows) (d licensing.CarriedDevice, err error) {
		var mac, first, last int64
		err = r.Scan(&d.Location, &mac, &first, &last, &d.AP, &d.Session)
		d.MAC, d.At, d.Last = macwatch.MAC(mac).String(), fromMicros(first), fromMicros(last)
		return d, err
	}, `SELECT a.code, c.mac, c.first_at, c.last_at, CAST(c.ap AS BLOB), CAST(c.session AS BLOB)
		FROM counted c JOIN locations a ON a.id = c.location_id WHERE c.license_id = ? ORDER BY c.location_id, c.first_at, c.mac`, l.ID)
	if err != nil {
		return err
	}
	// What a window can still reach: everything of the last day, in which late records
	// may fall, and before that each device's latest sighting.
	edge := micros(at.Add(-macwatch.MaxEventAge))
	f.Window, err = rows(t.ctx, t.conn, func(r *sql.Rows) (d licensing.CarriedSight, err error) {
		var mac, at int64
		err = r.Scan(&d.Location, &mac, &at, &d.AP, &d.Session)
		d.MAC, d.At = macwatch.MAC(mac).String(), fromMicros(at)
		return d, err
	}, `SELECT a.code, w.mac, w.at, CAST(w.ap AS BLOB), CAST(w.session AS BLOB) FROM window_sightings w JOIN locations a ON a.id = w.location_id
		WHERE w.license_id = ?1 AND (w.at >= ?2 OR w.at = (SELECT max(v.at) FROM window_sightings v
			WHERE v.license_id = ?1 AND v.location_id = w.location_id AND v.mac = w.mac AND v.at < ?2)) ORDER BY w.location_id, w.at, w.mac`, l.ID, edge)
	if err != nil {
		return err
	}
	f.Erasable, err = rows(t.ctx, t.conn, func(r *sql.Rows) (n licensing.CarriedName, err error) {
		var mac int64
		err = r.Scan(&n.Pseudonym, &mac)
		n.MAC = macwatch.MAC(mac).String()
		return n, err
	}, `SELECT pseudonym, mac FROM receipt_devices WHERE license_id = ? ORDER BY pseudonym`, l.ID)
	return err
}
