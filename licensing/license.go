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
	Zone         string        `json:"time_zone,omitempty"`   // empty: of the Location first provisioned
	ActivateBy   Date          `json:"activate_by,omitzero"`  // last day of activation
	LatestEnd    Date          `json:"latest_end,omitzero"`   // the contract never runs past this day
	MaxExempt    int           `json:"max_exempt,omitempty"`  // 0: the default of 10
	LabHours     int           `json:"lab_hours,omitempty"`   // per calendar month; 0: not capped
	MaxAliases   int           `json:"max_aliases,omitempty"` // per AP; 0: not capped
}

// Denial is one authority's "no". The zero value denies nothing.
type Denial struct {
	At     time.Time `json:"at,omitzero"`
	Reason string    `json:"reason,omitempty"`
}

// License holds the facts from which everything about a license is derived. One
// that a snapshot holds is never changed; a change makes a copy.
type License struct {
	ID            int64     `json:"-"`
	Number        string    `json:"number"` // TG-XXXX-XXXX-XXXX
	Terms         Terms     `json:"terms"`
	ActivatedAt   time.Time `json:"activated_at"`
	ProvisionedAt time.Time `json:"provisioned_at,omitzero"` // first allotment; zero: Pending Provision
	Zone          string    `json:"zone,omitempty"`          // frozen at provisioning
	StartedAt     time.Time `json:"started_at,omitzero"`     // the start instant; zero: not started by counting
	Operator      Denial    `json:"operator_denial,omitzero"`
	Distributor   Denial    `json:"distributor_denial,omitzero"`
	PausedDays    int       `json:"paused_days,omitempty"`
	// Allotments spreads the license over Locations (by Location.ID).
	Allotments []Allotment `json:"allotments,omitempty"`

	zone *time.Location // what ResolveZone found; used only while its name still fits
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
