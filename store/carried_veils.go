package store

import (
	"slices"
	"strings"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// A release carries devices. Pseudonyms mean nothing without the key they were made with, so
// the key of each Location goes with them, sealed for the gateway that the release is for:
// the file tells no more of guests than the database does. The other gateway keeps that key
// for that Location, whatever its own is.

// carryVeils adds the keys of the Locations whose devices the facts name by pseudonyms.
func (t *tx) carryVeils(f *licensing.ReleaseFacts, r licensing.Release) error {
	v := t.w.s.veils
	for _, location := range veiledLocations(f) {
		// The same key of the moment each time: a release that is written once more is the same.
		key, err := licensing.SealFor(r.To, v.key(location), v.derive("tallygate release "+r.ID+" "+location))
		if err != nil {
			return err
		}
		f.Veils = append(f.Veils, licensing.CarriedVeil{Location: location, Key: key})
	}
	return nil
}

func veiledLocations(f *licensing.ReleaseFacts) (all []string) {
	add := func(location, mac string) {
		if strings.HasPrefix(mac, "~") {
			all = append(all, location)
		}
	}
	for _, d := range f.Counted {
		add(d.Location, d.MAC)
	}
	for _, d := range f.Window {
		add(d.Location, d.MAC)
	}
	for _, n := range f.Erasable {
		add(f.LocationOf(n.Pseudonym), n.MAC)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// takeVeils keeps the keys that a release brings.
func (t *tx) takeVeils(f *licensing.ReleaseFacts, from string) error {
	for _, location := range veiledLocations(f) {
		i := slices.IndexFunc(f.Veils, func(c licensing.CarriedVeil) bool { return c.Location == location })
		if i < 0 {
			return licensing.Errorf(licensing.CodeRefused, "the release names devices of %s by pseudonyms, and does not hold their key", location).
				WithHint("release the license again on gateway %s", from)
		}
		key, err := t.w.s.keys.signer.OpenSealed(f.Veils[i].Key)
		if err != nil || len(key) != veilKeySize {
			return licensing.Errorf(licensing.CodeRefused, "the release names devices of %s by pseudonyms, and their key is sealed for another gateway", location).
				WithHint("on gateway %s, release the license for this one: `tallygate gateway release … --to %s`", from, t.w.s.keys.public)
		}
		if err := t.takeVeil(location, key); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) takeVeil(location string, key []byte) error {
	v := t.w.s.veils
	if string(v.key(location)) == string(key) {
		return nil
	}
	l, err := t.state.location(location)
	if err != nil {
		return nil // it is not here, and neither are its devices
	}
	tables, err := macTables(t.ctx, t.conn)
	if err != nil {
		return err
	}
	for _, table := range tables {
		var used bool
		if err := t.conn.QueryRowContext(t.ctx, `SELECT EXISTS (SELECT 1 FROM `+table.name+` WHERE mac >= ? AND `+table.location+` = ?)`, firstVeiled, l.ID).Scan(&used); err != nil {
			return wrap("read the store", err)
		}
		if used {
			return licensing.Errorf(licensing.CodeConflict, "%s has devices here already whose pseudonyms were made with another key", location).
				WithHint("a license whose devices have pseudonyms is entered before the first guest of the Location is served; enter this on a gateway that has not served %s yet, or ask the distributor for a transfer order, which carries the start without the devices", location)
		}
	}
	t.committed = append(t.committed, t.w.reloadErased)
	if t.rehearsal {
		return nil
	}
	if err := v.carry(l.Code, key); err != nil {
		return err
	}
	return noteMeta(t.ctx, t.conn, metaKey, v.fingerprint())
}

// carriedName is what a device that came with a release is called here.
func (t *tx) carriedName(location, text string) (macwatch.MAC, error) {
	mac, ok := macwatch.ParseDevice(text)
	if !ok || !mac.Device() {
		return 0, licensing.Errorf(licensing.CodeInvalid, "the release holds %q as the address of a device", text).
			WithHint("release the license again on the old gateway")
	}
	if v := t.w.s.veils; v.concealed {
		return v.of(location).Name(mac), nil
	}
	return mac, nil
}

// carriedSession is a session id that came with a device, without its address where that
// is not kept.
func carriedSession(session []byte, text string, name macwatch.MAC) string {
	address, ok := macwatch.ParseMAC(text)
	if !ok || !name.Veiled() {
		return string(session)
	}
	return macwatch.Redact(string(session), address, name.String())
}
