package licensing

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ChangeLine is one thing that a change alters; "" stands for nothing there.
type ChangeLine struct {
	What string `json:"what"`
	From string `json:"from"`
	To   string `json:"to"`
}

// String is the line as a sentence for people.
func (c ChangeLine) String() string {
	none := func(s string) string {
		if s == "" {
			return "none"
		}
		return s
	}
	return fmt.Sprintf("%s: %s -> %s", c.What, none(c.From), none(c.To))
}

// Changes lists what differs between a license before and after a change, as of now.
// before is nil for a license that the change adds.
func Changes(before, after *License, now time.Time) (lines []ChangeLine) {
	add := func(what, from, to string) {
		if from != to {
			lines = append(lines, ChangeLine{what, from, to})
		}
	}
	was := aspects(before, now)
	for i, is := range aspects(after, now) {
		from := ""
		if before != nil {
			from = was[i].value
		}
		add(is.what, from, is.value)
	}
	add("Location", strings.Join(placesOf(before), ", "), strings.Join(placesOf(after), ", "))
	for _, a := range after.Allotments {
		old := Allotment{}
		if before != nil {
			old, _ = before.AllotmentAt(a.LocationID)
		}
		if old.Location != "" {
			add("APs of "+a.Location, old.APs.String(), a.APs.String())
			add("rooms of "+a.Location, old.Rooms.String(), a.Rooms.String())
		}
	}
	return lines
}

type aspect struct{ what, value string }

// aspects are the things about a license that people ask about, always in this order.
func aspects(l *License, now time.Time) []aspect {
	if l == nil {
		return nil
	}
	denial, _ := l.DenialAt(now)
	paused := ""
	if !l.PausedSince.IsZero() {
		paused = "since " + inZone(l, l.PausedSince)
	}
	added := ""
	if l.PausedDays != 0 {
		added = strconv.Itoa(l.PausedDays)
	}
	start, _ := l.Starts()
	end, _ := l.End()
	day, _ := l.LastDay()
	confirmed := ""
	if due, ok := l.ConfirmationDue(); ok {
		confirmed = inZone(l, due)
	}
	proposed := ""
	if due, ok := l.StartDue(); ok {
		proposed = inZone(l, due)
	}
	modules := slices.Sorted(slices.Values(l.Terms.Modules))
	return []aspect{
		{"state", l.StateAt(now).String()},
		{"reason of the denial", denial.Reason},
		{"contract clock paused", paused},
		{"start", inZone(l, start)},
		{"start happens by itself", proposed},
		{"last day", day.String()},
		{"end", inZone(l, end)},
		{"days added by pauses", added},
		{"confirmation needed before", confirmed},
		{"APs", l.Terms.APs.String()},
		{"rooms", l.Terms.Rooms.String()},
		{"modules", strings.Join(modules, ", ")},
	}
}

func inZone(l *License, t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(l.location()).Format(time.RFC3339)
}

func placesOf(l *License) (codes []string) {
	if l == nil {
		return nil
	}
	for _, a := range l.Allotments {
		codes = append(codes, a.Location)
	}
	return codes
}

// CutOff is who is not served any more after a change, though they are before it.
type CutOff struct {
	APs      []string `json:"aps"`
	Rooms    []string `json:"rooms"`
	Sessions int      `json:"sessions"` // open ones
}

// Any reports whether there is anybody.
func (c CutOff) Any() bool { return len(c.APs)+len(c.Rooms)+c.Sessions > 0 }
