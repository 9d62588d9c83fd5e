package macwatch

import "time"

// Venue is who and what a Location knows by name: its APs and rooms with their
// slots, its blocked and exempt devices, its guest accounts. One in a snapshot is
// never changed; a change makes a new one.
type Venue struct {
	APs     *Roster
	Rooms   *Roster
	Blocked map[MAC]string // note
	Exempt  map[MAC]string // note
	// Accounts by user name, lower case. Only consulted under guests: local.
	Accounts map[string]*Account
	// Limited: an account here has a number of devices of its own (Account.Sessions).
	Limited bool
	// Inputs are devices that log in by MAC alone under guests: local.
	Inputs map[MAC]MACInput
	// Stays by room, present and to come; several of a room where guests share or follow each other.
	Stays map[string][]GuestStay
	// When accounts and inputs that are gone were removed: whoever came by one before
	// that must go.
	RetiredAccounts map[string]time.Time
	RetiredInputs   map[MAC]time.Time
	// Veil names the devices where their addresses are not kept; nil where they are. All
	// of the above knows them by the same names.
	Veil *Veil
}

// Account is a local guest account. CHAP needs the clear password, so it is kept.
type Account struct {
	UserName  string    `json:"user_name"`
	Password  string    `json:"-"`
	ExpiresAt time.Time `json:"expires_at,omitzero"` // zero: never
	Sessions  int       `json:"sessions,omitempty"`  // devices online at once; 0: as the Location says
	Note      string    `json:"note,omitempty"`
	CreatedAt time.Time `json:"created_at"`
}

// MACInput lets one device in without a password.
type MACInput struct {
	MAC       MAC       `json:"mac"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	Note      string    `json:"note,omitempty"`
	CreatedAt time.Time `json:"created_at"`
}

// ListedDevice is a line of the blocked or exempt list.
type ListedDevice struct {
	MAC  MAC       `json:"mac"`
	Kind string    `json:"kind"` // blocked or exempt
	Note string    `json:"note,omitempty"`
	At   time.Time `json:"since"`
}

// DeviceInfo is one line of `device list`; its JSON names are relied on outside.
type DeviceInfo struct {
	MAC            MAC       `json:"mac"`
	FirstSeen      time.Time `json:"first_seen"`
	LastSeen       time.Time `json:"last_seen"`
	Counted        bool      `json:"counted"`
	Reason         string    `json:"reason,omitempty"`
	PrivateAddress bool      `json:"private_address"`
}

// SessionInfo is one line of `session list`; its JSON names are relied on outside.
type SessionInfo struct {
	Location       string     `json:"location"`
	SessionID      string     `json:"session_id"`
	MAC            string     `json:"mac"` // empty when the packets held none
	AP             string     `json:"ap"`
	SSID           string     `json:"ssid,omitempty"`
	Room           string     `json:"room,omitempty"`
	UserName       string     `json:"user_name"`
	StartedAt      time.Time  `json:"started_at"`
	UpdatedAt      time.Time  `json:"updated_at"`
	EndedAt        *time.Time `json:"ended_at"`
	InputOctets    uint64     `json:"input_octets"`
	OutputOctets   uint64     `json:"output_octets"`
	SessionTime    uint32     `json:"session_time"`
	TerminateCause string     `json:"terminate_cause"`
	ClosedBy       Closing    `json:"closed_by,omitempty"` // stop, nas or gateway; empty while open
	Records        int        `json:"records"`             // distinct accounting records in it
	Lab            bool       `json:"lab,omitempty"`
	NAS            string     `json:"nas,omitempty"`
	Leg            int        `json:"leg,omitempty"` // 0, then one more for each time the NAS gave the id out again
	MultiSessionID string     `json:"multi_session_id,omitempty"`
	// Connection is the same for all sessions that are one: the legs of an id, and the hops that the NAS says belong together (Acct-Multi-Session-Id).
	Connection string `json:"connection"`
	// Disconnect is what became of ending it, since the gateway was started.
	Disconnect *Disconnect `json:"disconnect,omitempty"`
	// Ident names it within the gateway, with Leg.
	Ident Ident `json:"-"`
}
