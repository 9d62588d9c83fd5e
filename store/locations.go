package store

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// defaultProvince stands in the id of a Location that is added without one.
const defaultProvince = "00"

// AddLocation adds one to the Organization that l.Organization or l.Realm names.
// Without a Code it gets the next free one.
func (s *Store) AddLocation(ctx context.Context, ch licensing.Change, l licensing.Location) (licensing.Location, error) {
	l.Name, l.Code = strings.TrimSpace(l.Name), strings.ToUpper(strings.TrimSpace(l.Code))
	l.Settings = l.Settings.WithDefaults()
	l.Settings.Room.Map = plainTexts(l.Settings.Room.Map)
	err := s.change(ctx, ch, func(t *tx) error {
		o, err := t.state.organization(cmp.Or(l.Organization, l.Realm))
		if err != nil {
			return err
		}
		l.Organization, l.Realm = o.Name, o.Realm
		if l.Code == "" {
			if l.Code, err = t.state.freeCode(o); err != nil {
				return err
			}
		}
		if err := cmp.Or(licensing.ValidateLocation(l), o.CheckLocationCode(l.Code)); err != nil {
			return err
		}
		if old, err := t.state.location(l.Code); err == nil {
			return licensing.Errorf(licensing.CodeConflict, "the id %s belongs to Location %q already", l.Code, old.Name).
				WithHint("leave --id out, and the next free one is taken")
		}
		settings, err := json.Marshal(l.Settings)
		if err != nil {
			return faultf("cannot write the settings: %w", err)
		}
		l.CreatedAt = t.now
		err = t.conn.QueryRowContext(t.ctx, `INSERT INTO locations (code, organization_id, name, sector, settings, created_at)
			VALUES (?, ?, ?, ?, ?, ?) RETURNING id`, l.Code, o.ID, l.Name, l.Sector, string(settings), micros(t.now)).Scan(&l.ID)
		if err != nil {
			return wrap("add a Location", err)
		}
		return t.log("location.add", l.Code, l)
	})
	return l, err
}

// SetLocation replaces the settings of a Location. A license keeps the zone that
// was frozen with it: changing a Location's zone never moves an end.
func (s *Store) SetLocation(ctx context.Context, ch licensing.Change, code string, settings licensing.Settings) (l licensing.Location, err error) {
	settings = settings.WithDefaults()
	settings.Room.Map = plainTexts(settings.Room.Map)
	if err := licensing.ValidateSettings(settings); err != nil {
		return l, err
	}
	err = s.change(ctx, ch, func(t *tx) error {
		old, err := t.state.location(code)
		if err != nil {
			return err
		}
		l = *old
		l.Settings = settings
		text, err := json.Marshal(settings)
		if err != nil {
			return faultf("cannot write the settings: %w", err)
		}
		if _, err := t.exec(nil, `UPDATE locations SET settings = ? WHERE id = ?`, string(text), l.ID); err != nil {
			return err
		}
		return t.log("location.set", l.Code, map[string]licensing.Settings{"before": old.Settings, "after": settings})
	})
	return l, err
}

// plainTexts writes the texts and the rooms of a map as packets and lists name them: in
// another spelling an entry would never be found.
func plainTexts(texts map[string]string) map[string]string {
	if len(texts) == 0 {
		return texts
	}
	plain := make(map[string]string, len(texts))
	for text, room := range texts {
		plain[macwatch.NormalizeRoom(text)] = macwatch.NormalizeRoom(room)
	}
	return plain
}

// Locations lists all, oldest first.
func (s *Store) Locations(_ context.Context) ([]licensing.Location, error) {
	st := s.state.Load()
	out := []licensing.Location{}
	for _, id := range slices.Sorted(maps.Keys(st.locations)) {
		out = append(out, *st.locations[id])
	}
	return out, nil
}

// Location finds one by its id, e.g. 28N2S004.
func (s *Store) Location(_ context.Context, code string) (licensing.Location, error) {
	l, err := s.state.Load().location(code)
	if err != nil {
		return licensing.Location{}, err
	}
	return *l, nil
}

func (st *state) location(code string) (*licensing.Location, error) {
	for _, l := range st.locations {
		if strings.EqualFold(l.Code, strings.TrimSpace(code)) {
			return l, nil
		}
	}
	return nil, licensing.Errorf(licensing.CodeNotFound, "there is no Location %q", code).
		WithHint("`tallygate location list` shows the ids, `tallygate location add` adds one")
}

// freeCode is the next free id of the Organization: province, its code, three digits.
func (st *state) freeCode(o licensing.Organization) (string, error) {
	for n := 1; n <= 999; n++ {
		code := fmt.Sprintf("%s%s%03d", defaultProvince, o.Code, n)
		if _, err := st.location(code); err != nil {
			return code, nil
		}
	}
	return "", licensing.Errorf(licensing.CodeConflict, "Organization %q has 999 Locations", o.Name).
		WithHint("give the Location an --id with other first two characters")
}
