package store

import (
	"context"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"io"
	"time"

	"tallygate/macwatch"
)

const sessionColumns = `id, ident, leg, prior, location_id, client_id, nas, mac, ap, called_mac, ssid, room, session_id,
	user_name, calling, called, class, framed_ip, started_at, begun, updated_at, ended_at, stopped,
	input_octets, output_octets, input_packets, output_packets, session_time, terminate_cause, lab, records, keys, origin, gigawords, heard_at, gap, sealed`

const sessionWidth = 37

// sessionsAtOnce is how many new rows one statement writes: a statement for each takes two
// fifths more time, and leaves garbage in the driver.
const sessionsAtOnce = 8

// updateSession writes the session to the row that it has.
func (w *writer) updateSession(s *macwatch.Session, row int64) error {
	s, sealed := w.stored(s)
	v := &w.boxes
	v.empty()
	keys, origin := v.blobsOf(s)
	err := w.stmts.updateSession.write(v.text(s.AP), v.number(int64(s.CalledMAC)), v.text(s.SSID), v.text(s.Room), v.text(s.SessionID),
		v.text(s.UserName), v.text(s.Calling), v.text(s.Called), v.blob(s.Class), v.number(int64(s.FramedIP)), v.number(micros(s.StartedAt)),
		v.number(flag(s.Begun)), v.number(micros(s.UpdatedAt)), v.end(s), v.number(flag(s.Stopped)), v.number(octets(s.Input)),
		v.number(octets(s.Output)), v.number(int64(s.InputPackets)), v.number(int64(s.OutputPackets)), v.number(int64(s.SessionTime)),
		v.number(int64(s.TerminateCause)), v.number(int64(s.Records)), keys, origin, v.number(flag(s.Gigawords)),
		v.number(instantOf(s.HeardAt)), v.number(int64(s.Gap)), v.blob(sealed), v.number(row))
	return wrap("update a session", err)
}

// insertSessions writes sessions to new rows, from first on.
func (w *writer) insertSessions(all []*macwatch.Session, first int64) error {
	for len(all) > 0 {
		n, st := 1, w.stmts.insertSession
		if len(all) >= sessionsAtOnce {
			n, st = sessionsAtOnce, w.stmts.insertSessions
		}
		w.boxes.empty()
		w.values = w.values[:0]
		for i, s := range all[:n] {
			w.values = w.appendRow(w.values, s, first+int64(i))
		}
		if err := st.write(w.values...); err != nil {
			return wrap("insert a session", err)
		}
		all, first = all[n:], first+int64(n)
	}
	return nil
}

// appendRow appends the values of a session's row, in the order of sessionColumns.
func (w *writer) appendRow(values []driver.Value, s *macwatch.Session, row int64) []driver.Value {
	s, sealed := w.stored(s)
	v := &w.boxes
	keys, origin := v.blobsOf(s)
	return append(values, v.number(row), v.blob(s.Ident[:]), v.number(int64(s.Leg)), v.number(s.Prior), v.number(s.Location),
		v.number(s.Client), v.text(s.NAS), v.number(int64(s.MAC)), v.text(s.AP), v.number(int64(s.CalledMAC)), v.text(s.SSID), v.text(s.Room),
		v.text(s.SessionID), v.text(s.UserName), v.text(s.Calling), v.text(s.Called), v.blob(s.Class), v.number(int64(s.FramedIP)),
		v.number(micros(s.StartedAt)), v.number(flag(s.Begun)), v.number(micros(s.UpdatedAt)), v.end(s), v.number(flag(s.Stopped)),
		v.number(octets(s.Input)), v.number(octets(s.Output)), v.number(int64(s.InputPackets)), v.number(int64(s.OutputPackets)),
		v.number(int64(s.SessionTime)), v.number(int64(s.TerminateCause)), v.number(flag(s.Lab)), v.number(int64(s.Records)), keys, origin,
		v.number(flag(s.Gigawords)), v.number(instantOf(s.HeardAt)), v.number(int64(s.Gap)), v.blob(sealed))
}

// end is NULL while the session is open.
func (x *boxes) end(s *macwatch.Session) driver.Value {
	if s.EndedAt.IsZero() {
		return nil
	}
	return x.number(micros(s.EndedAt))
}

// blobsOf are a session's keys and origin, in memory that is used again.
func (x *boxes) blobsOf(s *macwatch.Session) (keys, origin driver.Value) {
	begin := len(x.octets)
	for _, k := range s.Keys {
		x.octets = binary.BigEndian.AppendUint64(x.octets, k)
	}
	middle := len(x.octets)
	x.octets = appendOrigin(x.octets, &s.Origin)
	return x.blob(x.octets[begin:middle]), x.blob(x.octets[middle:])
}

// loadRow reads the session in a row; nil when there is none.
func (w *writer) loadRow(id int64) (*macwatch.Session, error) {
	row := make([]driver.Value, sessionWidth)
	found, err := w.stmts.selectSession.row(row, id)
	if err != nil || !found {
		return nil, wrap("read a session", err)
	}
	s := sessionOf(row)
	return s, w.unseal(s)
}

// openSessionsOf reads the open sessions that a NAS (and AP, unless 0) reports.
func (w *writer) openSessionsOf(client int64, nas string, ap macwatch.MAC) (out []*macwatch.Session, err error) {
	st := w.stmts.selectOpen
	rows, err := st.raw.QueryContext(context.Background(), st.bind([]driver.Value{client, nas, int64(ap)}))
	if err != nil {
		return nil, wrap("read open sessions", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for {
		row := make([]driver.Value, sessionWidth)
		switch err := rows.Next(row); {
		case errors.Is(err, io.EOF):
			return out, nil
		case err != nil:
			return nil, wrap("read open sessions", err)
		}
		s := sessionOf(row)
		if err := w.unseal(s); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
}

func sessionOf(row []driver.Value) *macwatch.Session {
	i := -1
	num := func() int64 { i++; n, _ := row[i].(int64); return n }
	text := func() string {
		i++
		switch v := row[i].(type) {
		case string:
			return v
		case []byte:
			return string(v)
		}
		return ""
	}
	raw := func() []byte { i++; b, _ := row[i].([]byte); return b }
	at := func() time.Time {
		i++
		us, ok := row[i].(int64)
		if !ok {
			return time.Time{}
		}
		return fromMicros(us)
	}
	s := &macwatch.Session{ID: num()}
	copy(s.Ident[:], raw())
	s.Leg, s.Prior, s.Location, s.Client, s.NAS, s.MAC, s.AP = int(num()), num(), num(), num(), text(), macwatch.MAC(num()), text()
	s.CalledMAC, s.SSID, s.Room, s.SessionID = macwatch.MAC(num()), text(), text(), text()
	s.UserName, s.Calling, s.Called, s.Class, s.FramedIP = text(), text(), text(), raw(), uint32(num())
	s.StartedAt, s.Begun, s.UpdatedAt, s.EndedAt, s.Stopped = at(), num() == 1, at(), at(), num() == 1
	s.Input, s.Output = uint64(num()), uint64(num())
	s.InputPackets, s.OutputPackets, s.SessionTime, s.TerminateCause = uint32(num()), uint32(num()), uint32(num()), uint32(num())
	s.Lab, s.Records = num() == 1, int(num())
	for keys := raw(); len(keys) >= 8; keys = keys[8:] {
		s.Keys = append(s.Keys, binary.BigEndian.Uint64(keys))
	}
	s.Origin = readOrigin(raw())
	s.Gigawords = num() == 1
	if heard := num(); heard != 0 {
		s.HeardAt = fromMicros(heard)
	}
	s.Gap = uint32(num())
	s.Sealed = raw()
	return s
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// octets keeps all 64 bits of a counter in SQLite's signed integers; uint64 turns it back.
func octets(n uint64) int64 { return int64(n) }

// blob keeps an empty value from becoming NULL.
func blob(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// nullBlob stores an absent value as NULL.
func nullBlob(b []byte) driver.Value {
	if b == nil {
		return nil
	}
	return b
}
