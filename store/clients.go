package store

import (
	"cmp"
	"context"
	"regexp"
	"slices"
	"strings"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// minSecret is the shortest shared secret that RFC 2865 section 3 has in mind.
const minSecret = 1

// AddClient adds a RADIUS peer to the Location that c.Location names. Its addresses
// must not overlap with another client's: the secret is chosen by source address. On
// RadSec the certificate decides, and no two clients can be known by the same.
func (s *Store) AddClient(ctx context.Context, ch licensing.Change, c macwatch.Client) (macwatch.Client, error) {
	c.Name = strings.TrimSpace(c.Name)
	c.RequireMA = cmp.Or(c.RequireMA, macwatch.RequireYes)
	c.Vendor = cmp.Or(c.Vendor, macwatch.VendorAuto)
	c.RadSecSettings = canonicalRadSec(c)
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
		if err := t.state.checkLocationRules(&c); err != nil {
			return err
		}
		for _, old := range t.state.clients {
			if strings.EqualFold(old.Name, c.Name) {
				return licensing.Errorf(licensing.CodeConflict, "there is a client %q already", old.Name).
					WithHint("choose another name, or remove it first with `tallygate client remove %s`", old.Name)
			}
			if c.RadSec() && certificateKey(old) == certificateKey(c) {
				return licensing.Errorf(licensing.CodeConflict, "client %q is known by this certificate already", old.Name).
					WithHint("each certificate stands for one client: choose another, or remove %q", old.Name)
			}
			if !old.RadSecOnly && !c.RadSecOnly && old.Prefix.Overlaps(c.Prefix) {
				return licensing.Errorf(licensing.CodeConflict, "%s overlaps with client %q (%s)", c.Prefix, old.Name, old.Prefix).
					WithHint("each source address can have one secret only: narrow one of the two, or remove %q", old.Name)
			}
		}
		prefix, settings, err := clientColumns(c)
		if err != nil {
			return err
		}
		err = t.conn.QueryRowContext(t.ctx, `INSERT INTO clients (name, prefix, secret, location_id, require_ma, settings, created_at)
			VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id`,
			c.Name, prefix, c.Secret, l.ID, string(c.RequireMA), settings, micros(t.now)).Scan(&c.ID)
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
	case c.RadSec():
		if err := checkRadSec(c); err != nil {
			return err
		}
	case !c.Prefix.IsValid():
		return licensing.Errorf(licensing.CodeInvalid, "a client needs an address").
			WithHint("for example --address 192.0.2.10 or --address 192.0.2.0/24")
	case len(c.Secret) < minSecret:
		return licensing.Errorf(licensing.CodeInvalid, "a client needs a shared secret").
			WithHint("use a random one of 16 or more characters, the same as on the AP")
	}
	switch {
	case !slices.Contains([]macwatch.RequireMA{macwatch.RequireYes, macwatch.RequireNo, macwatch.RequireAuto}, c.RequireMA):
		return licensing.Errorf(licensing.CodeInvalid, "%q is not a Message-Authenticator policy", c.RequireMA).WithHint("choose yes, no or auto")
	case !c.Vendor.Known():
		return licensing.Errorf(licensing.CodeInvalid, "%q is not a vendor profile", c.Vendor).WithHint("choose one of: %s", vendorNames())
	}
	for _, f := range []struct {
		what string
		rule macwatch.FieldRule
	}{{"AP", c.AP}, {"SSID", c.SSID}, {"MAC", c.GuestMAC}} {
		if err := checkField(f.what, f.rule); err != nil {
			return err
		}
	}
	return checkDisconnect(c)
}

// checkField checks a rule for where a client's packets hold something.
func checkField(what string, r macwatch.FieldRule) error {
	if r.Attribute == "" {
		if r.Pattern != "" {
			return licensing.Errorf(licensing.CodeInvalid, "the rule for the %s needs the attribute to read it from", what).WithHint("write ATTRIBUTE or ATTRIBUTE=PATTERN")
		}
		return nil
	}
	if err := licensing.CheckAttribute(r.Attribute); err != nil {
		return err
	}
	if _, err := regexp.Compile(r.Pattern); err != nil {
		return licensing.Errorf(licensing.CodeInvalid, "the pattern for the %s is not a regular expression: %w", what, err).
			WithHint("for example ^(.+)-guest$; the first group is what is taken")
	}
	return nil
}

// maxLocationRules bounds what each packet of a client is held against.
const maxLocationRules = 500

// checkLocationRules checks where a client's packets are sent, and spells the Locations
// as they are.
func (st *state) checkLocationRules(c *macwatch.Client) error {
	if len(c.Locations) > maxLocationRules {
		return licensing.Errorf(licensing.CodeInvalid, "a client can have %d rules for Locations", maxLocationRules).WithHint("end a value with * to mean all that begin so")
	}
	c.Locations = slices.Clone(c.Locations)
	for i := range c.Locations {
		r := &c.Locations[i]
		l, err := st.location(r.Location)
		if err != nil {
			return err
		}
		r.Location, r.Value = l.Code, strings.TrimSpace(r.Value)
		switch {
		case !slices.Contains([]macwatch.LocationBy{macwatch.ByNAS, macwatch.BySSID, macwatch.ByAP, macwatch.ByRealm}, r.By):
			return licensing.Errorf(licensing.CodeInvalid, "a Location cannot be told by %q", r.By).WithHint("choose nas, ssid, ap or realm")
		case r.Value == "" || len(r.Value) > 253:
			return licensing.Errorf(licensing.CodeInvalid, "the rule for Location %s needs a value of 1 to 253 octets", l.Code).
				WithHint("for example ssid:Guest=%s; a * at the end means all that begin so", l.Code)
		case r.By == macwatch.ByRealm && !strings.EqualFold(r.Value, l.Realm):
			return licensing.Errorf(licensing.CodeInvalid, "the realm %q is not that of Location %s", r.Value, l.Code).
				WithHint("the realm belongs to the Organization, and that of %q is %s", l.Organization, l.Realm)
		}
	}
	return nil
}

// SetClient changes what the patch says of a client, and nothing else.
func (s *Store) SetClient(ctx context.Context, ch licensing.Change, name string, patch macwatch.ClientPatch) (c macwatch.Client, err error) {
	err = s.change(ctx, ch, func(t *tx) error {
		old, err := t.state.client(name)
		if err != nil {
			return err
		}
		c = patch.Apply(old)
		l, err := t.state.location(c.Location)
		if err != nil {
			return err
		}
		c.LocationID, c.Location = l.ID, l.Code
		c.Vendor = cmp.Or(c.Vendor, macwatch.VendorAuto)
		if err := checkClient(c); err != nil {
			return err
		}
		if err := t.state.checkLocationRules(&c); err != nil {
			return err
		}
		_, settings, err := clientColumns(c)
		if err != nil {
			return err
		}
		_, err = t.exec(nil, `UPDATE clients SET secret = ?, location_id = ?, require_ma = ?, settings = ?, detected = ?, detected_by = ? WHERE id = ?`,
			c.Secret, c.LocationID, string(c.RequireMA), settings, string(c.Detected), c.DetectedBy, c.ID)
		if err != nil {
			return err
		}
		if err := t.saveDisconnectSecret(c); err != nil {
			return err
		}
		return t.log("client.set", c.Name, map[string]any{"before": old, "after": c, "secret_changed": c.Secret != old.Secret,
			"disconnect_secret_changed": c.DisconnectSecret != old.DisconnectSecret})
	})
	return c, err
}

// Client finds one by its name.
func (s *Store) Client(_ context.Context, name string) (macwatch.Client, error) {
	return s.state.Load().client(name)
}

func (st *state) client(name string) (macwatch.Client, error) {
	for _, c := range st.clients {
		if strings.EqualFold(c.Name, strings.TrimSpace(name)) {
			return c, nil
		}
	}
	return macwatch.Client{}, licensing.Errorf(licensing.CodeNotFound, "there is no client %q", name).
		WithHint("`tallygate client list` shows the names")
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
		c, err := t.state.client(name)
		if err != nil {
			return err
		}
		if _, err := t.exec(nil, `DELETE FROM clients WHERE id = ?`, c.ID); err != nil {
			return err
		}
		return t.log("client.remove", c.Name, c)
	})
}
