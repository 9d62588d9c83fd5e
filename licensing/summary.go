package licensing

import "time"

// Usage is a limit and how much of it is taken.
type Usage struct {
	Limit Limit `json:"limit"` // null when not limited
	InUse int   `json:"in_use"`
}

// Summary is one line of `license list`; its JSON names are relied on outside.
type Summary struct {
	Number         string     `json:"number"`
	Organization   string     `json:"organization"`
	State          State      `json:"state"`
	Reason         string     `json:"reason,omitempty"` // why access is denied
	Threshold      int        `json:"threshold"`
	DevicesCounted int        `json:"devices_counted"`
	StartsAt       *time.Time `json:"starts_at"`
	EndsAt         *time.Time `json:"ends_at"`
	LastDay        *Date      `json:"last_day"`
	APs            Usage      `json:"aps"`
	Rooms          Usage      `json:"rooms"`
	Modules        []string   `json:"modules"`
	Locations      []string   `json:"locations"`
}

// Detail is `license show`.
type Detail struct {
	Summary
	AsOf    time.Time `json:"as_of"`
	License License   `json:"license"`
	Receipt *Receipt  `json:"start_receipt"` // null before the start
}

// Explanation is `license explain`: "4 of 5, and why".
type Explanation struct {
	Summary
	Rule    string            `json:"rule"` // the rule in force, in a sentence
	Devices []ExplainedDevice `json:"devices"`
	Receipt *Receipt          `json:"start_receipt"`
}

// ExplainedDevice is one device and whether it counts.
type ExplainedDevice struct {
	MAC            string     `json:"mac"`
	Location       string     `json:"location"`
	Counted        bool       `json:"counted"`
	Reason         string     `json:"reason,omitempty"` // why it does not count
	FirstCounted   *time.Time `json:"first_counted_at"` // event time of its earliest counted sighting
	PrivateAddress bool       `json:"private_address"`
	AP             string     `json:"ap,omitempty"`
	SessionID      string     `json:"session_id,omitempty"`
}

// Receipt is the immutable record of a start.
type Receipt struct {
	Number      string            `json:"number"`
	StartsAt    time.Time         `json:"starts_at"`
	RecordedAt  time.Time         `json:"recorded_at"`
	Threshold   int               `json:"threshold"`
	Rule        string            `json:"rule"`
	Location    string            `json:"location"`
	Sightings   []ReceiptSighting `json:"sightings"`
	AuditHead   string            `json:"audit_head"` // hex; the chain's head before this start
	GatewayKey  string            `json:"gateway,omitempty"`
	StartPolicy StartPolicy       `json:"start_policy"`
}

// ReceiptSighting is one of the devices that made the start. Device is a keyed
// pseudonym: the MAC itself stands in an erasable table.
type ReceiptSighting struct {
	At        time.Time `json:"at"` // event time
	Device    string    `json:"device"`
	AP        string    `json:"ap"`
	SessionID string    `json:"session_id"`
}

// Activation is what `license activate` did (or would do, in a rehearsal).
type Activation struct {
	Licenses []Summary `json:"licenses"`
	Changes  []string  `json:"changes"` // sentences: what changed
	DryRun   bool      `json:"dry_run,omitempty"`
}

// Filter narrows `license list`. Zero fields do not filter.
type Filter struct {
	State      *State
	EndsBefore Date
}

// AuditReport is what `audit verify` found.
type AuditReport struct {
	Entries  int      `json:"entries"`
	Head     string   `json:"head"` // hex of the last entry's link
	OK       bool     `json:"ok"`
	Problems []string `json:"problems"`
}
