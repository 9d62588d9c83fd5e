package admin

import (
	"context"
	"time"
)

// Identity is who this gateway is.
type Identity interface {
	// GatewayKey is the public key that a grant can be bound to.
	GatewayKey() string
}

// Gateway is the answer of `gateway id`.
type Gateway struct {
	Key string `json:"key"`
	// LatestTimeSeen is the time that decides; a clock-reset order names it.
	LatestTimeSeen time.Time `json:"latest_time_seen"`
}

func showGateway(id Identity, now func() time.Time) endpoint {
	return answer(func(context.Context, request[none]) (Gateway, error) {
		return Gateway{Key: id.GatewayKey(), LatestTimeSeen: now().UTC()}, nil
	})
}

// Gateway asks who the gateway is.
func (c *Client) Gateway(ctx context.Context) (Gateway, error) {
	return get[Gateway](ctx, c, path("gateway"))
}
