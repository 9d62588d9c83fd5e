package admin

import (
	"context"
	"net/http"

	"tallygate/licensing"
)

// Releases lets licenses go to another gateway. What comes from one is entered as any
// signed text (Licenses.Activate).
type Releases interface {
	Release(ctx context.Context, ch licensing.Change, numbers []string, to string) (licensing.ReleasedLicenses, error)
}

type leavingBody struct {
	Licenses []string `json:"licenses"` // numbers
	All      bool     `json:"all"`      // instead of numbers: an empty list must not mean everything
	To       string   `json:"to"`       // gateway key
}

func release(book Releases) endpoint {
	return answer(func(ctx context.Context, q request[leavingBody]) (licensing.ReleasedLicenses, error) {
		if q.Body.All == (len(q.Body.Licenses) > 0) {
			return licensing.ReleasedLicenses{}, licensing.Errorf(licensing.CodeInvalid, "a release is of some licenses or of all").
				WithHint("name the licenses, or say all")
		}
		return book.Release(ctx, q.Change, q.Body.Licenses, q.Body.To)
	})
}

// Release lets licenses go to the gateway with this key: those with these numbers, or
// all. Asked again for the same gateway, it returns the same release.
func (c *Client) Release(ctx context.Context, ch licensing.Change, numbers []string, to string) (licensing.ReleasedLicenses, error) {
	return call[licensing.ReleasedLicenses](ctx, c, http.MethodPost, path("releases"), ch, leavingBody{Licenses: numbers, All: len(numbers) == 0, To: to})
}
