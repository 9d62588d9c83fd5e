package admin

import (
	"context"
	"net/http"
	"net/netip"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// Clients keeps the configured RADIUS peers, named by their name.
type Clients interface {
	AddClient(context.Context, licensing.Change, macwatch.Client) (macwatch.Client, error)
	Clients(context.Context) ([]macwatch.Client, error)
	Client(ctx context.Context, name string) (macwatch.Client, error)
	SetClient(ctx context.Context, ch licensing.Change, name string, patch macwatch.ClientPatch) (macwatch.Client, error)
	RemoveClient(ctx context.Context, ch licensing.Change, name string) error
}

// clientBody is separate from macwatch.Client because the secret goes in and never out.
type clientBody struct {
	Name   string       `json:"name"`
	Prefix netip.Prefix `json:"address"`
	Secret string       `json:"secret"`
	// DisconnectSecret signs Disconnect-Requests; empty: Secret.
	DisconnectSecret string             `json:"disconnect_secret,omitempty"`
	Location         string             `json:"location"`
	RequireMA        macwatch.RequireMA `json:"require_message_authenticator,omitempty"` // default yes
	macwatch.ClientSettings
}

func addClient(book Clients) endpoint {
	return answer(func(ctx context.Context, q request[clientBody]) (macwatch.Client, error) {
		b := q.Body
		if b.RequireMA == "" {
			b.RequireMA = macwatch.RequireYes
		}
		return book.AddClient(ctx, q.Change, macwatch.Client{
			Name: b.Name, Prefix: b.Prefix, Secret: b.Secret, Location: b.Location, RequireMA: b.RequireMA, ClientSettings: b.ClientSettings,
			DisconnectSecret: b.DisconnectSecret,
		})
	})
}

func listClients(book Clients) endpoint {
	return list(func(ctx context.Context, _ request[none]) ([]macwatch.Client, error) {
		return book.Clients(ctx)
	})
}

func showClient(book Clients) endpoint {
	return answer(func(ctx context.Context, q request[none]) (macwatch.Client, error) {
		return book.Client(ctx, q.PathValue("name"))
	})
}

func setClient(book Clients) endpoint {
	return answer(func(ctx context.Context, q request[macwatch.ClientPatch]) (macwatch.Client, error) {
		return book.SetClient(ctx, q.Change, q.PathValue("name"), q.Body)
	})
}

func removeClient(book Clients) endpoint {
	return answer(func(ctx context.Context, q request[none]) (none, error) {
		return none{}, book.RemoveClient(ctx, q.Change, q.PathValue("name"))
	})
}

// AddClient adds one; prefixes must not overlap.
func (c *Client) AddClient(ctx context.Context, ch licensing.Change, p macwatch.Client) (macwatch.Client, error) {
	return call[macwatch.Client](ctx, c, http.MethodPost, path("clients"), ch, clientBody{
		Name: p.Name, Prefix: p.Prefix, Secret: p.Secret, Location: p.Location, RequireMA: p.RequireMA, ClientSettings: p.ClientSettings,
		DisconnectSecret: p.DisconnectSecret,
	})
}

// Clients lists all, oldest first, without their secrets.
func (c *Client) Clients(ctx context.Context) ([]macwatch.Client, error) {
	return getAll[macwatch.Client](ctx, c, path("clients"))
}

// Client finds one by its name, without its secret.
func (c *Client) Client(ctx context.Context, name string) (macwatch.Client, error) {
	return get[macwatch.Client](ctx, c, path("clients", name))
}

// SetClient changes what the patch says of a client, and nothing else.
func (c *Client) SetClient(ctx context.Context, ch licensing.Change, name string, patch macwatch.ClientPatch) (macwatch.Client, error) {
	return call[macwatch.Client](ctx, c, http.MethodPatch, path("clients", name), ch, patch)
}

// RemoveClient removes one; its packets are dropped from then on.
func (c *Client) RemoveClient(ctx context.Context, ch licensing.Change, name string) error {
	return change(ctx, c, http.MethodDelete, path("clients", name), ch, nil)
}
