package macwatch

import "time"

// TicketOrder asks for a batch of tickets.
type TicketOrder struct {
	Count     int           // 1 to MaxTickets
	ValidFor  time.Duration // from the first use; 0: until ExpiresAt
	ExpiresAt time.Time     // zero: whenever they are used
	Devices   int           // per ticket
	Down, Up  int           // bit/s; 0: as the Location says
	Prefix    string        // of the codes
	Length    int           // of the codes, in symbols; 0: DefaultCode, or more where it takes that
	Note      string
}

// MaxTickets is how many one batch may hold: it is written in one transaction, and
// accounting waits meanwhile.
const MaxTickets = 10_000

// Bounds of passes.
const (
	MaxPassTime    = 10 * 366 * 24 * time.Hour
	MaxPassDevices = 100
	MaxBandwidth   = 1<<31 - 1 // bit/s; what a RADIUS integer holds and every NAS reads
)

// TicketBatch is a batch, as it was made.
type TicketBatch struct {
	ID        int64     `json:"batch"`
	CreatedAt time.Time `json:"created_at"`
	CreatedBy string    `json:"created_by"`
	Tickets   int       `json:"tickets"`
	Note      string    `json:"note,omitempty"`
	Unused    int       `json:"unused"`
	InUse     int       `json:"in_use"`
	Expired   int       `json:"expired"`
	Revoked   int       `json:"revoked"`
}

// NewTickets is a batch with its tickets, the codes among them.
type NewTickets struct {
	TicketBatch
	List []PassInfo `json:"list"`
}

// CredentialOrder asks for a credential, for one guest whom a portal has let in.
type CredentialOrder struct {
	MAC         MAC           // of the device that may use it; 0: the first that does
	Devices     int           // 0: 1
	LoginWithin time.Duration // until the first log-in; 0: DefaultLogin
	ValidFor    time.Duration // from the first log-in; 0: DefaultVisit
	Until       time.Time     // over at the latest; zero: no such bound
	Down, Up    int           // bit/s; 0: as the Location says
	Room        string
	Surname     string // with a room: the stay must be that guest's, and bounds the time
	UserID      string // whom the portal knows the guest as: a telephone number, a profile, an address
	Note        string
}

// How long a portal's credential waits for its log-in, and what it then gives.
const (
	DefaultLogin = 5 * time.Minute
	MaxLogin     = 24 * time.Hour
	DefaultVisit = 24 * time.Hour
)

// Credential is what a portal hands to the browser.
type Credential struct {
	UserName    string    `json:"user_name"`
	Password    string    `json:"password"`
	LoginBefore time.Time `json:"login_before"`
	ValidFor    int64     `json:"valid_for"`           // seconds from the first log-in
	ExpiresAt   time.Time `json:"expires_at,omitzero"` // over at the latest
}
