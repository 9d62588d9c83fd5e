package admin

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// Slots keeps the APs and rooms of a Location, which are one thing with two kinds.
type Slots interface {
	ListSlots(ctx context.Context, location string, kind macwatch.Kind, silentAfter time.Duration) ([]macwatch.Slot, error)
	DeclareSlot(ctx context.Context, ch licensing.Change, location string, kind macwatch.Kind, name string, aliases []string) (macwatch.Slot, error)
	MergeSlots(ctx context.Context, ch licensing.Change, location string, kind macwatch.Kind, into, from string) (macwatch.Slot, error)
	ReplaceSlot(ctx context.Context, ch licensing.Change, location string, kind macwatch.Kind, old, new string) (macwatch.Slot, error)
	ReleaseSlot(ctx context.Context, ch licensing.Change, location string, kind macwatch.Kind, name string) (macwatch.Slot, error)
	ForgetSlot(ctx context.Context, ch licensing.Change, location string, kind macwatch.Kind, name string) (macwatch.Slot, error)
	NoteSlot(ctx context.Context, ch licensing.Change, location string, kind macwatch.Kind, name, note string) (macwatch.Slot, error)
	AddAlias(ctx context.Context, ch licensing.Change, location string, kind macwatch.Kind, name, alias string) (macwatch.Slot, error)
	RemoveAlias(ctx context.Context, ch licensing.Change, location string, kind macwatch.Kind, name, alias string) (macwatch.Slot, error)
	ImportSlots(ctx context.Context, ch licensing.Change, location string, kind macwatch.Kind, sheet string, whole bool) (macwatch.ImportReport, error)
}

// slotRoutes is the API of one kind of slots.
func slotRoutes(book Slots, kind macwatch.Kind) []route {
	at := "/v1/locations/{location}/" + string(kind) + "s"
	return []route{
		{"GET " + at, []string{"silent_after"}, listSlots(book, kind)},
		{"POST " + at, nil, declareSlot(book, kind)},
		{"POST " + at + "/merge", nil, mergeSlots(book, kind)},
		{"POST " + at + "/replace", nil, replaceSlot(book, kind)},
		{"POST " + at + "/release", nil, nameSlot(book, kind, Slots.ReleaseSlot)},
		{"POST " + at + "/forget", nil, nameSlot(book, kind, Slots.ForgetSlot)},
		{"POST " + at + "/note", nil, noteSlot(book, kind)},
		{"POST " + at + "/alias", nil, aliasSlot(book, kind, Slots.AddAlias)},
		{"POST " + at + "/alias/remove", nil, aliasSlot(book, kind, Slots.RemoveAlias)},
		{"POST " + at + "/import", nil, importSlots(book, kind)},
	}
}

func listSlots(book Slots, kind macwatch.Kind) endpoint {
	return list(func(ctx context.Context, q request[none]) ([]macwatch.Slot, error) {
		silentAfter := macwatch.DefaultSilentAfter
		if text := q.URL.Query().Get("silent_after"); text != "" {
			var err error
			if silentAfter, err = time.ParseDuration(text); err != nil || silentAfter <= 0 {
				return nil, licensing.Errorf(licensing.CodeInvalid, "silent_after=%s is no time span", text).WithHint("for example 24h")
			}
		}
		return book.ListSlots(ctx, q.PathValue("location"), kind, silentAfter)
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

type nameBody struct {
	Name string `json:"id"`
}

// nameSlot is a change that needs no more than the name.
func nameSlot(book Slots, kind macwatch.Kind, do func(Slots, context.Context, licensing.Change, string, macwatch.Kind, string) (macwatch.Slot, error)) endpoint {
	return answer(func(ctx context.Context, q request[nameBody]) (macwatch.Slot, error) {
		return do(book, ctx, q.Change, q.PathValue("location"), kind, q.Body.Name)
	})
}

type noteBody struct {
	Name string `json:"id"`
	Note string `json:"note"`
}

func noteSlot(book Slots, kind macwatch.Kind) endpoint {
	return answer(func(ctx context.Context, q request[noteBody]) (macwatch.Slot, error) {
		return book.NoteSlot(ctx, q.Change, q.PathValue("location"), kind, q.Body.Name, q.Body.Note)
	})
}

type aliasBody struct {
	Name  string `json:"id"`
	Alias string `json:"alias"`
}

func aliasSlot(book Slots, kind macwatch.Kind, do func(Slots, context.Context, licensing.Change, string, macwatch.Kind, string, string) (macwatch.Slot, error)) endpoint {
	return answer(func(ctx context.Context, q request[aliasBody]) (macwatch.Slot, error) {
		return do(book, ctx, q.Change, q.PathValue("location"), kind, q.Body.Name, q.Body.Alias)
	})
}

// slotsPath is where the slots of a kind are: …/aps or …/rooms. Names stand in bodies,
// not in the path, because an AP may be called anything.
func slotsPath(location string, kind macwatch.Kind, action ...string) string {
	return path(append([]string{"locations", location, string(kind) + "s"}, action...)...)
}

// ListSlots lists APs or rooms in the order of their claims.
func (c *Client) ListSlots(ctx context.Context, location string, kind macwatch.Kind, silentAfter time.Duration) ([]macwatch.Slot, error) {
	return getAll[macwatch.Slot](ctx, c, withQuery(slotsPath(location, kind), url.Values{"silent_after": {silentAfter.String()}}))
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
	return call[macwatch.Slot](ctx, c, http.MethodPost, slotsPath(location, kind, "release"), ch, nameBody{Name: name})
}

// ForgetSlot forgets an AP or room that holds no slot.
func (c *Client) ForgetSlot(ctx context.Context, ch licensing.Change, location string, kind macwatch.Kind, name string) (macwatch.Slot, error) {
	return call[macwatch.Slot](ctx, c, http.MethodPost, slotsPath(location, kind, "forget"), ch, nameBody{Name: name})
}

// NoteSlot says what people call an AP or room; an empty note takes it away.
func (c *Client) NoteSlot(ctx context.Context, ch licensing.Change, location string, kind macwatch.Kind, name, note string) (macwatch.Slot, error) {
	return call[macwatch.Slot](ctx, c, http.MethodPost, slotsPath(location, kind, "note"), ch, noteBody{Name: name, Note: note})
}

// AddAlias says that a name is another one of a known AP or room.
func (c *Client) AddAlias(ctx context.Context, ch licensing.Change, location string, kind macwatch.Kind, name, alias string) (macwatch.Slot, error) {
	return call[macwatch.Slot](ctx, c, http.MethodPost, slotsPath(location, kind, "alias"), ch, aliasBody{Name: name, Alias: alias})
}

// RemoveAlias takes an alias away, declared or learned.
func (c *Client) RemoveAlias(ctx context.Context, ch licensing.Change, location string, kind macwatch.Kind, name, alias string) (macwatch.Slot, error) {
	return call[macwatch.Slot](ctx, c, http.MethodPost, slotsPath(location, kind, "alias", "remove"), ch, aliasBody{Name: name, Alias: alias})
}

// sheetBody is a list of APs or rooms in CSV.
type sheetBody struct {
	Sheet string `json:"sheet"`
	Whole bool   `json:"whole,omitempty"` // what it does not name is declared no more
}

// maxBody is a line for each of a hundred thousand rooms.
func (sheetBody) maxBody() int64 { return 16 << 20 }

func importSlots(book Slots, kind macwatch.Kind) endpoint {
	return answer(func(ctx context.Context, q request[sheetBody]) (macwatch.ImportReport, error) {
		return book.ImportSlots(ctx, q.Change, q.PathValue("location"), kind, q.Body.Sheet, q.Body.Whole)
	})
}

// ImportSlots makes the APs or rooms what a sheet says.
func (c *Client) ImportSlots(ctx context.Context, ch licensing.Change, location string, kind macwatch.Kind, sheet string, whole bool) (macwatch.ImportReport, error) {
	return call[macwatch.ImportReport](ctx, c, http.MethodPost, slotsPath(location, kind, "import"), ch, sheetBody{sheet, whole})
}
