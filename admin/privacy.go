package admin

import (
	"context"
	"net/http"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// Privacy tells what is stored of guests, hands it out, and erases it.
type Privacy interface {
	DataMap(ctx context.Context) (macwatch.DataMap, error)
	Held(ctx context.Context, ch licensing.Change, q macwatch.DeviceQuery) ([]macwatch.HeldDevice, error)
	Erase(ctx context.Context, ch licensing.Change, o macwatch.ErasureOrder) (macwatch.Erasure, error)
	Purge(ctx context.Context, ch licensing.Change, rewrite bool) (macwatch.Purge, error)
}

func showDataMap(book Privacy) endpoint {
	return answer(func(ctx context.Context, _ request[none]) (macwatch.DataMap, error) { return book.DataMap(ctx) })
}

// lookUp is no GET: it leaves an audit entry, and the address does not belong into a path.
func lookUp(book Privacy) endpoint {
	return answer(func(ctx context.Context, q request[macwatch.DeviceQuery]) ([]macwatch.HeldDevice, error) {
		return book.Held(ctx, q.Change, q.Body)
	})
}

func erase(book Privacy) endpoint {
	return answer(func(ctx context.Context, q request[macwatch.ErasureOrder]) (macwatch.Erasure, error) {
		return book.Erase(ctx, q.Change, q.Body)
	})
}

type purgeBody struct {
	Rewrite bool `json:"rewrite"`
}

func purge(book Privacy) endpoint {
	return answer(func(ctx context.Context, q request[purgeBody]) (macwatch.Purge, error) {
		return book.Purge(ctx, q.Change, q.Body.Rewrite)
	})
}

// DataMap tells what is stored of guests.
func (c *Client) DataMap(ctx context.Context) (macwatch.DataMap, error) {
	return get[macwatch.DataMap](ctx, c, path("privacy"))
}

// Held tells everything that is stored about a device.
func (c *Client) Held(ctx context.Context, ch licensing.Change, q macwatch.DeviceQuery) ([]macwatch.HeldDevice, error) {
	return call[[]macwatch.HeldDevice](ctx, c, http.MethodPost, path("privacy", "lookups"), ch, q)
}

// Erase erases a device.
func (c *Client) Erase(ctx context.Context, ch licensing.Change, o macwatch.ErasureOrder) (macwatch.Erasure, error) {
	return call[macwatch.Erasure](ctx, c, http.MethodPost, path("privacy", "erasures"), ch, o)
}

// Purge carries retention out now.
func (c *Client) Purge(ctx context.Context, ch licensing.Change, rewrite bool) (macwatch.Purge, error) {
	return call[macwatch.Purge](ctx, c, http.MethodPost, path("privacy", "purges"), ch, purgeBody{rewrite})
}
