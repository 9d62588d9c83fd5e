package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"sync"

	"tallygate/licensing"
)

// Locations keeps venues, named by their id such as 28N2S004.
type Locations interface {
	AddLocation(context.Context, licensing.Change, licensing.Location) (licensing.Location, error)
	Locations(context.Context) ([]licensing.Location, error)
	Location(ctx context.Context, id string) (licensing.Location, error)
	SetLocation(ctx context.Context, ch licensing.Change, id string, s licensing.Settings) (licensing.Location, error)
}

type locationBody struct {
	Code         string             `json:"id,omitempty"` // empty: the next free one
	Name         string             `json:"name"`
	Organization string             `json:"organization,omitempty"` // this or the realm
	Realm        string             `json:"realm,omitempty"`
	Sector       string             `json:"sector,omitempty"`
	Settings     licensing.Settings `json:"settings"`
}

func addLocation(book Locations) endpoint {
	return answer(func(ctx context.Context, q request[locationBody]) (licensing.Location, error) {
		b := q.Body
		return book.AddLocation(ctx, q.Change, licensing.Location{
			Code: b.Code, Name: b.Name, Organization: b.Organization, Realm: b.Realm, Sector: b.Sector,
			Settings: withDefaults(b.Settings),
		})
	})
}

// withDefaults fills in what a new Location leaves unsaid.
func withDefaults(s licensing.Settings) licensing.Settings {
	if s.Guests == "" {
		s.Guests = licensing.GuestsOpen
	}
	if s.Count == "" {
		s.Count = licensing.CountAccounting
	}
	if s.APs == "" {
		s.APs = licensing.APsFirstCome
	}
	if s.Reply == (licensing.Reply{}) {
		s.Reply = licensing.DefaultReply()
	}
	return s
}

func listLocations(book Locations) endpoint {
	return list(func(ctx context.Context, _ request[none]) ([]licensing.Location, error) {
		all, err := book.Locations(ctx)
		if t, scoped := tokenOf(ctx); scoped {
			all = keep(all, func(l licensing.Location) bool { return t.CoversLocation(l.Code, l.Realm) })
		}
		return all, err
	})
}

func showLocation(book Locations) endpoint {
	return answer(func(ctx context.Context, q request[none]) (licensing.Location, error) {
		return book.Location(ctx, q.PathValue("location"))
	})
}

// setLocation changes the settings that the body names and no others (a merge patch,
// RFC 7396; a map entry goes with an empty text). Read and write are under a lock:
// two that change different settings at once must both succeed.
func setLocation(book Locations) endpoint {
	var patching sync.Mutex
	return answer(func(ctx context.Context, q request[json.RawMessage]) (licensing.Location, error) {
		patching.Lock()
		defer patching.Unlock()
		l, err := book.Location(ctx, q.PathValue("location"))
		if err != nil {
			return l, err
		}
		s := l.Settings
		// Decoding adds to maps in place; these may be the store's own.
		s.Modules, s.Room.Map = maps.Clone(s.Modules), maps.Clone(s.Room.Map)
		if err := decodeStrictly(bytes.NewReader(q.Body), &s); err != nil {
			return l, err
		}
		gone := func(_, value string) bool { return value == "" }
		maps.DeleteFunc(s.Modules, gone)
		maps.DeleteFunc(s.Room.Map, gone)
		return book.SetLocation(ctx, q.Change, l.Code, s)
	})
}

// AddLocation adds one under its Organization, which the name or the realm says.
func (c *Client) AddLocation(ctx context.Context, ch licensing.Change, l licensing.Location) (licensing.Location, error) {
	return call[licensing.Location](ctx, c, http.MethodPost, path("locations"), ch, locationBody{
		Code: l.Code, Name: l.Name, Organization: l.Organization, Realm: l.Realm, Sector: l.Sector, Settings: l.Settings,
	})
}

// Locations lists all, oldest first.
func (c *Client) Locations(ctx context.Context) ([]licensing.Location, error) {
	return getAll[licensing.Location](ctx, c, path("locations"))
}

// Location finds one by its id.
func (c *Client) Location(ctx context.Context, id string) (licensing.Location, error) {
	return get[licensing.Location](ctx, c, path("locations", id))
}

// PatchLocation changes the settings that are in patch, under their JSON names.
func (c *Client) PatchLocation(ctx context.Context, ch licensing.Change, id string, patch any) (licensing.Location, error) {
	return call[licensing.Location](ctx, c, http.MethodPatch, path("locations", id, "settings"), ch, patch)
}
