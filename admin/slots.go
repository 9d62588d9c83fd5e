package admin

import (
	"context"
	"net/http"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// Slots keeps the APs and rooms of a Location, which are one thing with two kinds.
type Slots interface {
	Slots(ctx context.Context, location string, kind macwatch.Kind) ([]macwatch.Slot, error)
	DeclareSlot(ctx context.Context, ch licensing.Change, location string, kind macwatch.Kind, name string, aliases []string) (macwatch.Slot, error)
	MergeSlots(ctx context.Context, ch licensing.Change, location string, kind macwatch.Kind, into, from string) (macwatch.Slot, error)
	ReplaceSlot(ctx context.Context, ch licensing.Change, location string, kind macwatch.Kind, old, new string) (macwatch.Slot, error)
	ReleaseSlot(ctx context.Context, ch licensing.Change, location string, kind macwatch.Kind, name string) (macwatch.Slot, error)
}

func listSlots(book Slots, kind macwatch.Kind) endpoint {
	return list(func(ctx context.Context, q request[none]) ([]macwatch.Slot, error) {
		return book.Slots(ctx, q.PathValue("location"), kind)
	})
}

type slotBody struct {
	Name    string   `json:"id"`
	Aliases []string `json:"aliases,omitempty"`
}

func declareSlot(book Slots, kind macwatch.Kind) endpoint {
	return answer(func(ctx context.Context, q request[slotBody]) (macwatch.Slot, error) {
		return book.DeclareSlot(ctx, q.Change, q.PathValue("location"), kind, q.Body.Name, q.Body.Aliases)
	})
}

type mergeBody struct {
	Into string `json:"into"`
	From string `json:"from"`
}

func mergeSlots(book Slots, kind macwatch.Kind) endpoint {
	return answer(func(ctx context.Context, q request[mergeBody]) (macwatch.Slot, error) {
		return book.MergeSlots(ctx, q.Change, q.PathValue("location"), kind, q.Body.Into, q.Body.From)
	})
}

type replaceBody struct {
	Old string `json:"old"`
	New string `json:"new"`
}

func replaceSlot(book Slots, kind macwatch.Kind) endpoint {
	return answer(func(ctx context.Context, q request[replaceBody]) (macwatch.Slot, error) {
		return book.ReplaceSlot(ctx, q.Change, q.PathValue("location"), kind, q.Body.Old, q.Body.New)
	})
}

type releaseBody struct {
	Name string `json:"id"`
}

func releaseSlot(book Slots, kind macwatch.Kind) endpoint {
	return answer(func(ctx context.Context, q request[releaseBody]) (macwatch.Slot, error) {
		return book.ReleaseSlot(ctx, q.Change, q.PathValue("location"), kind, q.Body.Name)
	})
}

// slotsPath is where the slots of a kind are: …/aps or …/rooms. Names stand in bodies,
// not in the path, because an AP may be called anything.
func slotsPath(location string, kind macwatch.Kind, action ...string) string {
	return path(append([]string{"locations", location, string(kind) + "s"}, action...)...)
}

// Slots lists APs or rooms in the order of their claims.
func (c *Client) Slots(ctx context.Context, location string, kind macwatch.Kind) ([]macwatch.Slot, error) {
	return getAll[macwatch.Slot](ctx, c, slotsPath(location, kind))
}

// DeclareSlot claims a slot in advance.
func (c *Client) DeclareSlot(ctx context.Context, ch licensing.Change, location string, kind macwatch.Kind, name string, aliases []string) (macwatch.Slot, error) {
	return call[macwatch.Slot](ctx, c, http.MethodPost, slotsPath(location, kind), ch, slotBody{Name: name, Aliases: aliases})
}

// MergeSlots makes from an alias of into, which keeps its slot.
func (c *Client) MergeSlots(ctx context.Context, ch licensing.Change, location string, kind macwatch.Kind, into, from string) (macwatch.Slot, error) {
	return call[macwatch.Slot](ctx, c, http.MethodPost, slotsPath(location, kind, "merge"), ch, mergeBody{Into: into, From: from})
}

// ReplaceSlot gives the slot of old hardware to new.
func (c *Client) ReplaceSlot(ctx context.Context, ch licensing.Change, location string, kind macwatch.Kind, old, new string) (macwatch.Slot, error) {
	return call[macwatch.Slot](ctx, c, http.MethodPost, slotsPath(location, kind, "replace"), ch, replaceBody{Old: old, New: new})
}

// ReleaseSlot gives a slot up; it is free for another after macwatch.ReleaseDelay.
func (c *Client) ReleaseSlot(ctx context.Context, ch licensing.Change, location string, kind macwatch.Kind, name string) (macwatch.Slot, error) {
	return call[macwatch.Slot](ctx, c, http.MethodPost, slotsPath(location, kind, "release"), ch, releaseBody{Name: name})
}
