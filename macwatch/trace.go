package macwatch

import (
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// Result is what became of a request.
type Result string

const (
	ResultAccept     Result = "accept"     // Access-Accept
	ResultReject     Result = "reject"     // Access-Reject
	ResultDrop       Result = "drop"       // no answer
	ResultAccounting Result = "accounting" // stored and answered
)

// Results lists them all.
func Results() []Result {
	return []Result{ResultAccept, ResultReject, ResultDrop, ResultAccounting}
}

// UnmarshalText reads one of the four words.
func (r *Result) UnmarshalText(b []byte) error {
	if !slices.Contains(Results(), Result(b)) {
		return fmt.Errorf("%.40q is not a result", b)
	}
	*r = Result(b)
	return nil
}

// TraceEvent is one request and what became of it. Its texts are fit to be shown:
// whatever a packet held that is no printable character stands as "?".
type TraceEvent struct {
	At       time.Time `json:"time"`           // arrival, by the gateway's believed clock
	Since    time.Time `json:"since,omitzero"` // of repeats, when the first one came
	Count    int       `json:"count"`          // how many, with the first; 1 outside of the history
	Result   Result    `json:"result"`
	Reason   string    `json:"reason,omitempty"`     // label of a licensing.Reason
	Text     string    `json:"text,omitempty"`       // the same as a sentence
	WhatToDo string    `json:"what_to_do,omitempty"` // commands between backquotes
	Detail   string    `json:"detail,omitempty"`

	Listener  string        `json:"listener"` // auth or acct
	Source    string        `json:"source"`   // address and port that sent it
	Client    string        `json:"client,omitempty"`
	Vendor    Vendor        `json:"vendor,omitempty"`
	Location  string        `json:"location,omitempty"`
	NAS       string        `json:"nas,omitempty"`
	AP        string        `json:"ap,omitempty"` // as `ap list` names it
	SSID      string        `json:"ssid,omitempty"`
	Room      string        `json:"room,omitempty"`
	MAC       string        `json:"mac,omitempty"`
	UserName  string        `json:"user_name,omitempty"`
	SessionID string        `json:"session_id,omitempty"`
	Status    string        `json:"status_type,omitempty"` // of accounting
	License   string        `json:"license,omitempty"`     // number of the governing license
	State     string        `json:"license_state,omitempty"`
	Latency   time.Duration `json:"latency_ns"` // from arrival to decision, or to the answer
}

// TraceFilter says which events are wanted. A zero field lets everything through.
type TraceFilter struct {
	MAC      MAC
	AP       string // identity or alias, in any spelling
	Client   string // name
	Location string // id
	Result   Result
	Reason   string    // label
	Since    time.Time // of the history

	Follow bool // go on with what happens from now on
	Live   bool // only that: leave the history out
}

// TraceLine is what a trace consists of: an event, or a word about the trace itself.
type TraceLine struct {
	Event *TraceEvent `json:"event,omitempty"`
	Note  string      `json:"note,omitempty"` // what the history does not show
	Now   bool        `json:"now,omitempty"`  // the history ends here; what follows is live
	End   string      `json:"end,omitempty"`  // why the trace was ended
}

// Stranger is a source address that no client covers.
type Stranger struct {
	Source               netip.Addr `json:"source"`
	Listeners            []string   `json:"listeners"` // auth, acct
	NASIdentifier        string     `json:"nas_identifier,omitempty"`
	NASAddress           string     `json:"nas_address,omitempty"`
	Vendor               Vendor     `json:"vendor,omitempty"` // a guess
	MessageAuthenticator bool       `json:"message_authenticator"`
	FirstSeen            time.Time  `json:"first_seen"`
	LastSeen             time.Time  `json:"last_seen"`
	Packets              int        `json:"packets"` // looked at; a flood is not counted to the end
}

// SecretDiffers is the finding that a source of a client has another shared secret.
type SecretDiffers struct {
	Client   string     `json:"client"`
	Source   netip.Addr `json:"source"`
	Since    time.Time  `json:"since"`
	Last     time.Time  `json:"last"`
	Packets  int        `json:"packets"`
	Evidence string     `json:"evidence"` // what was wrong in the latest packet
}
