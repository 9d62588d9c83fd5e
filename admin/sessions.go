package admin

import (
	"context"

	"tallygate/macwatch"
)

// Sessions knows the accounting sessions of a Location, open and closed.
type Sessions interface {
	// Sessions hands over every session, oldest first, until each returns an error.
	Sessions(ctx context.Context, location string, each func(macwatch.SessionInfo) error) error
}

func listSessions(book Sessions, ender Ender) endpoint {
	return stream(func(ctx context.Context, q request[none], each func(macwatch.SessionInfo) error) error {
		return book.Sessions(ctx, q.PathValue("location"), func(s macwatch.SessionInfo) error {
			if ender != nil {
				s.Disconnect = ender.Outcome(s.Ident, s.Leg)
			}
			return each(s)
		})
	})
}

// Sessions reads the sessions of a Location row by row.
func (c *Client) Sessions(ctx context.Context, location string, each func(macwatch.SessionInfo) error) error {
	return getEach(ctx, c, path("locations", location, "sessions"), each)
}
