package admin

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// Tickets keeps batches of tickets, each named by its code in any spelling.
type Tickets interface {
	CreateTickets(ctx context.Context, ch licensing.Change, location string, o macwatch.TicketOrder) (macwatch.NewTickets, error)
	Tickets(ctx context.Context, location string, batch int64, each func(macwatch.PassInfo) error) error
	Ticket(ctx context.Context, location, code string) (macwatch.PassInfo, error)
	RevokeTicket(ctx context.Context, ch licensing.Change, location, code string) error
	TicketBatches(ctx context.Context, location string) ([]macwatch.TicketBatch, error)
	RevokeBatch(ctx context.Context, ch licensing.Change, location string, batch int64) error
}

type ticketBody struct {
	Count     int       `json:"count"`
	ValidFor  int64     `json:"valid_for,omitempty"` // seconds from the first use
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	Devices   int       `json:"devices,omitempty"`        // per ticket; default 1
	Down      int       `json:"bandwidth_down,omitempty"` // bit/s
	Up        int       `json:"bandwidth_up,omitempty"`   // bit/s
	Prefix    string    `json:"prefix,omitempty"`
	Length    int       `json:"code_length,omitempty"`
	Note      string    `json:"note,omitempty"`
}

// seconds is a span from the wire. One that is too large stays too large.
func seconds(n int64) time.Duration {
	const most = int64(1<<63-1) / int64(time.Second)
	return time.Duration(max(min(n, most), -most)) * time.Second
}

func createTickets(book Tickets) endpoint {
	return answer(func(ctx context.Context, q request[ticketBody]) (macwatch.NewTickets, error) {
		b := q.Body
		if b.Devices == 0 {
			b.Devices = 1
		}
		return book.CreateTickets(ctx, q.Change, q.PathValue("location"), macwatch.TicketOrder{
			Count: b.Count, ValidFor: seconds(b.ValidFor), ExpiresAt: b.ExpiresAt, Devices: b.Devices,
			Down: b.Down, Up: b.Up, Prefix: b.Prefix, Length: b.Length, Note: b.Note,
		})
	})
}

func listTickets(book Tickets) endpoint {
	return stream(func(ctx context.Context, q request[none], each func(macwatch.PassInfo) error) error {
		var batch int64
		if text := q.URL.Query().Get("batch"); text != "" {
			var err error
			if batch, err = batchNumber(text); err != nil {
				return err
			}
		}
		return book.Tickets(ctx, q.PathValue("location"), batch, each)
	})
}

func batchNumber(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 {
		return 0, licensing.Errorf(licensing.CodeInvalid, "%.20q is not the number of a batch", text).WithHint("`tallygate ticket batch list` shows them")
	}
	return n, nil
}

func showTicket(book Tickets) endpoint {
	return answer(func(ctx context.Context, q request[none]) (macwatch.PassInfo, error) {
		return book.Ticket(ctx, q.PathValue("location"), q.PathValue("code"))
	})
}

func revokeTicket(book Tickets) endpoint {
	return answer(func(ctx context.Context, q request[none]) (none, error) {
		return none{}, book.RevokeTicket(ctx, q.Change, q.PathValue("location"), q.PathValue("code"))
	})
}

func listBatches(book Tickets) endpoint {
	return list(func(ctx context.Context, q request[none]) ([]macwatch.TicketBatch, error) {
		return book.TicketBatches(ctx, q.PathValue("location"))
	})
}

func revokeBatch(book Tickets) endpoint {
	return answer(func(ctx context.Context, q request[none]) (none, error) {
		n, err := batchNumber(q.PathValue("batch"))
		if err != nil {
			return none{}, err
		}
		return none{}, book.RevokeBatch(ctx, q.Change, q.PathValue("location"), n)
	})
}

// CreateTickets makes a batch.
func (c *Client) CreateTickets(ctx context.Context, ch licensing.Change, location string, o macwatch.TicketOrder) (macwatch.NewTickets, error) {
	return call[macwatch.NewTickets](ctx, c, http.MethodPost, path("locations", location, "tickets"), ch, ticketBody{
		Count: o.Count, ValidFor: int64(o.ValidFor / time.Second), ExpiresAt: o.ExpiresAt, Devices: o.Devices,
		Down: o.Down, Up: o.Up, Prefix: o.Prefix, Length: o.Length, Note: o.Note,
	})
}

// Tickets lists tickets, oldest first: of one batch, or of all (0).
func (c *Client) Tickets(ctx context.Context, location string, batch int64, each func(macwatch.PassInfo) error) error {
	query := url.Values{}
	if batch != 0 {
		query.Set("batch", strconv.FormatInt(batch, 10))
	}
	return getEach(ctx, c, withQuery(path("locations", location, "tickets"), query), each)
}

// Ticket finds one by its code.
func (c *Client) Ticket(ctx context.Context, location, code string) (macwatch.PassInfo, error) {
	return get[macwatch.PassInfo](ctx, c, path("locations", location, "tickets", code))
}

// RevokeTicket makes one worthless.
func (c *Client) RevokeTicket(ctx context.Context, ch licensing.Change, location, code string) error {
	return change(ctx, c, http.MethodDelete, path("locations", location, "tickets", code), ch, nil)
}

// TicketBatches lists batches, oldest first.
func (c *Client) TicketBatches(ctx context.Context, location string) ([]macwatch.TicketBatch, error) {
	return getAll[macwatch.TicketBatch](ctx, c, path("locations", location, "ticket-batches"))
}

// RevokeBatch makes all tickets of a batch worthless.
func (c *Client) RevokeBatch(ctx context.Context, ch licensing.Change, location string, batch int64) error {
	return change(ctx, c, http.MethodDelete, path("locations", location, "ticket-batches", strconv.FormatInt(batch, 10)), ch, nil)
}
