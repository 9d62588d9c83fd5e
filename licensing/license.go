package licensing

import "time"

// State is one of the five states of a license. It is always derived from facts
// and a time (License.StateAt), never stored.
type State uint8

const (
	PendingProvision  State = iota // issued, not yet assigned
	PendingStart                   // assigned, waiting for use
	InUse                          // the contract period runs
	AccessDenied                   // forced, with a reason
	ContractFinalized              // the period is over; final
)

// States lists the five, in the order of a license's life.
func States() []State {
	return []State{PendingProvision, PendingStart, InUse, AccessDenied, ContractFinalized}
}

var stateNames = [...]string{"Pending Provision", "Pending Start", "In Use", "Access denied", "Contract finalized"}

// String is the name that users see.
func (s State) String() string {
	if int(s) >= len(stateNames) {
		return "unknown"
	}
	return stateNames[s]
}

// MarshalText writes the name.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a name, without regard to case.
func (s *State) UnmarshalText(b []byte) error {
	v, err := ParseState(string(b))
	*s = v
	return err
}

// StartPolicy is what starts the contract period.
type StartPolicy string

const (
	StartFifthDevice StartPolicy = "fifth-device" // the Threshold-th distinct device
	StartOnProvision StartPolicy = "on-provision"
	StartFixedDate   StartPolicy = "fixed-date" // Terms.StartDate, local midnight
)

// Term is the length of a contract: exactly one of the three is positive.
type Term struct {
	Years  int `json:"years,omitempty"` // 1-5
	Months int `json:"months,omitempty"`
	Days   int `json:"days,omitempty"`
}

// Terms is what a grant gives. It never changes after activation, but by an order.
type Terms struct {
	GrantID      string        `json:"grant_id"`           // 16 random octets, hex
	Index        int           `json:"index,omitempty"`    // i-th license of a pool, from 0
	Quantity     int           `json:"quantity,omitempty"` // size of the pool, 1 when single
	Issuer       string        `json:"issuer"`             // public key, k4.public.…
	IssuedAt     time.Time     `json:"issued_at"`
	Organization string        `json:"organization"`
	Realm        string        `json:"realm"`
	Location     string        `json:"location,omitempty"` // Location id; empty: any of the Organization
	Gateway      string        `json:"gateway,omitempty"`  // gateway key; empty: any
	Term         Term          `json:"term"`
	APs          Limit         `json:"aps"`
	Rooms        Limit         `json:"rooms"`
	Modules      []string      `json:"modules,omitempty"`
	Threshold    int           `json:"threshold"` // 1 or more, default 5
	Start        StartPolicy   `json:"start"`
	StartDate    Date          `json:"start_date,omitzero"` // fixed-date only
	CountWindow  time.Duration `json:"count_window,omitempty"`
	IgnorePriv   bool          `json:"ignore_private_addresses,omitempty"`
	// PrivateByUser counts the private addresses of one user name as one device.
	PrivateByUser bool   `json:"private_addresses_by_user,omitempty"`
	Zone          string `json:"time_zone,omitempty"`   // empty: of the Location first provisioned
	ActivateBy    Date   `json:"activate_by,omitzero"`  // last day of activation
	LatestEnd     Date   `json:"latest_end,omitzero"`   // the contract never runs past this day
	MaxExempt     int    `json:"max_exempt,omitempty"`  // 0: the default of 10
	LabHours      int    `json:"lab_hours,omitempty"`   // per calendar month; 0: not capped
	MaxAliases    int    `json:"max_aliases,omitempty"` // per AP; 0: not capped

	Trial        bool          `json:"trial,omitempty"`         // three months, once per gateway
	ConfirmEvery int           `json:"confirm_every,omitempty"` // days that a confirmation is waited for; 0: none is needed
	ConfirmStart time.Duration `json:"confirm_start,omitempty"` // the start is proposed to an operator for so long, then happens by itself
	Renews       string        `json:"renews,omitempty"`        // number of the finalized license that this one renews, late
	Distributor  string        `json:"distributor,omitempty"`
	Partner      string        `json:"partner,omitempty"`
	Payment      string        `json:"payment,omitempty"` // PaymentMonthly, PaymentAnnual or ""
}

// How a license is paid.
const (
	PaymentMonthly = "monthly"
	PaymentAnnual  = "annual"
)

// TrialTerm is the length of a trial.
var TrialTerm = Term{Months: 3}

// Denial is one authority's "no". The zero value denies nothing.
type Denial struct {
	At     time.Time `json:"at,omitzero"`
	Reason string    `json:"reason,omitempty"`
	Order  string    `json:"order,omitempty"` // id of the distributor's order
}

// StartCause says what began a contract period.
type StartCause string

const (
	StartedByCount     StartCause = "count"     // the last device of the threshold
	StartedByProvision StartCause = "provision" // the license was assigned
	StartedByDate      StartCause = "date"      // the date in the key came
	StartedByQueue     StartCause = "queue"     // the license before it at its Location ended
	StartedByOperator  StartCause = "operator"  // somebody confirmed the proposed start
	StartedByLapse     StartCause = "lapse"     // nobody declined it in time
)

// Proposal is a start that waits for an operator's word (Terms.ConfirmStart).
type Proposal struct {
	At    time.Time `json:"at,omitzero"`    // when the last device of the threshold was recorded
	Start time.Time `json:"start,omitzero"` // the start instant that is proposed
}

// License holds the facts from which everything about a license is derived. One
// that a snapshot holds is never changed; a change makes a copy.
type License struct {
	ID            int64      `json:"-"`
	Number        string     `json:"number"` // TG-XXXX-XXXX-XXXX
	Terms         Terms      `json:"terms"`
	ActivatedAt   time.Time  `json:"activated_at"`
	ProvisionedAt time.Time  `json:"provisioned_at,omitzero"` // first allotment; zero: Pending Provision
	Zone          string     `json:"zone,omitempty"`          // frozen at provisioning
	StartedAt     time.Time  `json:"started_at,omitzero"`     // the start instant; zero: none is recorded
	StartedBy     StartCause `json:"started_by,omitempty"`
	Proposal      Proposal   `json:"proposed_start,omitzero"`

	Operator       Denial    `json:"operator_denial,omitzero"`
	Distributor    Denial    `json:"distributor_denial,omitzero"`
	PausedSince    time.Time `json:"paused_since,omitzero"` // the contract clock stands still; set with Distributor only
	PausedDays     int       `json:"paused_days,omitempty"` // of pauses that are over
	ConfirmedUntil Date      `json:"confirmed_until,omitzero"`
	Renewals       []Term    `json:"renewals,omitempty"` // in time, in their order
	Sequence       int       `json:"sequence,omitempty"` // of the latest order applied

	UndoneAt   time.Time `json:"start_undone_at,omitzero"`   // a signed order took the start back
	DeclinedAt time.Time `json:"start_declined_at,omitzero"` // an operator declined the proposed start
	HeldUntil  time.Time `json:"held_until,omitzero"`        // restored then, before it had started: nothing starts by itself earlier

	// Allotments spreads the license over Locations (by Location.ID), in their order in time.
	Allotments []Allotment `json:"allotments,omitempty"`

	Partner    string    `json:"partner,omitempty"`     // id of the one that took it over; empty: Terms.Partner's still
	Hop        int       `json:"hop,omitempty"`         // how often it has gone from one gateway to another
	ReleasedAt time.Time `json:"released_at,omitzero"`  // when it left this gateway; zero: it is here
	ReleasedTo string    `json:"released_to,omitempty"` // key of the gateway that it left for

	zone    *time.Location // what ResolveZone found; used only while its name still fits
	planned planned        // what Plan worked out
}

// Allotment is a Location's part of a license.
type Allotment struct {
	LocationID int64     `json:"-"`
	Location   string    `json:"location"`
	At         time.Time `json:"at"` // sightings before it do not count
	APs        Limit     `json:"aps"`
	Rooms      Limit     `json:"rooms"`
}

// AllotmentAt is the license's part at a Location.
func (l *License) AllotmentAt(locationID int64) (Allotment, bool) {
	for _, a := range l.Allotments {
		if a.LocationID == locationID {
			return a, true
		}
	}
	return Allotment{}, false
}
