package admin

import (
	"context"
	"net/http"

	"tallygate/licensing"
)

// Recipients keeps who is told of what, named by their names.
type Recipients interface {
	AddRecipient(context.Context, licensing.Change, licensing.Recipient) (licensing.NewRecipient, error)
	Recipients(context.Context) ([]licensing.Recipient, error)
	RemoveRecipient(ctx context.Context, ch licensing.Change, name string) error
	RotateRecipient(ctx context.Context, ch licensing.Change, name string) (licensing.NewRecipient, error)
	// TestRecipient begins an attempt that whoever asked makes.
	TestRecipient(ctx context.Context, ch licensing.Change, name string) (licensing.Delivery, error)
}

// Courier writes and sends notices.
type Courier interface {
	// Preview is a notice of this kind in a language, about the license or, where about
	// is nil, about an invented one.
	Preview(kind string, language licensing.Language, license string, about *licensing.EventContext) (licensing.Message, error)
	// Deliver makes an attempt that was begun, and notes how it ended.
	Deliver(context.Context, licensing.Delivery) (licensing.Outcome, error)
}

// recipientBody is separate from licensing.Recipient because the secret goes in and,
// but for the first time, never out.
type recipientBody struct {
	Name         string             `json:"name"`
	Channel      licensing.Channel  `json:"channel"`
	Address      string             `json:"address"`
	Language     licensing.Language `json:"language,omitempty"` // default en
	Organization string             `json:"organization,omitempty"`
	License      string             `json:"license,omitempty"`
	Kinds        []string           `json:"kinds,omitempty"`
	Secret       string             `json:"secret,omitempty"`
}

// TestedRecipient is how `notify test` went.
type TestedRecipient struct {
	ID        string                  `json:"id"` // of the delivery
	Recipient string                  `json:"recipient"`
	Channel   licensing.Channel       `json:"channel"`
	Address   string                  `json:"address"`
	Result    licensing.AttemptResult `json:"result"` // empty in a rehearsal
	Answer    string                  `json:"answer"`
}

func addRecipient(book Recipients) endpoint {
	return answer(func(ctx context.Context, q request[recipientBody]) (licensing.NewRecipient, error) {
		b := q.Body
		return book.AddRecipient(ctx, q.Change, licensing.Recipient{
			Name: b.Name, Channel: b.Channel, Address: b.Address, Language: b.Language,
			Organization: b.Organization, License: b.License, Kinds: b.Kinds, Secret: b.Secret,
		})
	})
}

func listRecipients(book Recipients) endpoint {
	return list(func(ctx context.Context, _ request[none]) ([]licensing.Recipient, error) {
		return book.Recipients(ctx)
	})
}

func removeRecipient(book Recipients) endpoint {
	return answer(func(ctx context.Context, q request[none]) (none, error) {
		return none{}, book.RemoveRecipient(ctx, q.Change, q.PathValue("name"))
	})
}

func rotateRecipient(book Recipients) endpoint {
	return answer(func(ctx context.Context, q request[none]) (licensing.NewRecipient, error) {
		return book.RotateRecipient(ctx, q.Change, q.PathValue("name"))
	})
}

func testRecipient(book Recipients, courier Courier) endpoint {
	return answer(func(ctx context.Context, q request[none]) (TestedRecipient, error) {
		d, err := book.TestRecipient(ctx, q.Change, q.PathValue("name"))
		if err != nil {
			return TestedRecipient{}, err
		}
		t := TestedRecipient{ID: d.ID, Recipient: d.Recipient.Name, Channel: d.Recipient.Channel, Address: d.Recipient.Address}
		if q.Change.DryRun {
			return t, nil
		}
		o, err := courier.Deliver(ctx, d)
		t.Result, t.Answer = o.Result, o.Answer
		return t, err
	})
}

// AddRecipient adds one; the secret of a webhook is in the answer, this once.
func (c *Client) AddRecipient(ctx context.Context, ch licensing.Change, r licensing.Recipient) (licensing.NewRecipient, error) {
	return call[licensing.NewRecipient](ctx, c, http.MethodPost, path("recipients"), ch, recipientBody{
		Name: r.Name, Channel: r.Channel, Address: r.Address, Language: r.Language,
		Organization: r.Organization, License: r.License, Kinds: r.Kinds, Secret: r.Secret,
	})
}

// Recipients lists all, oldest first, without their secrets.
func (c *Client) Recipients(ctx context.Context) ([]licensing.Recipient, error) {
	return getAll[licensing.Recipient](ctx, c, path("recipients"))
}

// RemoveRecipient removes one; what waits for it is cancelled.
func (c *Client) RemoveRecipient(ctx context.Context, ch licensing.Change, name string) error {
	return change(ctx, c, http.MethodDelete, path("recipients", name), ch, nil)
}

// RotateRecipient draws a new secret for a webhook; the old one signs as well for
// licensing.SecretOverlap.
func (c *Client) RotateRecipient(ctx context.Context, ch licensing.Change, name string) (licensing.NewRecipient, error) {
	return call[licensing.NewRecipient](ctx, c, http.MethodPost, path("recipients", name, "secret"), ch, nil)
}

// TestRecipient sends a test and waits for how it goes; one that does not arrive is a
// result, not an error.
func (c *Client) TestRecipient(ctx context.Context, ch licensing.Change, name string) (TestedRecipient, error) {
	return call[TestedRecipient](ctx, c, http.MethodPost, path("recipients", name, "test"), ch, nil)
}
