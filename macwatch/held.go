package macwatch

import "time"

// DeviceQuery asks what is stored about a device.
type DeviceQuery struct {
	MAC      MAC    `json:"mac"`                // an address, or a pseudonym
	Location string `json:"location,omitempty"` // empty: at every Location
	Reason   string `json:"reason"`             // why; it goes into the audit log
	Export   bool   `json:"export,omitempty"`   // the answer is handed out, say to the guest
}

// HeldDevice is everything that is stored about a device at a Location.
type HeldDevice struct {
	Location string   `json:"location"`
	MAC      MAC      `json:"mac"`   // as it is stored
	Names    []string `json:"names"` // on receipts and in the audit log, where nothing is ever deleted

	Seen     *DeviceInfo    `json:"seen"`
	Counted  []HeldCount    `json:"counted"`
	Listed   []ListedDevice `json:"listed"`
	Input    *MACInput      `json:"mac_input"`
	Sessions []SessionInfo  `json:"sessions"`
	Receipts []string       `json:"receipts"` // licenses whose start receipt it stands behind
	Raw      []HeldPacket   `json:"raw_records"`
	Others   map[string]int `json:"others,omitempty"` // rows of further tables
}

// Empty reports whether nothing is stored about the device there.
func (h *HeldDevice) Empty() bool {
	return h.Seen == nil && h.Input == nil && len(h.Counted)+len(h.Listed)+len(h.Sessions)+len(h.Receipts)+len(h.Raw)+len(h.Others) == 0
}

// HeldCount is a license for which a device counts.
type HeldCount struct {
	License   string    `json:"license"`
	FirstAt   time.Time `json:"first_at"`
	AP        string    `json:"ap"`
	SessionID string    `json:"session_id"`
}

// HeldPacket is a raw record that names a device.
type HeldPacket struct {
	At     time.Time `json:"at"`
	Reason string    `json:"reason"`
	Packet []byte    `json:"packet"` // base64
}

// Erasure is what was erased of a device, or would be, by kind of data.
type Erasure struct {
	MAC       MAC            `json:"mac"`
	Locations []string       `json:"locations"` // those that held something
	Erased    map[string]int `json:"erased"`    // rows
	Kept      map[string]int `json:"kept"`      // rows that stay, without the address
	Rewritten bool           `json:"rewritten"` // the files hold nothing of it any more; else a purge with rewrite sees to that
	DryRun    bool           `json:"dry_run,omitempty"`
}

// ErasureOrder says what to erase.
type ErasureOrder struct {
	MAC      MAC    `json:"mac"`
	Location string `json:"location,omitempty"` // empty: at every Location
	Reason   string `json:"reason"`
	Lists    bool   `json:"lists"` // from the lists of exempt and blocked devices and the MAC inputs as well
}

// Purge is what retention has deleted, or would.
type Purge struct {
	Deleted     []PurgedKind `json:"deleted"`
	Provisional bool         `json:"clock_provisional,omitempty"` // the time rests on a jump: devices wait
	Rewritten   bool         `json:"rewritten,omitempty"`         // the files hold nothing of it any more
	DryRun      bool         `json:"dry_run,omitempty"`
}

// PurgedKind is a kind of data and the rows of it that were deleted.
type PurgedKind struct {
	Kind string `json:"kind"`
	Rows int64  `json:"rows"`
}

// DataMap is what is stored of guests, how, and for how long.
type DataMap struct {
	MACStorage string     `json:"mac_storage"`
	Key        string     `json:"key_file,omitempty"`
	KeyID      string     `json:"key_id,omitempty"` // fingerprint
	Preset     string     `json:"preset,omitempty"`
	KeepRaw    bool       `json:"keep_raw"`
	Kinds      []DataKind `json:"data"`
}

// DataKind is a line of it.
type DataKind struct {
	Kind    string `json:"kind"`
	What    string `json:"what"`
	Address string `json:"address"` // how the device's address stands in it
	Rows    int64  `json:"rows"`
	Keep    string `json:"keep"` // in words
	Days    int    `json:"keep_days"`
	Erase   string `json:"erase"` // what `privacy erase` does with it
}
