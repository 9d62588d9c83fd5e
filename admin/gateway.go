package admin

import "context"

// Identity is who this gateway is.
type Identity interface {
	// GatewayKey is the public key that a grant can be bound to.
	GatewayKey() string
}

// Gateway is the answer of `gateway id`.
type Gateway struct {
	Key string `json:"key"`
}

func showGateway(id Identity) endpoint {
	return answer(func(context.Context, request[none]) (Gateway, error) {
		return Gateway{Key: id.GatewayKey()}, nil
	})
}

// Gateway asks who the gateway is.
func (c *Client) Gateway(ctx context.Context) (Gateway, error) {
	return get[Gateway](ctx, c, path("gateway"))
}
