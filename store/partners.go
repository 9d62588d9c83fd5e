package store

import (
	"context"
	"database/sql"
	"slices"
	"strings"

	"tallygate/licensing"
)

// AddPartner adds one. Neither its id nor its name may be another's id or name: a
// license says only one of the two.
func (s *Store) AddPartner(ctx context.Context, ch licensing.Change, p licensing.Partner) (licensing.Partner, error) {
	p.ID, p.Name = strings.TrimSpace(p.ID), strings.TrimSpace(p.Name)
	if err := licensing.ValidatePartner(p); err != nil {
		return p, err
	}
	err := s.change(ctx, ch, func(t *tx) error {
		for _, old := range t.state.partners {
			if old.Is(p.ID) || old.Is(p.Name) {
				return licensing.Errorf(licensing.CodeConflict, "there is a partner %s (%s) already", old.ID, old.Name).
					WithHint("choose another id and name, or remove it first with `tallygate partner remove %s`", old.ID)
			}
		}
		p.CreatedAt = t.now
		err := t.conn.QueryRowContext(t.ctx, `INSERT INTO partners (partner_id, name, secret, created_at) VALUES (?, ?, ?, ?) RETURNING id`,
			p.ID, p.Name, p.Secret, micros(p.CreatedAt)).Scan(&p.Row)
		if err != nil {
			return wrap("add a partner", err)
		}
		return t.log("partner.add", p.ID, p)
	})
	return p, err
}

// Partners lists all, oldest first.
func (s *Store) Partners(_ context.Context) ([]licensing.Partner, error) {
	return append([]licensing.Partner{}, s.state.Load().partners...), nil
}

// Partner finds one by id or name, with what belongs to it.
func (s *Store) Partner(ctx context.Context, name string) (licensing.PartnerDetail, error) {
	st, now := s.state.Load(), s.Now()
	p, err := st.partner(name)
	if err != nil {
		return licensing.PartnerDetail{}, err
	}
	d := licensing.PartnerDetail{Partner: p, Licenses: []string{}, Requests: []licensing.TransferRequest{}}
	for _, l := range st.licenses {
		if p.Is(l.Holder()) && !l.Released(now) {
			d.Licenses = append(d.Licenses, l.Number)
		}
	}
	all, err := s.Transfers(ctx)
	for _, r := range all {
		if p.Is(r.From) || p.Is(r.To) {
			d.Requests = append(d.Requests, r)
		}
	}
	return d, err
}

// RemovePartner removes one that holds no license here and has no transfer under way:
// a license whose partner is gone could never be handed over by consent again.
func (s *Store) RemovePartner(ctx context.Context, ch licensing.Change, name string) error {
	return s.change(ctx, ch, func(t *tx) error {
		p, err := t.state.partner(name)
		if err != nil {
			return err
		}
		for _, l := range t.state.licenses {
			open := t.state.transfers[l.ID].At(t.now)
			if l.Released(t.now) {
				continue
			}
			if p.Is(l.Holder()) || open.State == licensing.TransferPending && p.Is(open.To) {
				return licensing.Errorf(licensing.CodeConflict, "partner %s holds license %s, or is about to", p.ID, l.Number).
					WithHint("hand its licenses over first: `tallygate partner show %s` lists them", p.ID)
			}
		}
		if _, err := t.exec(nil, `DELETE FROM partners WHERE id = ?`, p.Row); err != nil {
			return err
		}
		return t.log("partner.remove", p.ID, p)
	})
}

func (st *state) partner(name string) (licensing.Partner, error) {
	i := slices.IndexFunc(st.partners, func(p licensing.Partner) bool { return p.Is(name) })
	if i < 0 {
		return licensing.Partner{}, licensing.Errorf(licensing.CodeNotFound, "there is no partner %q on this gateway", name).
			WithHint("`tallygate partner list` shows them, `tallygate partner add` adds one")
	}
	return st.partners[i], nil
}

// partnerName is what people call the partner that holds l; what the license says when
// this gateway does not know it.
func (st *state) partnerName(l *licensing.License) string {
	for _, p := range st.partners {
		if p.Is(l.Holder()) {
			return p.Name
		}
	}
	return l.Holder()
}

func (st *state) loadPartners(ctx context.Context, q querier) (err error) {
	st.partners, err = rows(ctx, q, func(r *sql.Rows) (p licensing.Partner, err error) {
		var created int64
		err = r.Scan(&p.Row, &p.ID, &p.Name, &p.Secret, &created)
		p.CreatedAt = fromMicros(created)
		return p, err
	}, `SELECT id, partner_id, name, secret, created_at FROM partners ORDER BY id`)
	return err
}
