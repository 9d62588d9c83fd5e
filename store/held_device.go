package store

import (
	"context"
	"database/sql"
	"slices"
	"strings"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// device is one that somebody asks about, at one Location.
type device struct {
	location *licensing.Location
	name     macwatch.MAC // as it is stored
	grave    macwatch.MAC // as it counts, if it was erased since; 0: there is no key for that
	address  macwatch.MAC // 0: only the pseudonym was given
}

// asked finds the Locations and names that a question is about.
func (s *Store) asked(mac macwatch.MAC, location string) (all []device, err error) {
	if err := checkDevice(mac); err != nil {
		return nil, err
	}
	st := s.state.Load()
	var places []*licensing.Location
	if location != "" {
		l, err := st.location(location)
		if err != nil {
			return nil, err
		}
		places = append(places, l)
	} else {
		for _, l := range st.locations {
			places = append(places, l)
		}
		slices.SortFunc(places, func(a, b *licensing.Location) int { return strings.Compare(a.Code, b.Code) })
	}
	for _, l := range places {
		d := device{location: l}
		if !mac.Veiled() {
			d.address = mac
		}
		if d.name, err = s.veils.name(l.Code, mac); err != nil {
			return nil, err
		}
		if veil := s.veils.tombstones(l.Code); veil != nil && !s.veils.concealed {
			d.grave = veil.Name(mac)
		}
		all = append(all, d)
	}
	return all, nil
}

// Held tells everything that is stored about a device. Who asked, and why, is logged
// before the answer is given.
func (s *Store) Held(ctx context.Context, ch licensing.Change, q macwatch.DeviceQuery) ([]macwatch.HeldDevice, error) {
	if strings.TrimSpace(q.Reason) == "" {
		return nil, needsReason()
	}
	all, err := s.asked(q.MAC, q.Location)
	if err != nil {
		return nil, err
	}
	if err := s.flushDevices(ctx); err != nil {
		return nil, err
	}
	action := "privacy.lookup"
	if q.Export {
		action = "privacy.export"
	}
	if err := s.change(ctx, ch, func(t *tx) error {
		return t.log(action, t.pseudonym(q.MAC), map[string]string{"location": q.Location, "reason": q.Reason})
	}); err != nil {
		return nil, err
	}
	out := []macwatch.HeldDevice{}
	for _, d := range all {
		h, err := s.held(ctx, d)
		if err != nil {
			return nil, err
		}
		if !h.Empty() {
			out = append(out, h)
		}
	}
	return out, nil
}

func needsReason() error {
	return licensing.Errorf(licensing.CodeInvalid, "there is no reason given").
		WithHint("say in --reason why, for example the guest's request and its date: it goes into the audit log")
}

func (s *Store) held(ctx context.Context, d device) (h macwatch.HeldDevice, err error) {
	h = macwatch.HeldDevice{Location: d.location.Code, MAC: d.name, Names: []string{s.keys.pseudonymOf(d.name)}, Others: map[string]int{}}
	if d.address != 0 && d.address != d.name { // of before addresses were turned into pseudonyms
		h.Names = append(h.Names, s.keys.pseudonymOf(d.address))
	}
	if err := s.Devices(ctx, d.location.Code, func(i macwatch.DeviceInfo) error {
		if i.MAC == d.name {
			h.Seen = &i
		}
		return nil
	}); err != nil {
		return h, err
	}
	if h.Counted, err = rows(ctx, s.readers, func(r *sql.Rows) (c macwatch.HeldCount, err error) {
		var first int64
		err = r.Scan(&c.License, &first, &c.AP, &c.SessionID)
		c.FirstAt, c.AP, c.SessionID = fromMicros(first), text(c.AP), text(c.SessionID)
		return c, err
	}, `SELECT l.number, c.first_at, c.ap, c.session FROM counted c JOIN licenses l ON l.id = c.license_id
		WHERE c.location_id = ? AND c.mac IN (?, ?) ORDER BY c.first_at`, d.location.ID, int64(d.name), int64(d.grave)); err != nil {
		return h, err
	}
	listed, err := s.ListedDevices(ctx, d.location.Code)
	if err != nil {
		return h, err
	}
	h.Listed = slices.DeleteFunc(listed, func(l macwatch.ListedDevice) bool { return l.MAC != d.name })
	inputs, err := s.MACInputs(ctx, d.location.Code)
	if err != nil {
		return h, err
	}
	if i := slices.IndexFunc(inputs, func(m macwatch.MACInput) bool { return m.MAC == d.name }); i >= 0 {
		h.Input = &inputs[i]
	}
	sessions, err := rows(ctx, s.readers, scanSession, `SELECT `+sessionColumns+` FROM sessions WHERE location_id = ? AND mac = ? ORDER BY started_at, id`,
		d.location.ID, int64(d.name))
	if err != nil {
		return h, err
	}
	for _, session := range sessions {
		h.Sessions = append(h.Sessions, infoOf(session))
	}
	if h.Raw, _, err = s.rawOf(ctx, s.readers, d, 0); err != nil {
		return h, err
	}
	return h, s.heldElsewhere(ctx, d, &h)
}

// heldElsewhere looks at the tables that nobody asks otherwise.
func (s *Store) heldElsewhere(ctx context.Context, d device, h *macwatch.HeldDevice) (err error) {
	h.Receipts, err = rows(ctx, s.readers, func(r *sql.Rows) (number string, err error) { return number, r.Scan(&number) },
		`SELECT DISTINCT l.number FROM receipt_devices JOIN licenses l ON l.id = receipt_devices.license_id
		WHERE mac = ? AND `+elsewhere["receipt_devices"]+` IN (?, 0) ORDER BY l.id`, int64(d.name), d.location.ID)
	if err != nil {
		return err
	}
	tables, err := macTables(ctx, s.readers)
	for _, t := range tables {
		if treatedApart[t.name] || err != nil {
			continue
		}
		var n int
		err = s.readers.QueryRowContext(ctx, `SELECT count(*) FROM `+t.name+` WHERE mac = ? AND `+t.location+` = ?`, int64(d.name), d.location.ID).Scan(&n)
		if n > 0 {
			h.Others[t.name] = n
		}
	}
	return wrap("read the store", err)
}

// treatedApart are the tables that are known by more than that they name devices.
var treatedApart = map[string]bool{
	"counted": true, "counted_guests": true, "devices": true, "listed_devices": true, "mac_inputs": true, "proposed_sightings": true,
	"receipt_devices": true, "sessions": true, "window_sightings": true,
}

// rawOf finds the raw records that name a device, after a row, and their rows. No column
// tells whom a packet is about: each is looked through.
func (s *Store) rawOf(ctx context.Context, q querier, d device, after int64) (found []macwatch.HeldPacket, ids []int64, err error) {
	_, err = rows(ctx, q, func(r *sql.Rows) (none struct{}, err error) {
		var id, at int64
		var reason string
		var packet []byte
		if err = r.Scan(&id, &at, &reason, &packet); err != nil {
			return none, err
		}
		if s.veils.box != nil {
			if packet, err = s.veils.box.open(packet); err != nil {
				return none, err
			}
		}
		if s.names(packet, d) {
			found, ids = append(found, macwatch.HeldPacket{At: fromMicros(at), Reason: reason, Packet: packet}), append(ids, id)
		}
		return none, nil
	}, `SELECT id, recorded_at, reason, packet FROM raw_records WHERE location_id = ? AND id > ? ORDER BY id`, d.location.ID, after)
	return found, ids, err
}

// names reports whether a packet names a device, in any spelling.
func (s *Store) names(packet []byte, d device) bool {
	if d.address != 0 {
		return d.address.In(packet)
	}
	veil := s.veils.of(d.location.Code)
	for m := range macwatch.Addresses(packet) {
		if veil.Name(m) == d.name {
			return true
		}
	}
	return false
}
