package store

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// minSecret is the shortest shared secret that RFC 2865 section 3 has in mind.
const minSecret = 1

// AddClient adds a RADIUS peer to the Location that c.Location names. Its addresses
// must not overlap with another client's: the secret is chosen by source address.
func (s *Store) AddClient(ctx context.Context, ch licensing.Change, c macwatch.Client) (macwatch.Client, error) {
	c.Name = strings.TrimSpace(c.Name)
	c.RequireMA = cmp.Or(c.RequireMA, macwatch.RequireYes)
	c.Vendor = cmp.Or(c.Vendor, macwatch.VendorAuto)
	if err := checkClient(c); err != nil {
		return c, err
	}
	if masked := c.Prefix.Masked(); masked != c.Prefix {
		return c, licensing.Errorf(licensing.CodeInvalid, "%s has host bits beyond its prefix length", c.Prefix).
			WithHint("write %s for the network, or %s for the one address", masked, c.Prefix.Addr())
	}
	err := s.change(ctx, ch, func(t *tx) error {
		l, err := t.state.location(c.Location)
		if err != nil {
			return err
		}
		c.LocationID, c.Location, c.CreatedAt = l.ID, l.Code, t.now
		for _, old := range t.state.clients {
			if strings.EqualFold(old.Name, c.Name) {
				return licensing.Errorf(licensing.CodeConflict, "there is a client %q already", old.Name).
					WithHint("choose another name, or remove it first with `tallygate client remove %s`", old.Name)
			}
			if old.Prefix.Overlaps(c.Prefix) {
				return licensing.Errorf(licensing.CodeConflict, "%s overlaps with client %q (%s)", c.Prefix, old.Name, old.Prefix).
					WithHint("each source address can have one secret only: narrow one of the two, or remove %q", old.Name)
			}
		}
		settings, err := json.Marshal(c.ClientSettings)
		if err != nil {
			return faultf("cannot write a client's settings: %w", err)
		}
		err = t.conn.QueryRowContext(t.ctx, `INSERT INTO clients (name, prefix, secret, location_id, require_ma, settings, created_at)
			VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id`,
			c.Name, c.Prefix.String(), c.Secret, l.ID, string(c.RequireMA), string(settings), micros(t.now)).Scan(&c.ID)
		if err != nil {
			return wrap("add a client", err)
		}
		if err := t.saveDisconnectSecret(c); err != nil {
			return err
		}
		return t.log("client.add", c.Name, c)
	})
	return c, err
}

func checkClient(c macwatch.Client) error {
	switch {
	case c.Name == "":
		return licensing.Errorf(licensing.CodeInvalid, "a client needs a name").WithHint("for example the AP's or controller's")
	case !c.Prefix.IsValid():
		return licensing.Errorf(licensing.CodeInvalid, "a client needs an address").
			WithHint("for example --address 192.0.2.10 or --address 192.0.2.0/24")
	case len(c.Secret) < minSecret:
		return licensing.Errorf(licensing.CodeInvalid, "a client needs a shared secret").
			WithHint("use a random one of 16 or more characters, the same as on the AP")
	case !slices.Contains([]macwatch.RequireMA{macwatch.RequireYes, macwatch.RequireNo, macwatch.RequireAuto}, c.RequireMA):
		return licensing.Errorf(licensing.CodeInvalid, "%q is not a Message-Authenticator policy", c.RequireMA).WithHint("choose yes, no or auto")
	case !c.Vendor.Known():
		return licensing.Errorf(licensing.CodeInvalid, "%q is not a vendor profile", c.Vendor).WithHint("choose one of: %s", vendorNames())
	}
	return checkDisconnect(c)
}

func vendorNames() string {
	var names []string
	for _, v := range macwatch.Vendors() {
		names = append(names, string(v))
	}
	return strings.Join(names, ", ")
}

// Clients lists all, oldest first.
func (s *Store) Clients(_ context.Context) ([]macwatch.Client, error) {
	return append([]macwatch.Client{}, s.state.Load().clients...), nil
}

// RemoveClient removes a peer: its packets are dropped from then on. Its sessions stay.
func (s *Store) RemoveClient(ctx context.Context, ch licensing.Change, name string) error {
	return s.change(ctx, ch, func(t *tx) error {
		i := slices.IndexFunc(t.state.clients, func(c macwatch.Client) bool { return strings.EqualFold(c.Name, strings.TrimSpace(name)) })
		if i < 0 {
			return licensing.Errorf(licensing.CodeNotFound, "there is no client %q", name).
				WithHint("`tallygate client list` shows the names")
		}
		c := t.state.clients[i]
		if _, err := t.exec(nil, `DELETE FROM clients WHERE id = ?`, c.ID); err != nil {
			return err
		}
		return t.log("client.remove", c.Name, c)
	})
}
