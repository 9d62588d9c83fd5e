package macwatch

import "net/netip"

// Trial is a request that is made up, to see what becomes of it: what an access point
// would send for a guest.
type Trial struct {
	Client string     `json:"client,omitempty"` // as whom
	Source netip.Addr `json:"source,omitzero"`  // from which of its addresses; default its first

	Accounting bool `json:"accounting,omitempty"` // an Accounting-Request (Start), not a login
	Unsigned   bool `json:"unsigned,omitempty"`   // without Message-Authenticator

	MAC      MAC    `json:"mac,omitempty"`
	UserName string `json:"user_name,omitempty"` // empty: the login is by MAC
	Password string `json:"password,omitempty"`
	CHAP     bool   `json:"chap,omitempty"`

	AP   string `json:"ap,omitempty"` // address or name
	SSID string `json:"ssid,omitempty"`
	Room string `json:"room,omitempty"`

	// More, as they would stand in the packet; each stands in the place of those of its
	// type that the fields above would give.
	Attributes []TrialAttribute `json:"attributes,omitempty"`
}

// TrialAttribute is an attribute of a trial: type and value on the wire.
type TrialAttribute struct {
	Type  uint8  `json:"type"`
	Value []byte `json:"value"`
}

// TrialReport is what became of a trial, or would.
type TrialReport struct {
	Client   string       `json:"client,omitempty"`
	Source   string       `json:"source,omitempty"`
	Steps    []TrialStep  `json:"steps,omitempty"` // in the order in which they are decided
	Result   Result       `json:"result"`
	Reason   string       `json:"reason,omitempty"`
	Text     string       `json:"text,omitempty"`
	WhatToDo string       `json:"what_to_do,omitempty"`
	Detail   string       `json:"detail,omitempty"`
	Answer   *TrialAnswer `json:"answer"` // null: none
}

// TrialStep is one thing that was looked at.
type TrialStep struct {
	Name string `json:"step"`
	OK   bool   `json:"ok"`
	Text string `json:"text"`
}

// TrialAnswer is an answer, checked as a careful client checks it.
type TrialAnswer struct {
	Code                 string              `json:"code"`
	Octets               int                 `json:"octets"`
	Authentic            bool                `json:"authentic"`             // the Response Authenticator
	MessageAuthenticator string              `json:"message_authenticator"` // valid, wrong, or missing
	First                bool                `json:"message_authenticator_first"`
	Attributes           []TrialAnswerDetail `json:"attributes"`
}

// TrialAnswerDetail is one attribute of an answer, for people.
type TrialAnswerDetail struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Good reports whether a client that checks everything takes the answer.
func (a *TrialAnswer) Good() bool {
	return a.Authentic && a.MessageAuthenticator != "wrong"
}
