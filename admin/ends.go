package admin

import (
	"bufio"
	"context"
	"net/http"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// Ender asks NAS to end sessions (RFC 5176), and knows what became of it.
type Ender interface {
	// EndSessions hands over what became of each session that is meant, as it is known.
	EndSessions(ctx context.Context, ch licensing.Change, location string, which macwatch.SessionSelector, each func(macwatch.EndedSession) error) error
	// Outcome is the latest about a session; nil when nobody has tried.
	Outcome(session macwatch.Ident, leg int) *macwatch.Disconnect
}

// endSessions sends each result as it comes: a NAS that does not answer takes half a
// minute, and a crowd takes minutes.
func endSessions(ender Ender) endpoint {
	return func(w http.ResponseWriter, r *http.Request) error {
		q, err := decode[macwatch.SessionSelector](r)
		if err != nil {
			return err
		}
		rows := rowWriter{w: w, out: bufio.NewWriterSize(w, rowBuffer)}
		err = ender.EndSessions(r.Context(), q.Change, q.PathValue("location"), q.Body, func(row macwatch.EndedSession) error {
			if err := rows.write(row); err != nil {
				return err
			}
			rows.sent = true
			extendDeadline(w)
			if err := rows.out.Flush(); err != nil {
				return err
			}
			return http.NewResponseController(w).Flush()
		})
		if err != nil {
			if rows.sent {
				return &cutShort{err}
			}
			return err
		}
		return rows.close()
	}
}

// EndSessions asks for the open sessions that are meant to end; each gets the results
// as they come.
func (c *Client) EndSessions(ctx context.Context, ch licensing.Change, location string, which macwatch.SessionSelector, each func(macwatch.EndedSession) error) error {
	return eachRow(ctx, c, http.MethodPost, path("locations", location, "sessions", "end"), ch, which, each)
}
