package licensing

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Event is something that people asked to be told of. It is written in the transaction
// that causes it, so that there is no start without its event and no event without its
// start.
type Event struct {
	ID       string         `json:"id"` // 16 octets, hex; empty: EventID gives it
	Kind     string         `json:"kind"`
	At       time.Time      `json:"at"`
	License  string         `json:"license,omitempty"`  // number
	Location string         `json:"location,omitempty"` // Location id
	Data     map[string]any `json:"data,omitempty"`     // what is particular to the kind
}

// The kinds of events. The first six are the ladder of notices (see Ladder).
const (
	EventMonth    = "notice.month"    // one calendar month before the last day
	Event15Days   = "notice.15-days"  // 15 days before it
	Event7Days    = "notice.7-days"   // 7 days before it
	Event1Day     = "notice.1-day"    // the day before it
	EventEnd      = "license.end"     // at the cut-off itself
	EventReminder = "notice.reminder" // the day after the last day: renewal is still possible

	EventStart    = "license.start"
	EventProposed = "license.start-proposed" // it starts by itself unless an operator declines
	EventDeny     = "license.deny"
	EventRestore  = "license.restore"
	EventUpgrade  = "license.upgrade"
	EventRenew    = "license.renew"

	EventAP80        = "ap-limit.80"
	EventAP100       = "ap-limit.100"
	EventAPRefused   = "ap-limit.refused" // at most once per Location and local day
	EventRoom80      = "room-limit.80"
	EventRoom100     = "room-limit.100"
	EventRoomRefused = "room-limit.refused"

	EventTest = "test" // `notify test`; reaches its recipient whatever that asked for
)

// EventKinds lists every kind that a recipient can ask for, the ladder first.
func EventKinds() []string {
	return []string{
		EventMonth, Event15Days, Event7Days, Event1Day, EventEnd, EventReminder,
		EventStart, EventProposed, EventDeny, EventRestore, EventUpgrade, EventRenew,
		EventAP80, EventAP100, EventAPRefused, EventRoom80, EventRoom100, EventRoomRefused,
	}
}

// EventID is the id of an event by what it is about. It is the same however often the
// event is written, so that a repeat is known as one; seed tells apart what kind,
// license, Location and time do not.
func EventID(e Event, seed string) string {
	h := sha256.New()
	for _, part := range []string{e.Kind, e.License, e.Location, strconv.FormatInt(e.At.UnixMicro(), 10), seed} {
		h.Write([]byte(strconv.Itoa(len(part)) + ":" + part))
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// CheckKinds reports the first entry of a recipient's list that names no kind, nor a
// whole group of them ("notice.*"): an *Error with CodeInvalid.
func CheckKinds(kinds []string) error {
	known := EventKinds()
	for _, k := range kinds {
		group, whole := strings.CutSuffix(k, "*")
		if slices.Contains(known, k) ||
			whole && strings.HasSuffix(group, ".") && slices.ContainsFunc(known, func(kind string) bool { return strings.HasPrefix(kind, group) }) {
			continue
		}
		return Errorf(CodeInvalid, "%.40q is not a kind of notice", k).
			WithHint("the kinds are %s; a whole group is written notice.*, license.*, ap-limit.* or room-limit.*", strings.Join(known, ", "))
	}
	return nil
}
