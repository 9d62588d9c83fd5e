package notice

import (
	"time"

	"tallygate/licensing"
)

// Sample is an invented delivery of this kind, for a preview: about a license that
// there is where about is not nil.
func Sample(kind string, language licensing.Language, license string, about *licensing.EventContext, now time.Time) licensing.Delivery {
	d := licensing.Delivery{
		ID:        "0123456789abcdef0123456789abcdef",
		Event:     licensing.Event{ID: "0123456789abcdef0123456789abcdef", Kind: kind, At: now, License: license, Data: sampleData(kind, now)},
		Recipient: licensing.Recipient{Name: "reception", Language: language},
	}
	if about != nil {
		d.Context = *about
		return d
	}
	if kind == licensing.EventTest {
		return d
	}
	madrid, err := licensing.LoadZone("Europe/Madrid")
	if err != nil {
		madrid = time.UTC
	}
	last := sampleLastDay(kind, licensing.DateIn(now, madrid))
	d.Event.License = "TG-XXXX-XXXX-XXXX"
	d.Context = licensing.EventContext{
		Organization: "Hotel Sol", Realm: "hotelsol", State: licensing.InUse.String(), Zone: madrid.String(),
		Locations: []licensing.EventLocation{{ID: "28N2S004", Name: "Sol Centro"}},
		LastDay:   last, EndsAt: last.AddDays(1).Start(madrid),
	}
	return d
}

// sampleLastDay is the last day of a contract that is told of today.
func sampleLastDay(kind string, today licensing.Date) licensing.Date {
	switch kind {
	case licensing.EventMonth:
		return today.AddMonths(1)
	case licensing.Event15Days:
		return today.AddDays(15)
	case licensing.Event7Days:
		return today.AddDays(7)
	case licensing.Event1Day:
		return today.AddDays(1)
	case licensing.EventEnd, licensing.EventReminder:
		return today.AddDays(-1)
	}
	return today.AddYears(1)
}

// sampleData is what the events of a kind say besides.
func sampleData(kind string, now time.Time) map[string]any {
	switch kind {
	case licensing.EventStart:
		return map[string]any{"starts_at": now, "devices": 5}
	case licensing.EventProposed:
		return map[string]any{"starts_at": now, "answer_by": now.Add(48 * time.Hour)}
	case licensing.EventDeny:
		return map[string]any{"reason": "invoice 4711 unpaid", "by": "operator"}
	case licensing.EventRestore:
		return map[string]any{"by": "operator"}
	case licensing.EventAP80, licensing.EventRoom80:
		return map[string]any{"limit": 20, "in_use": 16}
	case licensing.EventAP100, licensing.EventAPRefused, licensing.EventRoom100, licensing.EventRoomRefused:
		return map[string]any{"limit": 20, "in_use": 20}
	}
	return nil
}

// Preview is a notice of this kind as it would look, see Sample.
func (s *Service) Preview(kind string, language licensing.Language, license string, about *licensing.EventContext) (licensing.Message, error) {
	return Render(Sample(kind, language, license, about, s.options.Now()))
}
