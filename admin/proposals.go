package admin

import (
	"context"
	"net/http"

	"tallygate/licensing"
)

// Proposals takes an operator's word on a proposed start.
type Proposals interface {
	ConfirmStart(ctx context.Context, ch licensing.Change, number string) (licensing.Summary, error)
	DeclineStart(ctx context.Context, ch licensing.Change, number, reason string) (licensing.Summary, error)
}

type declineBody struct {
	Reason string `json:"reason"`
}

func confirmStart(book Proposals) endpoint {
	return answer(func(ctx context.Context, q request[none]) (licensing.Summary, error) {
		return book.ConfirmStart(ctx, q.Change, q.PathValue("number"))
	})
}

func declineStart(book Proposals) endpoint {
	return answer(func(ctx context.Context, q request[declineBody]) (licensing.Summary, error) {
		return book.DeclineStart(ctx, q.Change, q.PathValue("number"), q.Body.Reason)
	})
}

// ConfirmStart starts a license whose start is proposed.
func (c *Client) ConfirmStart(ctx context.Context, ch licensing.Change, number string) (licensing.Summary, error) {
	return call[licensing.Summary](ctx, c, http.MethodPost, path("licenses", number, "proposed-start", "confirmation"), ch, nil)
}

// DeclineStart lets the count begin anew, once.
func (c *Client) DeclineStart(ctx context.Context, ch licensing.Change, number, reason string) (licensing.Summary, error) {
	return call[licensing.Summary](ctx, c, http.MethodPost, path("licenses", number, "proposed-start", "refusal"), ch, declineBody{reason})
}
