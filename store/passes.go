package store

import (
	"context"
	"database/sql"
	"time"

	"tallygate/macwatch"
)

// passMemory is how long a pass that is over stays in memory, so that a guest is told
// that it has expired rather than that the password is wrong.
const passMemory = 7 * 24 * time.Hour

const guestColumns = `id, location_id, key, kind, batch_id, user_name, password, devices, valid_for, use_before, expires_at, down, up, room, first_use_at, revoked_at`

// passAccount is what is kept of a pass beside what log-ins need.
type passAccount struct {
	*macwatch.Pass
	userID, note, createdBy string
	createdAt               time.Time
}

func scanPass(r *sql.Rows, more ...any) (*macwatch.Pass, error) {
	var p macwatch.Pass
	var batch, before, expires, used, revoked sql.NullInt64
	var valid int64
	err := r.Scan(append([]any{&p.ID, &p.Location, &p.Key, &p.Kind, &batch, &p.UserName, &p.Password, &p.Devices, &valid, &before, &expires,
		&p.Down, &p.Up, &p.Room, &used, &revoked}, more...)...)
	p.Batch, p.ValidFor = batch.Int64, time.Duration(valid)*time.Microsecond
	p.UseBefore, p.ExpiresAt = fromNullMicros(before), fromNullMicros(expires)
	p.FirstUse, p.RevokedAt = fromNullMicros(used), fromNullMicros(revoked)
	return &p, err
}

// loadPasses reads the passes that log-ins may still show into memory, once: whatever
// changes one afterwards changes it there, too.
func (w *writer) loadPasses(ctx context.Context, now time.Time) error {
	all, err := rows(ctx, w.conn, func(r *sql.Rows) (*macwatch.Pass, error) { return scanPass(r) },
		`SELECT `+guestColumns+` FROM passes WHERE ended_at IS NULL OR ended_at > ?`, micros(now.Add(-passMemory)))
	if err != nil {
		return err
	}
	byID := make(map[int64]*macwatch.Pass, len(all))
	for _, p := range all {
		byID[p.ID] = p
	}
	_, err = rows(ctx, w.conn, func(r *sql.Rows) (none struct{}, err error) {
		var id, mac int64
		if err = r.Scan(&id, &mac); err == nil && byID[id] != nil {
			byID[id].Bound = append(byID[id].Bound, macwatch.MAC(mac))
		}
		return none, err
	}, `SELECT pass_id, mac FROM pass_devices ORDER BY pass_id, place`)
	if err != nil {
		return err
	}
	w.s.passes.Change(all, nil)
	return nil
}

// forgetPasses takes out of memory what has been over for passMemory. The rows stay, as
// long as sessions do.
func (w *writer) forgetPasses() {
	up := w.s.uptime()
	if up-w.passesKept < passInterval {
		return
	}
	w.passesKept = up
	old := w.s.Now().Add(-passMemory)
	var over []*macwatch.Pass
	for _, p := range w.s.passes.All() {
		end := p.End()
		if !p.RevokedAt.IsZero() && (end.IsZero() || p.RevokedAt.Before(end)) {
			end = p.RevokedAt
		}
		if !end.IsZero() && end.Before(old) {
			over = append(over, p)
		}
	}
	w.s.passes.Change(nil, over)
}

// Passes finds what tickets and portals' credentials are good for (radiusd.Passes).
func (s *Store) Passes() *macwatch.Passes { return &s.passes }

// passEdits is what a transaction has changed of the passes: its own reads see it, and
// everybody else's after the commit.
type passEdits struct {
	table *macwatch.Passes
	put   map[passRef]*macwatch.Pass
}

type passRef struct {
	location int64
	key      string
}

func (e *passEdits) find(location int64, key string) *macwatch.Pass {
	if p, ok := e.put[passRef{location, key}]; ok {
		return p
	}
	return e.table.Find(location, []byte(key))
}

func (e *passEdits) set(p *macwatch.Pass) {
	if e.put == nil {
		e.put = map[passRef]*macwatch.Pass{}
	}
	e.put[passRef{p.Location, p.Key}] = p
}

// commit shows the changes to everybody.
func (e *passEdits) commit() {
	if len(e.put) == 0 {
		return
	}
	list := make([]*macwatch.Pass, 0, len(e.put))
	for _, p := range e.put {
		list = append(list, p)
	}
	e.table.Change(list, nil)
	clear(e.put)
}

// insertPass writes a new pass and its devices into the open transaction; false when its
// user name is taken.
func insertPass(ctx context.Context, conn *sql.Conn, a passAccount) (bool, error) {
	p := a.Pass
	var batch any
	if p.Batch != 0 {
		batch = p.Batch
	}
	res, err := conn.ExecContext(ctx, `INSERT INTO passes (location_id, key, kind, batch_id, user_name, password, devices, valid_for, use_before, expires_at,
		down, up, room, user_id, note, created_at, created_by, ended_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (location_id, key) DO NOTHING`,
		p.Location, p.Key, string(p.Kind), batch, p.UserName, p.Password, p.Devices, p.ValidFor.Microseconds(), nullMicros(p.UseBefore), nullMicros(p.ExpiresAt),
		p.Down, p.Up, p.Room, a.userID, a.note, micros(a.createdAt), a.createdBy, nullMicros(p.End()))
	if err != nil {
		return false, wrap("write a pass", err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return false, wrap("write a pass", err)
	}
	if p.ID, err = res.LastInsertId(); err != nil {
		return false, wrap("write a pass", err)
	}
	for i, mac := range p.Bound {
		if err := bindDevice(ctx, conn, p.ID, mac, i+1, a.createdAt); err != nil {
			return false, err
		}
	}
	return true, nil
}

func bindDevice(ctx context.Context, conn *sql.Conn, pass int64, mac macwatch.MAC, place int, at time.Time) error {
	_, err := conn.ExecContext(ctx, `INSERT INTO pass_devices (pass_id, mac, place, at) VALUES (?, ?, ?, ?)`, pass, int64(mac), place, micros(at))
	return wrap("bind a device to a pass", err)
}

// standOf is how a claim stands with its pass as it is now: of two devices that want the
// last place, the second one to get here finds it taken.
func (b *batch) standOf(c *macwatch.Claim) (*macwatch.Pass, macwatch.ClaimResult) {
	p := b.passes.find(c.Pass.Location, c.Pass.Key)
	if p == nil || p.ID != c.Pass.ID {
		return nil, macwatch.ClaimPassOver
	}
	switch state := p.State(b.now); {
	case state == macwatch.PassExpired || state == macwatch.PassRevoked:
		return nil, macwatch.ClaimPassOver
	case !p.Owns(c.MAC) && p.Full():
		return nil, macwatch.ClaimPassFull
	}
	return p, macwatch.ClaimGranted
}

// usePass writes the first use of a pass, and the place that a device takes on it.
func (b *batch) usePass(p *macwatch.Pass, c *macwatch.Claim) error {
	used := p.UsedBy(c.MAC, b.now)
	c.PassEnd = used.End()
	ctx := context.Background()
	if p.FirstUse.IsZero() {
		if _, err := b.w.conn.ExecContext(ctx, `UPDATE passes SET first_use_at = ?, ended_at = ? WHERE id = ?`,
			micros(used.FirstUse), nullMicros(used.End()), p.ID); err != nil {
			return wrap("write the first use of a pass", err)
		}
	}
	if !p.Owns(c.MAC) {
		if err := bindDevice(ctx, b.w.conn, p.ID, c.MAC, len(used.Bound), b.now); err != nil {
			return err
		}
	}
	b.passes.set(used)
	return nil
}
