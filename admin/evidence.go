package admin

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"tallygate/licensing"
)

// Evidence tells what was, and proves it.
type Evidence interface {
	History(ctx context.Context, number string) ([]licensing.HistoryEntry, error)
	Receipt(ctx context.Context, number string) (licensing.Evidence, error)
}

// Previews tells what would be, and what will be.
type Previews interface {
	CutOffNow(ctx context.Context, number, location string) (licensing.CutOffPreview, error)
	Calendar(ctx context.Context, number string, months int) ([]licensing.CalendarEntry, error)
}

// maxMonths bounds a calendar: two contracts of the longest term, one after the other.
const maxMonths = 120

func licenseHistory(book Evidence) endpoint {
	return list(func(ctx context.Context, q request[none]) ([]licensing.HistoryEntry, error) {
		return book.History(ctx, q.PathValue("number"))
	})
}

func showReceipt(book Evidence) endpoint {
	return answer(func(ctx context.Context, q request[none]) (licensing.Evidence, error) {
		return book.Receipt(ctx, q.PathValue("number"))
	})
}

func previewCutOff(book Previews) endpoint {
	return answer(func(ctx context.Context, q request[none]) (licensing.CutOffPreview, error) {
		location := q.PathValue("location")
		if location == "" {
			location = q.URL.Query().Get("location")
		}
		return book.CutOffNow(ctx, q.PathValue("number"), location)
	})
}

func showCalendar(book Previews) endpoint {
	return list(func(ctx context.Context, q request[none]) ([]licensing.CalendarEntry, error) {
		months := licensing.CalendarMonths
		if text := q.URL.Query().Get("months"); text != "" {
			n, err := strconv.Atoi(text)
			if err != nil || n < 1 || n > maxMonths {
				return nil, licensing.Errorf(licensing.CodeInvalid, "a calendar of %.20q months is not possible", text).
					WithHint("ask for 1 to %d months", maxMonths)
			}
			months = n
		}
		return book.Calendar(ctx, q.PathValue("number"), months)
	})
}

// auditQuery are the parameters of the audit log.
func auditQuery() []string { return []string{"since", "until", "subject", "actor", "action"} }

func listAudit(book Audit) endpoint {
	return stream(func(ctx context.Context, q request[none], each func(licensing.AuditEntry) error) error {
		query := q.URL.Query()
		f := licensing.AuditFilter{Subject: query.Get("subject"), Actor: query.Get("actor"), Action: query.Get("action")}
		for name, into := range map[string]*time.Time{"since": &f.Since, "until": &f.Until} {
			text := query.Get(name)
			if text == "" {
				continue
			}
			at, err := time.Parse(time.RFC3339, text)
			if err != nil {
				return licensing.Errorf(licensing.CodeInvalid, "%s: %.40q is not a time", name, text).WithHint("write 2027-01-31T12:00:00Z")
			}
			*into = at
		}
		return book.AuditEntries(ctx, f, each)
	})
}

// History tells the life of a license, oldest first.
func (c *Client) History(ctx context.Context, number string) ([]licensing.HistoryEntry, error) {
	return getAll[licensing.HistoryEntry](ctx, c, path("licenses", number, "history"))
}

// Receipt is the start receipt of a license with what proves it.
func (c *Client) Receipt(ctx context.Context, number string) (licensing.Evidence, error) {
	return get[licensing.Evidence](ctx, c, path("licenses", number, "receipt"))
}

// CutOffNow lists whom it would cut off if a license ended now, at all its Locations or
// at one; without a number, the license that governs there.
func (c *Client) CutOffNow(ctx context.Context, number, location string) (licensing.CutOffPreview, error) {
	if number == "" {
		return get[licensing.CutOffPreview](ctx, c, path("locations", location, "cutoff"))
	}
	query := url.Values{}
	if location != "" {
		query.Set("location", location)
	}
	return get[licensing.CutOffPreview](ctx, c, withQuery(path("licenses", number, "cutoff"), query))
}

// Calendar is what will happen by itself in the next months, of all licenses or of one.
func (c *Client) Calendar(ctx context.Context, number string, months int) ([]licensing.CalendarEntry, error) {
	where := path("calendar")
	if number != "" {
		where = path("licenses", number, "calendar")
	}
	return getAll[licensing.CalendarEntry](ctx, c, withQuery(where, url.Values{"months": {fmt.Sprint(months)}}))
}

// AuditEntries hands out the log's entries that the filter lets through, oldest first.
func (c *Client) AuditEntries(ctx context.Context, f licensing.AuditFilter, each func(licensing.AuditEntry) error) error {
	query := url.Values{}
	for name, value := range map[string]string{"subject": f.Subject, "actor": f.Actor, "action": f.Action} {
		if value != "" {
			query.Set(name, value)
		}
	}
	for name, at := range map[string]time.Time{"since": f.Since, "until": f.Until} {
		if !at.IsZero() {
			query.Set(name, at.UTC().Format(time.RFC3339Nano))
		}
	}
	return getEach(ctx, c, withQuery(path("audit"), query), each)
}
