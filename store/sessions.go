package store

import (
	"context"
	"database/sql"
	"strconv"
	"strings"

	"tallygate/macwatch"
)

// Sessions hands out a Location's sessions, open and closed, oldest first.
func (s *Store) Sessions(ctx context.Context, location string, each func(macwatch.SessionInfo) error) error {
	l, err := s.Location(ctx, location)
	if err != nil {
		return err
	}
	r, err := s.readers.QueryContext(ctx, `SELECT session_id, mac, ap, ssid, room, user_name, started_at, updated_at, ended_at,
		input_octets, output_octets, session_time, terminate_cause, records, lab
		FROM sessions WHERE location_id = ? ORDER BY started_at, id`, l.ID)
	if err != nil {
		return wrap("read the sessions", err)
	}
	defer func() { _ = r.Close() }()
	for r.Next() {
		var i macwatch.SessionInfo
		var mac, started, updated, in, out, cause int64
		var ended sql.NullInt64
		if err := r.Scan(&i.SessionID, &mac, &i.AP, &i.SSID, &i.Room, &i.UserName, &started, &updated, &ended,
			&in, &out, &i.SessionTime, &cause, &i.Records, &i.Lab); err != nil {
			return wrap("read the sessions", err)
		}
		if mac != 0 {
			i.MAC = macwatch.MAC(mac).String()
		}
		i.SessionID, i.AP, i.SSID, i.Room, i.UserName = text(i.SessionID), text(i.AP), text(i.SSID), text(i.Room), text(i.UserName)
		i.StartedAt, i.UpdatedAt = fromMicros(started), fromMicros(updated)
		i.InputOctets, i.OutputOctets = uint64(in), uint64(out)
		if ended.Valid {
			at := fromMicros(ended.Int64)
			i.EndedAt, i.TerminateCause = &at, terminateCause(uint32(cause))
		}
		if err := each(i); err != nil {
			return err
		}
	}
	return wrap("read the sessions", r.Err())
}

// terminateCauses are the names of RFC 2866 section 5.10, from 1 on.
var terminateCauses = [...]string{
	"User-Request", "Lost-Carrier", "Lost-Service", "Idle-Timeout", "Session-Timeout", "Admin-Reset", "Admin-Reboot",
	"Port-Error", "NAS-Error", "NAS-Request", "NAS-Reboot", "Port-Unneeded", "Port-Preempted", "Port-Suspended",
	"Service-Unavailable", "Callback", "User-Error", "Host-Request",
}

// terminateCause is the name, the number where it has none, empty when none was sent.
func terminateCause(n uint32) string {
	switch {
	case n == 0:
		return ""
	case int(n) <= len(terminateCauses):
		return terminateCauses[n-1]
	}
	return strconv.Itoa(int(n))
}

// text makes octets that came from the wire fit for JSON.
func text(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
