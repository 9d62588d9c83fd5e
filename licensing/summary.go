package licensing

import "time"

// Usage is a limit and how much of it is taken.
type Usage struct {
	Limit    Limit `json:"limit"`    // null when not limited
	Allotted Limit `json:"allotted"` // to Locations; null when one of them is not limited
	InUse    int   `json:"in_use"`
}

// Part is what one Location has of a license.
type Part struct {
	Location       string    `json:"location"`
	Since          time.Time `json:"since"`
	APs            Usage     `json:"aps"`
	Rooms          Usage     `json:"rooms"`
	DevicesCounted int       `json:"devices_counted"`
	Governs        bool      `json:"governs"` // false: it waits there behind another one, or is over
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

	Parts         []Part     `json:"parts"`
	ProposedStart *time.Time `json:"proposed_start"` // waits for an operator's word until StartDue; null: none does
	StartDue      *time.Time `json:"start_due"`      // it happens by itself then; null as well while access is denied
	NextOrder     int        `json:"next_order"`     // the sequence of the order that it takes next

	Term          string    `json:"term"` // in words: "1 year"
	Start         string    `json:"start"`
	TimeZone      string    `json:"time_zone,omitempty"`
	ActivatedAt   time.Time `json:"activated_at"`
	DaysLeft      *int      `json:"days_left"` // local days to the last day, 0 on it; null while no end is known, and after it
	OverLimit     bool      `json:"over_limit"`
	QueuePosition int       `json:"queue_position,omitempty"` // 1 is the next; 0: it does not wait behind another one
	LicensesLeft  int       `json:"licenses_left"`            // of its Organization, assigned to no Location yet
	Payment       string    `json:"payment,omitempty"`
	Partner       string    `json:"partner,omitempty"`
	Distributor   string    `json:"distributor,omitempty"`
	Trial         bool      `json:"trial,omitempty"`

	Transfer   *TransferRequest `json:"transfer,omitempty"`    // the one between partners that waits for approval
	ReleasedTo string           `json:"released_to,omitempty"` // the gateway that it left this one for; what is shown is how it left
	ReleasedAt *time.Time       `json:"released_at,omitempty"`
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

// Activation is what `license activate` did (or would do, in a rehearsal).
type Activation struct {
	Kind     OrderKind    `json:"kind"`
	License  string       `json:"license,omitempty"` // number; of a pool the one that was assigned, else the first
	Licenses []Summary    `json:"licenses"`
	Changes  []ChangeLine `json:"changes"`
	Summary  []string     `json:"summary"` // sentences: what was done
	CutOff   CutOff       `json:"cut_off"` // who is not served any more
	DryRun   bool         `json:"dry_run,omitempty"`
}

// Assignment is what `license assign` and `license unassign` did, or would do.
type Assignment struct {
	Summary
	Changes []ChangeLine `json:"changes"`
	CutOff  CutOff       `json:"cut_off"`
	DryRun  bool         `json:"dry_run,omitempty"`
}

// AuditReport is what `audit verify` found.
type AuditReport struct {
	Entries  int      `json:"entries"`
	Head     string   `json:"head"` // hex of the last entry's link
	OK       bool     `json:"ok"`
	Problems []string `json:"problems"`
}
