package admin

import (
	"context"
	"net/http"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// Devices knows the guest devices of a Location, and its lists of exempt and blocked ones.
type Devices interface {
	// Devices hands over every device, by first sighting, until each returns an error.
	Devices(ctx context.Context, location string, each func(macwatch.DeviceInfo) error) error
	ListDevice(ctx context.Context, ch licensing.Change, location string, d macwatch.ListedDevice) error
	UnlistDevice(ctx context.Context, ch licensing.Change, location, kind string, mac macwatch.MAC) error
	ListedDevices(ctx context.Context, location string) ([]macwatch.ListedDevice, error)
}

func listDevices(book Devices) endpoint {
	return stream(func(ctx context.Context, q request[none], each func(macwatch.DeviceInfo) error) error {
		return book.Devices(ctx, q.PathValue("location"), each)
	})
}

func listListed(book Devices) endpoint {
	return list(func(ctx context.Context, q request[none]) ([]macwatch.ListedDevice, error) {
		return book.ListedDevices(ctx, q.PathValue("location"))
	})
}

type listedBody struct {
	MAC  macwatch.MAC `json:"mac"`
	Kind string       `json:"kind"` // exempt or blocked
	Note string       `json:"note,omitempty"`
}

func listDevice(book Devices) endpoint {
	return answer(func(ctx context.Context, q request[listedBody]) (none, error) {
		b := q.Body
		return none{}, book.ListDevice(ctx, q.Change, q.PathValue("location"),
			macwatch.ListedDevice{MAC: b.MAC, Kind: b.Kind, Note: b.Note})
	})
}

func unlistDevice(book Devices) endpoint {
	return answer(func(ctx context.Context, q request[none]) (none, error) {
		mac, err := pathMAC(q.Request)
		if err != nil {
			return none{}, err
		}
		return none{}, book.UnlistDevice(ctx, q.Change, q.PathValue("location"), q.PathValue("kind"), mac)
	})
}

func pathMAC(r *http.Request) (mac macwatch.MAC, err error) {
	if err := mac.UnmarshalText([]byte(r.PathValue("mac"))); err != nil {
		return 0, licensing.Errorf(licensing.CodeInvalid, "%w", err)
	}
	return mac, nil
}

// Devices reads the devices of a Location row by row.
func (c *Client) Devices(ctx context.Context, location string, each func(macwatch.DeviceInfo) error) error {
	return getEach(ctx, c, path("locations", location, "devices"), each)
}

// ListDevice puts a device on the exempt or the blocked list.
func (c *Client) ListDevice(ctx context.Context, ch licensing.Change, location string, d macwatch.ListedDevice) error {
	return change(ctx, c, http.MethodPost, path("locations", location, "listed-devices"), ch,
		listedBody{MAC: d.MAC, Kind: d.Kind, Note: d.Note})
}

// UnlistDevice takes a device off the exempt or the blocked list.
func (c *Client) UnlistDevice(ctx context.Context, ch licensing.Change, location, kind string, mac macwatch.MAC) error {
	return change(ctx, c, http.MethodDelete, path("locations", location, "listed-devices", kind, mac.String()), ch, nil)
}

// ListedDevices lists exempt and blocked devices, oldest entry first.
func (c *Client) ListedDevices(ctx context.Context, location string) ([]macwatch.ListedDevice, error) {
	return getAll[macwatch.ListedDevice](ctx, c, path("locations", location, "listed-devices"))
}
