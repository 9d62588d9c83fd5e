package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"strings"
	"time"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// Online knows which devices guests' accounts have online, at Locations that limit them.
func (s *Store) Online() *macwatch.Online { return &s.online }

// limitsGuests reports whether a Location limits how many devices of an account are
// online. At others nobody keeps an account of it.
func (st *state) limitsGuests(location int64) bool {
	l, v := st.locations[location], st.venues[location]
	return l != nil && v != nil && l.Settings.Guests == licensing.GuestsLocal && (l.Settings.GuestSessions > 0 || v.Limited)
}

// follow tells Online of a session that a committed batch has changed.
func (w *writer) follow(s *macwatch.Session) {
	if s.UserName == "" || !w.state.limitsGuests(s.Location) {
		return
	}
	user := lowerUser(s.UserName)
	if !s.EndedAt.IsZero() {
		w.s.online.Gone(s.Location, user, s.Ident)
		return
	}
	w.s.online.Seen(s.Location, user, s, s.SilentSince().Add(w.silenceOf(s)))
}

// lowerUser spells a user name as accounts are: ASCII letters only, since the case of
// others depends on the language (see radiusd).
func lowerUser(name string) string {
	return strings.Map(func(c rune) rune {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		return c
	}, name)
}

// silenceOf is how long a session may be silent at its Location.
func (w *writer) silenceOf(s *macwatch.Session) time.Duration {
	l := w.state.locations[s.Location]
	switch {
	case l == nil:
		return macwatch.LongestSilence
	case l.Settings.StaleAfter > 0:
		return time.Duration(l.Settings.StaleAfter) * time.Second
	}
	reports := w.reporters.has(s.Client, s.NAS, w.s.Now())
	return s.Silence(reports, l.Settings.Reply.InterimInterval, l.Settings.Reply.SessionTimeout)
}

// followLocation takes up who is online at a Location that has begun to limit it.
func (w *writer) followLocation(location int64) error {
	st := w.stmts.selectOnline
	rows, err := st.raw.QueryContext(context.Background(), st.bind([]driver.Value{location}))
	if err != nil {
		return wrap("read open sessions", err)
	}
	for row := make([]driver.Value, sessionWidth); ; {
		if err = rows.Next(row); err != nil {
			break
		}
		s := sessionOf(row)
		if err = w.unseal(s); err != nil {
			break
		}
		w.follow(s)
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	if err = errors.Join(err, rows.Close()); err != nil {
		return wrap("read open sessions", err)
	}
	// Their rows do not tell the latest of these.
	for _, list := range [][]*held{w.backlog.stuck, w.backlog.order} {
		for _, h := range list {
			if h.session.Location == location {
				w.follow(h.session)
			}
		}
	}
	return nil
}
