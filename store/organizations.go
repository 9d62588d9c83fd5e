package store

import (
	"context"
	"slices"
	"strings"

	"tallygate/licensing"
)

// AddOrganization adds one; name, realm and code are unique on the gateway.
func (s *Store) AddOrganization(ctx context.Context, ch licensing.Change, o licensing.Organization) (licensing.Organization, error) {
	o.Name, o.Realm, o.Code = strings.TrimSpace(o.Name), strings.TrimSpace(o.Realm), strings.ToUpper(strings.TrimSpace(o.Code))
	if err := licensing.ValidateOrganization(o); err != nil {
		return o, err
	}
	err := s.change(ctx, ch, func(t *tx) error {
		for _, old := range t.state.organizations {
			for _, same := range []struct{ what, a, b string }{{"name", old.Name, o.Name}, {"realm", old.Realm, o.Realm}, {"code", old.Code, o.Code}} {
				if strings.EqualFold(same.a, same.b) {
					return licensing.Errorf(licensing.CodeConflict, "the %s %q belongs to Organization %q already", same.what, same.b, old.Name).
						WithHint("choose another %s, or use that Organization", same.what)
				}
			}
		}
		o.CreatedAt = t.now
		err := t.conn.QueryRowContext(t.ctx, `INSERT INTO organizations (name, realm, code, created_at) VALUES (?, ?, ?, ?) RETURNING id`,
			o.Name, o.Realm, o.Code, micros(o.CreatedAt)).Scan(&o.ID)
		if err != nil {
			return wrap("add an Organization", err)
		}
		return t.log("organization.add", o.Name, o)
	})
	return o, err
}

// Organizations lists all, oldest first.
func (s *Store) Organizations(_ context.Context) ([]licensing.Organization, error) {
	return append([]licensing.Organization{}, s.state.Load().organizations...), nil
}

// Organization finds one by name or realm.
func (s *Store) Organization(_ context.Context, name string) (licensing.Organization, error) {
	return s.state.Load().organization(name)
}

func (st *state) organization(name string) (licensing.Organization, error) {
	i := slices.IndexFunc(st.organizations, func(o licensing.Organization) bool {
		return strings.EqualFold(o.Name, name) || strings.EqualFold(o.Realm, name)
	})
	if i < 0 {
		return licensing.Organization{}, licensing.Errorf(licensing.CodeNotFound, "there is no Organization %q", name).
			WithHint("`tallygate organization list` shows the names, `tallygate organization add` adds one")
	}
	return st.organizations[i], nil
}
