package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// ImportSlots makes a Location's APs or rooms what a sheet says (macwatch.ReadSheet): all
// of it, or, where anything is wrong, nothing and every error at once, with its line. What
// has no line stays as it is; with whole, what the sheet does not name is no longer
// declared. Done again, it changes nothing.
func (s *Store) ImportSlots(ctx context.Context, ch licensing.Change, location string, kind macwatch.Kind, sheet string, whole bool) (report macwatch.ImportReport, err error) {
	l, err := s.Location(ctx, location)
	if err != nil {
		return report, err
	}
	guests, err := s.guestsNow(ctx, l.ID, kind)
	if err != nil {
		return report, err
	}
	read := macwatch.ReadSheet(kind, []byte(sheet))
	err = s.change(ctx, ch, func(t *tx) error {
		l, err := t.state.location(location)
		if err != nil {
			return err
		}
		i := &slotImport{
			slotChange: &slotChange{t, l, kind, rosterOf(t.state.venues[l.ID], kind)}, sheet: read, problems: read.Problems,
			report: macwatch.ImportReport{Added: []string{}, Changed: []string{}, Undeclared: []string{}, CutOff: []macwatch.CutSlot{}},
		}
		if err := i.run(whole); err != nil {
			return err
		}
		i.cutOff(guests)
		report = i.report
		return i.log(string(kind)+".import", l.Code, map[string]int{
			"added": len(report.Added), "changed": len(report.Changed), "undeclared": len(report.Undeclared), "unchanged": report.Unchanged})
	})
	return report, err
}

// slotImport is one sheet on its way.
type slotImport struct {
	*slotChange
	sheet    *macwatch.Sheet
	problems []macwatch.SheetProblem
	report   macwatch.ImportReport
}

func (i *slotImport) run(whole bool) error {
	for _, row := range i.sheet.Rows {
		err := i.row(row)
		var operator *licensing.Error
		switch {
		case err == nil:
		case errors.As(err, &operator) && operator.Code != licensing.CodeInternal && operator.Code != licensing.CodeUnavailable:
			i.problems = append(i.problems, macwatch.SheetProblem{Line: row.Line, Problem: operator.Error()})
		default:
			return err
		}
	}
	if len(i.problems) > 0 {
		return i.refuse()
	}
	if whole {
		if err := i.undeclareOthers(); err != nil {
			return err
		}
	}
	if i.sheet.Has(macwatch.ColumnTexts) {
		return i.mapTexts()
	}
	return nil
}

// refuse is the error that tells of every line.
func (i *slotImport) refuse() error {
	slices.SortStableFunc(i.problems, func(a, b macwatch.SheetProblem) int { return a.Line - b.Line })
	var text strings.Builder
	for _, p := range i.problems {
		_, _ = fmt.Fprintf(&text, "\n  line %d: %s", p.Line, p.Problem)
	}
	return licensing.Errorf(licensing.CodeInvalid, "the sheet cannot be imported:%s", text.String()).
		WithHint("nothing was changed; mend these lines and import it again")
}

// row makes one AP or room what the sheet says of it.
func (i *slotImport) row(row macwatch.SheetRow) error {
	slot, known := i.roster.Find(row.Name)
	if known && slot.Name != row.Name {
		return licensing.Errorf(licensing.CodeConflict, "%s is an alias of %s", row.Name, slot.Name)
	}
	before := slot
	if !known {
		// Where no line says that it is declared, it is known by this name and has no slot yet.
		slot = macwatch.Slot{Name: row.Name, FirstSeen: i.now, Apart: true}
	}
	if i.sheet.Has(macwatch.ColumnNote) {
		slot.Note = row.Note
	}
	declare := i.sheet.Has(macwatch.ColumnDeclared) || !known
	switch {
	case declare && row.Declared && !slot.Declared:
		if err := i.declare(&slot); err != nil {
			return err
		}
	case declare && !row.Declared:
		slot.Declared = false
		fallthrough
	default:
		if err := i.put(&slot); err != nil {
			return err
		}
	}
	if i.sheet.Has(macwatch.ColumnAliases) {
		if err := i.aliases(&slot, row.Aliases); err != nil {
			return err
		}
	}
	switch {
	case !known:
		i.report.Added = append(i.report.Added, slot.Name)
	case slot.Note != before.Note || slot.Declared != before.Declared || !slices.Equal(slot.Aliases, before.Aliases) || len(slot.Learned) != len(before.Learned):
		i.report.Changed = append(i.report.Changed, slot.Name)
	default:
		i.report.Unchanged++
		return nil
	}
	return i.log(string(i.kind)+".import-row", i.location.Code, map[string]any{"id": slot.Name, "declared": slot.Declared, "note": slot.Note, "aliases": slot.Aliases})
}

// aliases makes the declared aliases those of the sheet; learned ones stay.
func (i *slotImport) aliases(slot *macwatch.Slot, want []string) error {
	for _, alias := range slices.Clone(slot.Aliases) {
		learned := slices.ContainsFunc(slot.Learned, func(l macwatch.Learned) bool { return l.Alias == alias })
		if !learned && !slices.Contains(want, alias) {
			if err := i.dropAlias(slot, alias); err != nil {
				return err
			}
		}
	}
	for _, alias := range want {
		if err := i.addAlias(slot, alias); err != nil {
			return err
		}
	}
	return nil
}

// undeclareOthers takes the declaration of what the sheet does not name.
func (i *slotImport) undeclareOthers() error {
	named := map[string]bool{}
	for _, row := range i.sheet.Rows {
		named[row.Name] = true
	}
	for _, slot := range i.roster.Slots(-1, i.now) {
		if !slot.Declared || named[slot.Name] {
			continue
		}
		slot.Declared = false
		if err := i.put(&slot); err != nil {
			return err
		}
		i.report.Undeclared = append(i.report.Undeclared, slot.Name)
		if err := i.log(string(i.kind)+".undeclare", i.location.Code, map[string]string{"id": slot.Name}); err != nil {
			return err
		}
	}
	return nil
}

// mapTexts makes the map of the Location's rule what the sheet says of the rooms it names.
func (i *slotImport) mapTexts() error {
	rule := i.location.Settings.Room
	texts := maps.Clone(rule.Map)
	if texts == nil {
		texts = map[string]string{}
	}
	for _, row := range i.sheet.Rows {
		maps.DeleteFunc(texts, func(_, room string) bool { return macwatch.NormalizeRoom(room) == row.Name })
	}
	for _, row := range i.sheet.Rows {
		for _, text := range row.Texts {
			texts[text] = row.Name
		}
	}
	if maps.Equal(texts, rule.Map) {
		return nil
	}
	settings := i.location.Settings
	settings.Room.Map = texts
	if len(texts) > 0 && rule.Attribute == "" {
		return licensing.Errorf(licensing.CodeConflict, "%s has no rule for rooms that texts could be mapped by", i.location.Code).
			WithHint("set it first: `tallygate location set %s --room-attribute …`", i.location.Code)
	}
	if err := licensing.ValidateSettings(settings); err != nil {
		return err
	}
	text, err := json.Marshal(settings)
	if err != nil {
		return faultf("cannot write the settings: %w", err)
	}
	if _, err := i.exec(nil, `UPDATE locations SET settings = ? WHERE id = ?`, string(text), i.location.ID); err != nil {
		return err
	}
	return i.log("location.set", i.location.Code, map[string]licensing.Settings{"before": i.location.Settings, "after": settings})
}

// cutOff lists what was served before the import and is not after it: under a policy that
// serves declared ones only, what is declared no more.
func (i *slotImport) cutOff(guests map[string]int) {
	closed := i.location.Settings.APs == licensing.APsDeclared
	if i.kind == macwatch.KindRoom {
		closed = i.location.Settings.Room.Declared
	}
	if !closed {
		return
	}
	before := rosterOf(i.state.venues[i.location.ID], i.kind)
	for _, slot := range before.Slots(slotLimit(i.location, i.kind, i.now), i.now) {
		if !slot.Admitted || !slot.Declared {
			continue
		}
		gone := 0
		cut := false
		for _, name := range append([]string{slot.Name}, slot.Aliases...) {
			if after, known := i.roster.Find(name); !known || !after.Declared {
				cut = true
				gone += guests[name]
			}
		}
		if cut {
			i.report.CutOff = append(i.report.CutOff, macwatch.CutSlot{Name: slot.Name, GuestsNow: gone})
		}
	}
}
