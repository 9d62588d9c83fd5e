package licensing

import (
	"encoding/json"
	"strconv"
	"time"
)

// EventContext is what a notice says besides its event: how things stood when it was
// handed to its recipients.
type EventContext struct {
	Organization string          `json:"organization,omitempty"`
	Realm        string          `json:"realm,omitempty"`
	Locations    []EventLocation `json:"locations,omitempty"`
	State        string          `json:"state,omitempty"` // of the license
	Zone         string          `json:"time_zone,omitempty"`
	LastDay      Date            `json:"last_day,omitzero"`
	EndsAt       time.Time       `json:"ends_at,omitzero"`
	Next         string          `json:"next_license,omitempty"` // takes over at the end
}

// EventLocation is a Location by both its names.
type EventLocation struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// DeliveryState is what has become of an event on its way to one recipient.
type DeliveryState string

const (
	DeliveryWaiting    DeliveryState = "waiting"    // for its time, or for what Reason says
	DeliverySending    DeliveryState = "sending"    // an attempt is under way
	DeliverySent       DeliveryState = "sent"       // the mail server or the receiver has taken it
	DeliveryFailed     DeliveryState = "failed"     // given up; `notify replay` tries again
	DeliverySuperseded DeliveryState = "superseded" // a later notice of the same end took its place
	DeliveryCancelled  DeliveryState = "cancelled"  // the end was moved, or the recipient removed
	DeliveryNobody     DeliveryState = "no recipient"
)

// DeliveryStates lists them.
func DeliveryStates() []DeliveryState {
	return []DeliveryState{DeliveryWaiting, DeliverySending, DeliverySent, DeliveryFailed, DeliverySuperseded, DeliveryCancelled, DeliveryNobody}
}

// AttemptResult is how an attempt ended.
type AttemptResult string

const (
	AttemptUnderWay    AttemptResult = ""
	AttemptSent        AttemptResult = "sent"
	AttemptRetry       AttemptResult = "retry"       // failed for now
	AttemptFailed      AttemptResult = "failed"      // failed for good
	AttemptHeld        AttemptResult = "held"        // the gateway's own settings must change first
	AttemptInterrupted AttemptResult = "interrupted" // the gateway ended meanwhile: it may have arrived
)

// Attempt is one try to deliver.
type Attempt struct {
	Number int           `json:"number"` // from 1
	At     time.Time     `json:"at"`
	Result AttemptResult `json:"result"` // empty while it is under way
	Answer string        `json:"answer"` // what the other side said, or what was wrong
}

// Outcome is what an attempt has come to.
type Outcome struct {
	Result AttemptResult
	Answer string
	Gone   bool // the receiver wants nothing any more (HTTP 410)
}

// Delivery is an event on its way to one recipient.
type Delivery struct {
	ID        string // DeliveryID; the same at every attempt
	Attempt   int    // number of the attempt that is to be made
	Event     Event
	Context   EventContext
	Recipient Recipient
}

// DeliveryID is the id of an event's delivery to a recipient. Every attempt carries
// it, so that a receiver knows a repeat.
func DeliveryID(event string, recipient int64) string {
	return EventID(Event{ID: event, Kind: "delivery", License: event}, strconv.FormatInt(recipient, 10))
}

// retries is how long to wait after each attempt, as Standard Webhooks proposes: ten
// attempts in three days and a bit.
var retries = [...]time.Duration{
	5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
	10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
}

// LongestRetry is the longest wait between two attempts.
const LongestRetry = 24 * time.Hour

// RetryAfter is the wait after so many attempts; false when it is time to give up.
func RetryAfter(attempts int) (time.Duration, bool) {
	if attempts < 1 || attempts > len(retries) {
		return 0, false
	}
	return retries[attempts-1], true
}

// LedgerEntry is a line of the ledger: an event and one of its recipients.
type LedgerEntry struct {
	ID        string        `json:"id"` // of the delivery; of the event where nobody gets it
	Event     string        `json:"event"`
	Kind      string        `json:"kind"`
	At        time.Time     `json:"at"` // when it happened, or was due
	License   string        `json:"license,omitempty"`
	Location  string        `json:"location,omitempty"`
	Recipient string        `json:"recipient,omitempty"`
	Channel   Channel       `json:"channel,omitempty"`
	Address   string        `json:"address,omitempty"`
	Language  Language      `json:"language,omitempty"`
	State     DeliveryState `json:"state"`
	Reason    string        `json:"reason,omitempty"`
	NextAt    *time.Time    `json:"next_attempt_at"` // null: no attempt is planned
	Attempts  []Attempt     `json:"attempts"`
}

// LedgerFilter narrows the ledger. Zero fields do not filter.
type LedgerFilter struct {
	State     DeliveryState
	Recipient string
	License   string
	Kind      string
}

// UpcomingNotice is a notice that the ladder of a license holds for later.
type UpcomingNotice struct {
	At         time.Time `json:"at"`
	Kind       string    `json:"kind"`
	License    string    `json:"license"`
	LastDay    Date      `json:"last_day"`
	Zone       string    `json:"time_zone"`
	Recipients []string  `json:"recipients"` // who would get it as things stand
}

// Message is a notice as its recipient gets it.
type Message struct {
	Subject string          `json:"subject"`
	Text    string          `json:"text"`
	HTML    string          `json:"html"`
	Webhook json.RawMessage `json:"webhook"` // body of the request, when it goes to a webhook
}
