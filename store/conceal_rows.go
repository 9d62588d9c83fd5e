package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"

	"github.com/mattn/go-sqlite3"

	"tallygate/macwatch"
)

// concealStep is how many sessions are read at once.
const concealStep = 1024

// concealing is the switch of a database from addresses to pseudonyms: one transaction, so
// that after a crash it has either happened or not. It comes before everything else reads
// the database, so that nothing in memory knows an address.
type concealing struct {
	ctx    context.Context
	conn   *sql.Conn
	box    *box
	veils  map[int64]*macwatch.Veil // by Location row
	buffer []byte                   // used again by whatever is sealed
	lost   *macwatch.Veil           // of Locations that are gone: its key is thrown away
}

func conceal(ctx context.Context, conn *sql.Conn, v *veils) (err error) {
	c := &concealing{ctx: ctx, conn: conn, box: v.box, veils: map[int64]*macwatch.Veil{}, lost: macwatch.NewVeil([]byte(rand.Text()))}
	if _, err = rows(ctx, conn, func(r *sql.Rows) (none struct{}, err error) {
		var id int64
		var code string
		err = r.Scan(&id, &code)
		c.veils[id] = v.of(code)
		return none, err
	}, `SELECT id, code FROM locations`); err != nil {
		return err
	}
	if err = c.register(); err != nil {
		return err
	}
	if _, err = conn.ExecContext(ctx, `BEGIN IMMEDIATE`); err != nil {
		return faultf("cannot write to the database: %w", err)
	}
	defer func() {
		if err != nil {
			_, _ = conn.ExecContext(context.WithoutCancel(ctx), `ROLLBACK`)
		}
	}()
	for _, step := range []func() error{c.tables, c.sessions, c.journals, c.sealed} {
		if err = step(); err != nil {
			return err
		}
	}
	for key, value := range map[string]string{metaStorage: MACHMAC, metaKey: v.fingerprint(), metaScrub: "due"} {
		if err = noteMeta(ctx, conn, key, value); err != nil {
			return err
		}
	}
	_, err = conn.ExecContext(ctx, `COMMIT`)
	return wrap("commit the pseudonyms", err)
}

// register gives SQL the functions that the statements below use.
func (c *concealing) register() error {
	return c.conn.Raw(func(raw any) error {
		conn := raw.(*sqlite3.SQLiteConn)
		for name, f := range map[string]any{
			"veiled": c.name,
			"redacted": func(text string, location, mac int64) string {
				return macwatch.Redact(text, macwatch.MAC(mac), macwatch.MAC(c.name(location, mac)).String())
			},
			"hidden": func(key []byte) []byte {
				if len(key) >= 16 {
					c.box.hide((*macwatch.Ident)(key[:16]))
				}
				return key
			},
			"sealed": func(packet []byte) []byte { return c.box.seal(nil, packet) },
		} {
			if err := conn.RegisterFunc(name, f, false); err != nil {
				return faultf("cannot prepare the database: %w", err)
			}
		}
		return nil
	})
}

// name is a device's pseudonym. At a Location that is gone nobody will ask for it.
func (c *concealing) name(location, mac int64) int64 {
	if v := c.veils[location]; v != nil {
		return int64(v.Name(macwatch.MAC(mac)))
	}
	return int64(c.lost.Name(macwatch.MAC(mac)))
}

func (c *concealing) exec(query string, args ...any) error {
	_, err := c.conn.ExecContext(c.ctx, query, args...)
	return wrap("write pseudonyms", err)
}

// tables turns the addresses of all tables that name devices, but that of sessions.
func (c *concealing) tables() error {
	tables, err := macTables(c.ctx, c.conn)
	if err != nil {
		return err
	}
	for _, t := range tables {
		if t.name == "sessions" {
			continue
		}
		set := ""
		if has, err := hasColumn(c.ctx, c.conn, t.name, "session"); err != nil {
			return err
		} else if has {
			set = `session = redacted(CAST(session AS TEXT), ` + t.location + `, mac), `
		}
		if err := c.exec(`UPDATE `+t.name+` SET `+set+`mac = veiled(`+t.location+`, mac) WHERE mac > 0 AND mac < ?`, firstVeiled); err != nil {
			return err
		}
	}
	return nil
}

// sessions turns the rows of sessions, and has their index made anew: it is kept by
// identities.
func (c *concealing) sessions() error {
	for last := int64(0); ; {
		page, err := rows(c.ctx, c.conn, scanSession, `SELECT `+sessionColumns+` FROM sessions WHERE id > ? ORDER BY id LIMIT ?`, last, concealStep)
		if err != nil {
			return err
		}
		if len(page) == 0 {
			return c.exec(`DELETE FROM session_index`)
		}
		for _, s := range page {
			c.session(s)
			shown, sealed := s, []byte{}
			if s.EndedAt.IsZero() {
				sealed = c.box.seal(nil, sealedTexts(nil, s))
				shown = s.Clone()
			}
			shown.Hide()
			if err := c.exec(`UPDATE sessions SET ident = ?, mac = ?, session_id = ?, user_name = ?, calling = ?, called = ?, room = ?,
				class = ?, origin = ?, sealed = ? WHERE id = ?`, shown.Ident[:], int64(shown.MAC), shown.SessionID, shown.UserName, shown.Calling,
				shown.Called, shown.Room, blob(shown.Class), appendOrigin(nil, &shown.Origin), sealed, s.ID); err != nil {
				return err
			}
		}
		last = page[len(page)-1].ID
	}
}

// session gives a session its pseudonym; its texts are as they were.
func (c *concealing) session(s *macwatch.Session) {
	if s.MAC != 0 && !s.MAC.Veiled() {
		s.Address, s.MAC = s.MAC, macwatch.MAC(c.name(s.Location, int64(s.MAC)))
	}
	// As its next record will have it: see Record.Ident.
	r := macwatch.Record{Client: s.Client, MAC: s.MAC, NAS: []byte(s.NAS), SessionID: []byte(s.SessionID)}
	s.Ident = r.Ident()
	c.box.hide(&s.Ident)
}

func scanSession(r *sql.Rows) (*macwatch.Session, error) {
	row, dest := make([]driver.Value, sessionWidth), make([]any, sessionWidth)
	for i := range row {
		dest[i] = (*any)(&row[i])
	}
	err := r.Scan(dest...)
	return sessionOf(row), err
}

// journals turns what has not been folded yet.
func (c *concealing) journals() error {
	if err := c.journal("journal", func(image []byte, version byte, b []byte) ([]byte, []byte, error) {
		s, rest, err := readImage(version, b)
		if err == nil {
			c.session(s)
			image = appendConcealed(image, s, c.box, &c.buffer)
		}
		return image, rest, err
	}); err != nil {
		return err
	}
	return c.journal("device_journal", func(image []byte, _ byte, b []byte) ([]byte, []byte, error) {
		d, rest, err := readNewcomer(b)
		if err == nil {
			address := d.key.MAC
			d.key.MAC = macwatch.MAC(c.name(d.key.Location, int64(address)))
			d.session = macwatch.Redact(d.session, address, d.key.MAC.String())
			image = appendNewcomer(image, d)
		}
		return image, rest, err
	})
}

// journal rewrites the rows of one; turn reads an image, appends it anew, and returns what
// follows it.
func (c *concealing) journal(table string, turn func(image []byte, version byte, b []byte) (turned, rest []byte, err error)) error {
	all, err := rows(c.ctx, c.conn, scanJournal, `SELECT id, body FROM `+table+` ORDER BY id`)
	if err != nil {
		return err
	}
	for _, j := range all {
		image := []byte{imageVersion}
		if err := j.each(func(version byte, b []byte) (rest []byte, err error) {
			image, rest, err = turn(image, version, b)
			return rest, err
		}); err != nil {
			return err
		}
		if err := c.exec(`UPDATE `+table+` SET body = ? WHERE id = ?`, image, j.id); err != nil {
			return err
		}
	}
	return nil
}

// sealed seals packets, and enciphers the identities in the keys of records.
func (c *concealing) sealed() error {
	for _, query := range []string{
		`UPDATE raw_records SET packet = sealed(packet)`, `UPDATE raw_records SET key = hidden(key) WHERE key IS NOT NULL`,
		`UPDATE nas_events SET key = hidden(key)`,
	} {
		if err := c.exec(query); err != nil {
			return err
		}
	}
	return nil
}
