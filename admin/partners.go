package admin

import (
	"context"
	"net/http"

	"tallygate/licensing"
)

// Partners keeps the partners that licenses belong to, named by id or name, and hands
// licenses from one to the other when both agree.
type Partners interface {
	AddPartner(context.Context, licensing.Change, licensing.Partner) (licensing.Partner, error)
	Partners(context.Context) ([]licensing.Partner, error)
	Partner(ctx context.Context, name string) (licensing.PartnerDetail, error)
	RemovePartner(ctx context.Context, ch licensing.Change, name string) error
	Transfers(context.Context) ([]licensing.TransferRequest, error)
	Consent(context.Context, licensing.Change, licensing.Consent) (licensing.TransferRequest, error)
}

// partnerBody is separate from licensing.Partner because the secret goes in and never out.
type partnerBody struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Secret string `json:"secret"`
}

func addPartner(book Partners) endpoint {
	return answer(func(ctx context.Context, q request[partnerBody]) (licensing.Partner, error) {
		b := q.Body
		return book.AddPartner(ctx, q.Change, licensing.Partner{ID: b.ID, Name: b.Name, Secret: b.Secret})
	})
}

func listPartners(book Partners) endpoint {
	return list(func(ctx context.Context, _ request[none]) ([]licensing.Partner, error) {
		return book.Partners(ctx)
	})
}

func showPartner(book Partners) endpoint {
	return answer(func(ctx context.Context, q request[none]) (licensing.PartnerDetail, error) {
		return book.Partner(ctx, q.PathValue("partner"))
	})
}

func removePartner(book Partners) endpoint {
	return answer(func(ctx context.Context, q request[none]) (none, error) {
		return none{}, book.RemovePartner(ctx, q.Change, q.PathValue("partner"))
	})
}

func listTransfers(book Partners) endpoint {
	return list(func(ctx context.Context, _ request[none]) ([]licensing.TransferRequest, error) {
		return book.Transfers(ctx)
	})
}

func consent(book Partners) endpoint {
	return answer(func(ctx context.Context, q request[licensing.Consent]) (licensing.TransferRequest, error) {
		return book.Consent(ctx, q.Change, q.Body)
	})
}

// AddPartner adds one; its id and name must not be another's.
func (c *Client) AddPartner(ctx context.Context, ch licensing.Change, p licensing.Partner) (licensing.Partner, error) {
	return call[licensing.Partner](ctx, c, http.MethodPost, path("partners"), ch, partnerBody{ID: p.ID, Name: p.Name, Secret: p.Secret})
}

// Partners lists all, oldest first, without their secrets.
func (c *Client) Partners(ctx context.Context) ([]licensing.Partner, error) {
	return getAll[licensing.Partner](ctx, c, path("partners"))
}

// Partner finds one by id or name, with the licenses and transfers that are its own.
func (c *Client) Partner(ctx context.Context, name string) (licensing.PartnerDetail, error) {
	return get[licensing.PartnerDetail](ctx, c, path("partners", name))
}

// RemovePartner removes one that holds no license.
func (c *Client) RemovePartner(ctx context.Context, ch licensing.Change, name string) error {
	return change(ctx, c, http.MethodDelete, path("partners", name), ch, nil)
}

// Transfers lists every transfer between partners, oldest first, as it stands now.
func (c *Client) Transfers(ctx context.Context) ([]licensing.TransferRequest, error) {
	return getAll[licensing.TransferRequest](ctx, c, path("transfers"))
}

// Consent takes one partner's step of a transfer.
func (c *Client) Consent(ctx context.Context, ch licensing.Change, consent licensing.Consent) (licensing.TransferRequest, error) {
	return call[licensing.TransferRequest](ctx, c, http.MethodPost, path("transfers"), ch, consent)
}
