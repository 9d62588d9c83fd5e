package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// labMemory is how far back lab periods are kept at hand: a month's hours are
// capped, and a session may be older than the packet that first shows it.
const labMemory = 62 * 24 * time.Hour

// state is all that decisions need, in memory. One that has been published is never
// changed.
type state struct {
	organizations []licensing.Organization
	locations     map[int64]*licensing.Location
	venues        map[int64]*macwatch.Venue
	clients       []macwatch.Client
	licenses      []*licensing.License // all, oldest first
	since         time.Time            // what happens by itself was carried out up to here
	partners      []licensing.Partner
	transfers     map[int64]licensing.TransferRequest // the latest of each license
	veils         *veils
	tokens        []licensing.AccessToken
}

func (st *state) snapshot() *Snapshot {
	return &Snapshot{Clients: st.clients, Locations: st.locations, Venues: st.venues}
}

// clone copies what a batch may change.
func (st *state) clone() *state {
	c := *st
	c.locations = maps.Clone(st.locations)
	c.venues = maps.Clone(st.venues)
	c.clients = slices.Clone(st.clients)
	c.licenses = slices.Clone(st.licenses)
	return &c
}

// loadState reads everything anew. Changes by operators are rare; packets change
// single parts of the state (see batch).
func loadState(ctx context.Context, q querier, now time.Time, v *veils) (*state, error) {
	st := &state{veils: v, locations: map[int64]*licensing.Location{}, venues: map[int64]*macwatch.Venue{}}
	for _, load := range []func(context.Context, querier) error{
		st.loadOrganizations, st.loadLocations, st.loadLicenses, st.loadTransfers, st.loadPartners,
		st.loadSlots, st.loadDevices, st.loadGuests, st.loadClients, st.loadTokens,
	} {
		if err := load(ctx, q); err != nil {
			return nil, err
		}
	}
	if err := st.loadStays(ctx, q, now); err != nil {
		return nil, err
	}
	if err := st.loadLabs(ctx, q, now); err != nil {
		return nil, err
	}
	if err := st.loadDisconnectSecrets(ctx, q); err != nil {
		return nil, err
	}
	if err := st.loadRetired(ctx, q, now); err != nil {
		return nil, err
	}
	return st, st.loadPlan(ctx, q, now)
}

func (st *state) loadOrganizations(ctx context.Context, q querier) (err error) {
	st.organizations, err = rows(ctx, q, func(r *sql.Rows) (o licensing.Organization, err error) {
		var created int64
		err = r.Scan(&o.ID, &o.Name, &o.Realm, &o.Code, &created)
		o.CreatedAt = fromMicros(created)
		return o, err
	}, `SELECT id, name, realm, code, created_at FROM organizations ORDER BY id`)
	return err
}

func (st *state) loadLocations(ctx context.Context, q querier) error {
	list, err := rows(ctx, q, func(r *sql.Rows) (*licensing.Location, error) {
		var l licensing.Location
		var settings string
		var created int64
		if err := r.Scan(&l.ID, &l.Code, &l.Name, &l.Organization, &l.Realm, &l.Sector, &settings, &created); err != nil {
			return nil, err
		}
		l.CreatedAt = fromMicros(created)
		return &l, json.Unmarshal([]byte(settings), &l.Settings)
	}, `SELECT l.id, l.code, l.name, o.name, o.realm, l.sector, l.settings, l.created_at
		FROM locations l JOIN organizations o ON o.id = l.organization_id ORDER BY l.id`)
	for _, l := range list {
		st.locations[l.ID] = l
		st.venues[l.ID] = &macwatch.Venue{
			Blocked: map[macwatch.MAC]string{}, Exempt: map[macwatch.MAC]string{},
			Accounts: map[string]*macwatch.Account{}, Inputs: map[macwatch.MAC]macwatch.MACInput{},
			Veil: st.veils.of(l.Code),
		}
	}
	return err
}

func (st *state) loadLicenses(ctx context.Context, q querier) (err error) {
	st.licenses, err = rows(ctx, q, scanLicense, `SELECT `+licenseColumns+` FROM licenses ORDER BY id`)
	if err != nil {
		return err
	}
	byID := map[int64]*licensing.License{}
	for _, l := range st.licenses {
		byID[l.ID] = l
		_ = l.ResolveZone() // only a shortcut: without it the zone is loaded at each use
	}
	type row struct {
		license int64
		licensing.Allotment
	}
	allotments, err := rows(ctx, q, func(r *sql.Rows) (a row, err error) {
		var at int64
		err = r.Scan(&a.license, &a.LocationID, &a.Location, &at, &a.APs, &a.Rooms)
		a.At = fromMicros(at)
		return a, err
	}, `SELECT a.license_id, a.location_id, l.code, a.at, a.aps, a.rooms
		FROM allotments a JOIN locations l ON l.id = a.location_id ORDER BY a.at, a.license_id, a.location_id`)
	if err != nil {
		return err
	}
	for _, a := range allotments {
		l := byID[a.license]
		if l == nil {
			continue // somebody removed its row; verifyLogged puts it back
		}
		l.Allotments = append(l.Allotments, a.Allotment)
		if !l.ReleasedAt.IsZero() {
			continue // another gateway serves under it
		}
		st.locations[a.LocationID].Licenses = append(st.locations[a.LocationID].Licenses, l)
	}
	for _, l := range st.licenses {
		if len(l.Allotments) > 0 || !l.ReleasedAt.IsZero() {
			continue
		}
		for _, location := range st.locations {
			bound := l.Terms.Location
			if strings.EqualFold(location.Realm, l.Terms.Realm) && (bound == "" || bound == location.Code) {
				location.Unallotted = true
			}
		}
	}
	return nil
}

func (st *state) loadLabs(ctx context.Context, q querier, now time.Time) error {
	_, err := rows(ctx, q, func(r *sql.Rows) (none struct{}, err error) {
		var location, start, end int64
		if err = r.Scan(&location, &start, &end); err == nil {
			l := st.locations[location]
			l.Labs = append(l.Labs, licensing.LabPeriod{Start: fromMicros(start), End: fromMicros(end)})
		}
		return none, err
	}, `SELECT location_id, started_at, ends_at FROM labs WHERE ends_at > ? ORDER BY started_at, id`, micros(now.Add(-labMemory)))
	return err
}

func (st *state) loadSlots(ctx context.Context, q querier) error {
	type row struct {
		location int64
		kind     macwatch.Kind
		macwatch.Slot
	}
	slots, err := rows(ctx, q, func(r *sql.Rows) (s row, err error) {
		s.Slot, err = scanSlot(r, &s.location, &s.kind)
		return s, err
	}, `SELECT `+slotColumns+` FROM slots ORDER BY id`)
	if err != nil {
		return err
	}
	index := map[int64]int{}
	for i := range slots {
		index[slots[i].ID] = i
	}
	if _, err := rows(ctx, q, func(r *sql.Rows) (none struct{}, err error) {
		var id, at int64
		var l macwatch.Learned
		if err = r.Scan(&id, &l.Alias, &l.Vendor, &at); err == nil {
			s := &slots[index[id]]
			s.Aliases = append(s.Aliases, l.Alias)
			if l.Vendor != "" {
				l.At = fromMicros(at)
				s.Learned = append(s.Learned, l)
			}
		}
		return none, err
	}, `SELECT slot_id, alias, learned, at FROM slot_aliases ORDER BY slot_id, alias`); err != nil {
		return err
	}
	for id, v := range st.venues {
		byKind := map[macwatch.Kind][]macwatch.Slot{}
		for i := range slots {
			if slots[i].location == id {
				byKind[slots[i].kind] = append(byKind[slots[i].kind], slots[i].Slot)
			}
		}
		v.APs, v.Rooms = macwatch.NewRoster(byKind[macwatch.KindAP]), macwatch.NewRoster(byKind[macwatch.KindRoom])
	}
	return nil
}

func (st *state) loadDevices(ctx context.Context, q querier) error {
	_, err := rows(ctx, q, func(r *sql.Rows) (none struct{}, err error) {
		var location, mac int64
		var kind, note string
		if err = r.Scan(&location, &kind, &mac, &note); err == nil {
			list := st.venues[location].Blocked
			if kind == kindExempt {
				list = st.venues[location].Exempt
			}
			list[macwatch.MAC(mac)] = note
		}
		return none, err
	}, `SELECT location_id, kind, mac, note FROM listed_devices`)
	return err
}

func (st *state) loadGuests(ctx context.Context, q querier) error {
	_, err := rows(ctx, q, func(r *sql.Rows) (none struct{}, err error) {
		location, a, err := scanAccount(r)
		if err == nil {
			v := st.venues[location]
			v.Accounts[a.UserName], v.Limited = &a, v.Limited || a.Sessions > 0
		}
		return none, err
	}, `SELECT `+accountColumns+` FROM accounts`)
	if err != nil {
		return err
	}
	_, err = rows(ctx, q, func(r *sql.Rows) (none struct{}, err error) {
		location, m, err := scanMACInput(r)
		if err == nil {
			st.venues[location].Inputs[m.MAC] = m
		}
		return none, err
	}, `SELECT `+macInputColumns+` FROM mac_inputs`)
	return err
}

func (st *state) loadClients(ctx context.Context, q querier) (err error) {
	st.clients, err = rows(ctx, q, func(r *sql.Rows) (c macwatch.Client, err error) {
		var prefix, settings string
		var created int64
		if err = r.Scan(&c.ID, &c.Name, &prefix, &c.Secret, &c.LocationID, &c.Location, &c.RequireMA, &settings, &c.Detected, &c.DetectedBy, &created); err != nil {
			return c, err
		}
		if err = readClientColumns(&c, prefix, settings); err != nil {
			return c, err
		}
		c.Vendor = cmp.Or(c.Vendor, macwatch.VendorAuto)
		c.CreatedAt = fromMicros(created)
		return c, nil
	}, `SELECT c.id, c.name, c.prefix, c.secret, c.location_id, l.code, c.require_ma, c.settings, c.detected, c.detected_by, c.created_at
		FROM clients c JOIN locations l ON l.id = c.location_id ORDER BY c.id`)
	if err != nil {
		return err
	}
	_, err = rows(ctx, q, func(r *sql.Rows) (none struct{}, err error) {
		var id int64
		var address string
		if err = r.Scan(&id, &address); err != nil {
			return none, err
		}
		source, err := netip.ParseAddr(address)
		if i := slices.IndexFunc(st.clients, func(c macwatch.Client) bool { return c.ID == id }); i >= 0 && err == nil {
			st.clients[i].Signed = append(st.clients[i].Signed, source)
		}
		return none, err
	}, `SELECT client_id, address FROM signed_sources ORDER BY at, address`)
	return err
}
