package store

import (
	"context"
	"database/sql/driver"
	"strconv"
	"strings"

	"tallygate/macwatch"
)

// Sessions hands out the sessions that the filter admits, oldest first; those whose row
// could not be written yet come last.
func (s *Store) Sessions(ctx context.Context, f macwatch.SessionFilter, each func(macwatch.SessionInfo) error) error {
	at := int64(0)
	if f.Location != "" {
		l, err := s.Location(ctx, f.Location)
		if err != nil {
			return err
		}
		at = l.ID
		if f.MAC != 0 {
			if f.MAC, err = s.veils.name(l.Code, f.MAC); err != nil {
				return err
			}
		}
	}
	unfolded, err := s.flushSessions()
	if err != nil {
		return unavailable(err)
	}
	v := viewer{state: s.state.Load(), filter: f, aps: map[int64][]string{}, each: each}
	mac := f.MAC
	if at == 0 && s.veils.concealed {
		mac = 0 // it is called otherwise at each Location
		v.veils = s.veils
	}
	newer := map[int64]*macwatch.Session{}
	for _, session := range unfolded {
		if session.ID != 0 {
			newer[session.ID] = session
		}
	}
	which := `WHERE true`
	if f.Online && len(unfolded) == 0 {
		which = `INDEXED BY sessions_open_id WHERE ended_at IS NULL`
	}
	err = s.scanSessions(ctx, func(session *macwatch.Session) error {
		if n, ok := newer[session.ID]; ok {
			session = n
		}
		return v.show(session)
	}, which+` AND (?1 = 0 OR location_id = ?1) AND (?2 = 0 OR mac = ?2) ORDER BY started_at, id`, at, int64(mac))
	if err != nil {
		return err
	}
	for _, session := range unfolded {
		if session.ID == 0 && (at == 0 || session.Location == at) {
			if err := v.show(session); err != nil {
				return err
			}
		}
	}
	return nil
}

// scanSessions hands over the sessions in the rows that follow from which: the end of a
// SELECT, from its index or condition on.
func (s *Store) scanSessions(ctx context.Context, each func(*macwatch.Session) error, which string, args ...any) error {
	//nolint:gosec // G202: which is always a text of this package's own; what comes from outside is bound
	r, err := s.readers.QueryContext(ctx, `SELECT `+sessionColumns+` FROM sessions `+which, args...)
	if err != nil {
		return wrap("read the sessions", err)
	}
	defer func() { _ = r.Close() }()
	row, dest := make([]driver.Value, sessionWidth), make([]any, sessionWidth)
	for i := range row {
		dest[i] = (*any)(&row[i])
	}
	for r.Next() {
		if err := r.Scan(dest...); err != nil {
			return wrap("read the sessions", err)
		}
		if err := each(sessionOf(row)); err != nil {
			return err
		}
	}
	return wrap("read the sessions", r.Err())
}

// viewer hands out what a filter admits.
type viewer struct {
	state  *state
	filter macwatch.SessionFilter
	veils  *veils             // where the wanted device has another name at each Location
	aps    map[int64][]string // names of the wanted AP, by Location
	each   func(macwatch.SessionInfo) error
}

func (v *viewer) show(s *macwatch.Session) error {
	aps, known := v.aps[s.Location]
	if venue := v.state.venues[s.Location]; !known && venue != nil && v.filter.AP != "" {
		aps = venue.APNames(v.filter.AP)
		v.aps[s.Location] = aps
	}
	code, filter := "", v.filter
	if l := v.state.locations[s.Location]; l != nil {
		code = l.Code
	}
	if v.veils != nil && filter.MAC != 0 {
		name, err := v.veils.name(code, filter.MAC)
		if err != nil {
			return err
		}
		filter.MAC = name
	}
	s = s.Hidden()
	if !filter.Admits(s, aps) {
		return nil
	}
	info := infoOf(s)
	info.Location = code
	return v.each(info)
}

func infoOf(s *macwatch.Session) macwatch.SessionInfo {
	s = s.Hidden()
	i := macwatch.SessionInfo{
		SessionID: text(s.SessionID), AP: text(s.AP), SSID: text(s.SSID), Room: text(s.Room), UserName: text(s.UserName),
		StartedAt: s.StartedAt, UpdatedAt: s.UpdatedAt, InputOctets: s.Input, OutputOctets: s.Output,
		SessionTime: s.SessionTime, Records: s.Records, Lab: s.Lab,
		NAS: text(s.NAS), Leg: s.Leg, Ident: s.Ident, MultiSessionID: text(string(s.Origin.MultiID)), Connection: s.Connection(),
	}
	if s.MAC != 0 {
		i.MAC = s.MAC.String()
	}
	if !s.EndedAt.IsZero() {
		i.EndedAt, i.TerminateCause, i.ClosedBy = &s.EndedAt, terminateCause(s.TerminateCause), s.Closed()
	}
	return i
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

// NamelessSessions hands out the open sessions whose packets do not name the guest's
// device themselves, oldest first, each with its own address: what radiusd.Server.Remember
// wants at the start.
func (s *Store) NamelessSessions(ctx context.Context, each func(*macwatch.Session)) error {
	return s.scanSessions(ctx, func(session *macwatch.Session) error {
		if err := s.unseal(session); err != nil {
			return err
		}
		if session.Address != 0 {
			session.MAC = session.Address
		}
		if !namesItself(session) {
			each(session)
		}
		return nil
	}, `WHERE ended_at IS NULL AND (length(sealed) > 0 OR length(calling) < 12 OR calling LIKE '%.%.%.%') ORDER BY id`)
}

// namesItself reports whether a session's packets say whose it is.
func namesItself(s *macwatch.Session) bool {
	if macwatch.HasAddress([]byte(s.Calling)) {
		return true
	}
	m, _ := macwatch.GuestMAC([]byte(s.Calling), []byte(s.UserName))
	if m == 0 {
		m, _ = macwatch.SessionMAC([]byte(s.SessionID))
	}
	return m != 0 && m == s.MAC
}
