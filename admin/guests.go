package admin

import (
	"context"
	"net/http"
	"time"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// Guests keeps the credentials of a Location under `guests: local`: accounts with a
// password, and MAC inputs, which let one device in without.
type Guests interface {
	AddAccount(ctx context.Context, ch licensing.Change, location string, a macwatch.Account) error
	Accounts(ctx context.Context, location string) ([]macwatch.Account, error)
	RemoveAccount(ctx context.Context, ch licensing.Change, location, userName string) error
	AddMACInput(ctx context.Context, ch licensing.Change, location string, m macwatch.MACInput) error
	MACInputs(ctx context.Context, location string) ([]macwatch.MACInput, error)
	RemoveMACInput(ctx context.Context, ch licensing.Change, location string, mac macwatch.MAC) error
}

// accountBody is separate from macwatch.Account because the password goes in and never out.
type accountBody struct {
	UserName  string    `json:"user_name"`
	Password  string    `json:"password"`
	ExpiresAt time.Time `json:"expires_at,omitzero"` // absent: never
	Sessions  int       `json:"sessions,omitempty"`  // devices online at once; 0: as the Location says
	Note      string    `json:"note,omitempty"`
}

func addAccount(book Guests) endpoint {
	return answer(func(ctx context.Context, q request[accountBody]) (none, error) {
		b := q.Body
		return none{}, book.AddAccount(ctx, q.Change, q.PathValue("location"),
			macwatch.Account{UserName: b.UserName, Password: b.Password, ExpiresAt: b.ExpiresAt, Sessions: b.Sessions, Note: b.Note})
	})
}

func listAccounts(book Guests) endpoint {
	return list(func(ctx context.Context, q request[none]) ([]macwatch.Account, error) {
		return book.Accounts(ctx, q.PathValue("location"))
	})
}

func removeAccount(book Guests) endpoint {
	return answer(func(ctx context.Context, q request[none]) (none, error) {
		return none{}, book.RemoveAccount(ctx, q.Change, q.PathValue("location"), q.PathValue("user"))
	})
}

type macInputBody struct {
	MAC       macwatch.MAC `json:"mac"`
	ExpiresAt time.Time    `json:"expires_at,omitzero"` // absent: never
	Note      string       `json:"note,omitempty"`
}

func addMACInput(book Guests) endpoint {
	return answer(func(ctx context.Context, q request[macInputBody]) (none, error) {
		b := q.Body
		return none{}, book.AddMACInput(ctx, q.Change, q.PathValue("location"),
			macwatch.MACInput{MAC: b.MAC, ExpiresAt: b.ExpiresAt, Note: b.Note})
	})
}

func listMACInputs(book Guests) endpoint {
	return list(func(ctx context.Context, q request[none]) ([]macwatch.MACInput, error) {
		return book.MACInputs(ctx, q.PathValue("location"))
	})
}

func removeMACInput(book Guests) endpoint {
	return answer(func(ctx context.Context, q request[none]) (none, error) {
		mac, err := pathMAC(q.Request)
		if err != nil {
			return none{}, err
		}
		return none{}, book.RemoveMACInput(ctx, q.Change, q.PathValue("location"), mac)
	})
}

// AddAccount adds a guest account.
func (c *Client) AddAccount(ctx context.Context, ch licensing.Change, location string, a macwatch.Account) error {
	return change(ctx, c, http.MethodPost, path("locations", location, "guests"), ch,
		accountBody{UserName: a.UserName, Password: a.Password, ExpiresAt: a.ExpiresAt, Sessions: a.Sessions, Note: a.Note})
}

// Accounts lists guest accounts, oldest first, without their passwords.
func (c *Client) Accounts(ctx context.Context, location string) ([]macwatch.Account, error) {
	return getAll[macwatch.Account](ctx, c, path("locations", location, "guests"))
}

// RemoveAccount removes a guest account.
func (c *Client) RemoveAccount(ctx context.Context, ch licensing.Change, location, userName string) error {
	return change(ctx, c, http.MethodDelete, path("locations", location, "guests", userName), ch, nil)
}

// AddMACInput lets a device in without a password.
func (c *Client) AddMACInput(ctx context.Context, ch licensing.Change, location string, m macwatch.MACInput) error {
	return change(ctx, c, http.MethodPost, path("locations", location, "mac-inputs"), ch,
		macInputBody{MAC: m.MAC, ExpiresAt: m.ExpiresAt, Note: m.Note})
}

// MACInputs lists MAC inputs, oldest first.
func (c *Client) MACInputs(ctx context.Context, location string) ([]macwatch.MACInput, error) {
	return getAll[macwatch.MACInput](ctx, c, path("locations", location, "mac-inputs"))
}

// RemoveMACInput removes a MAC input.
func (c *Client) RemoveMACInput(ctx context.Context, ch licensing.Change, location string, mac macwatch.MAC) error {
	return change(ctx, c, http.MethodDelete, path("locations", location, "mac-inputs", mac.String()), ch, nil)
}
