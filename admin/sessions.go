package admin

import (
	"context"
	"net/url"
	"strconv"
	"time"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// Sessions knows the accounting sessions of all Locations, open and closed.
type Sessions interface {
	// Sessions hands over every session that the filter admits, oldest first, until each
	// returns an error.
	Sessions(ctx context.Context, f macwatch.SessionFilter, each func(macwatch.SessionInfo) error) error
}

func sessionQuery() []string {
	return []string{"online", "mac", "ap", "room", "user", "session", "since", "until"}
}

// listSessions lists those of the Location in the path, or of all.
func listSessions(book Sessions, ender Ender) endpoint {
	return stream(func(ctx context.Context, q request[none], each func(macwatch.SessionInfo) error) error {
		query := q.URL.Query()
		f := macwatch.SessionFilter{
			Location: q.PathValue("location"), AP: query.Get("ap"), Room: query.Get("room"), User: query.Get("user"), Session: query.Get("session"),
		}
		var err error
		if text := query.Get("online"); text != "" {
			if f.Online, err = strconv.ParseBool(text); err != nil {
				return licensing.Errorf(licensing.CodeInvalid, "online=%.40s is neither 1 nor 0", text)
			}
		}
		if text := query.Get("mac"); text != "" {
			if err := f.MAC.UnmarshalText([]byte(text)); err != nil {
				return err
			}
		}
		for name, into := range map[string]*time.Time{"since": &f.Since, "until": &f.Until} {
			if text := query.Get(name); text != "" {
				if *into, err = time.Parse(time.RFC3339, text); err != nil {
					return licensing.Errorf(licensing.CodeInvalid, "%s: %.40q is not a time", name, text).WithHint("write 2027-01-31T12:00:00Z")
				}
			}
		}
		return book.Sessions(ctx, f, func(s macwatch.SessionInfo) error {
			if ender != nil {
				s.Disconnect = ender.Outcome(s.Ident, s.Leg)
			}
			return each(s)
		})
	})
}

// Sessions reads the sessions that the filter admits, row by row.
func (c *Client) Sessions(ctx context.Context, f macwatch.SessionFilter, each func(macwatch.SessionInfo) error) error {
	at := path("sessions")
	if f.Location != "" {
		at = path("locations", f.Location, "sessions")
	}
	query := url.Values{}
	set := func(name, value string, given bool) {
		if given {
			query.Set(name, value)
		}
	}
	set("online", "1", f.Online)
	set("mac", f.MAC.String(), f.MAC != 0)
	set("ap", f.AP, f.AP != "")
	set("room", f.Room, f.Room != "")
	set("user", f.User, f.User != "")
	set("session", f.Session, f.Session != "")
	set("since", f.Since.Format(time.RFC3339Nano), !f.Since.IsZero())
	set("until", f.Until.Format(time.RFC3339Nano), !f.Until.IsZero())
	return getEach(ctx, c, withQuery(at, query), each)
}
