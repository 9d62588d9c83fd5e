package admin

import (
	"context"
	"net/http"
	"time"

	"tallygate/licensing"
)

// Tokens keeps the access tokens, named by their names.
type Tokens interface {
	AddToken(context.Context, licensing.Change, licensing.AccessToken) (licensing.NewAccessToken, error)
	Tokens(context.Context) ([]licensing.AccessToken, error)
	RevokeToken(ctx context.Context, ch licensing.Change, name string) error
	// Authenticate finds the token with this secret, good or not, in constant time.
	Authenticate(secret string) (licensing.AccessToken, bool)
}

type tokenBody struct {
	Name         string         `json:"name"`
	Role         licensing.Role `json:"role"`
	Organization string         `json:"organization,omitempty"` // its name or realm
	Location     string         `json:"location,omitempty"`
	ExpiresAt    time.Time      `json:"expires_at,omitzero"` // absent: never
}

func addToken(book Tokens) endpoint {
	return answer(func(ctx context.Context, q request[tokenBody]) (licensing.NewAccessToken, error) {
		b := q.Body
		return book.AddToken(ctx, q.Change, licensing.AccessToken{
			Name: b.Name, Role: b.Role, Organization: b.Organization, Location: b.Location, ExpiresAt: b.ExpiresAt,
		})
	})
}

func listTokens(book Tokens) endpoint {
	return list(func(ctx context.Context, _ request[none]) ([]licensing.AccessToken, error) {
		return book.Tokens(ctx)
	})
}

func revokeToken(book Tokens) endpoint {
	return answer(func(ctx context.Context, q request[none]) (none, error) {
		return none{}, book.RevokeToken(ctx, q.Change, q.PathValue("name"))
	})
}

// AddToken adds one; its secret is in the answer, this once.
func (c *Client) AddToken(ctx context.Context, ch licensing.Change, t licensing.AccessToken) (licensing.NewAccessToken, error) {
	return call[licensing.NewAccessToken](ctx, c, http.MethodPost, path("tokens"), ch, tokenBody{
		Name: t.Name, Role: t.Role, Organization: t.Organization, Location: t.Location, ExpiresAt: t.ExpiresAt,
	})
}

// Tokens lists all, oldest first, the revoked ones too.
func (c *Client) Tokens(ctx context.Context) ([]licensing.AccessToken, error) {
	return getAll[licensing.AccessToken](ctx, c, path("tokens"))
}

// RevokeToken ends one at once.
func (c *Client) RevokeToken(ctx context.Context, ch licensing.Change, name string) error {
	return change(ctx, c, http.MethodDelete, path("tokens", name), ch, nil)
}
