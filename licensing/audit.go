package licensing

import (
	"encoding/json"
	"time"
)

// AuditEntry is one line of the audit log.
type AuditEntry struct {
	Seq     int64           `json:"seq"` // 1, 2, 3 …
	At      time.Time       `json:"at"`
	Actor   string          `json:"actor"`
	Action  string          `json:"action"` // noun.verb
	Subject string          `json:"subject"`
	Detail  json.RawMessage `json:"detail"` // pseudonyms, never MACs or secrets
}

// AuditFilter narrows `audit list`. Zero fields do not filter.
type AuditFilter struct {
	Since   time.Time // from then on
	Until   time.Time // before then
	Subject string    // license number, Location id …, without regard to case
	Actor   string    // or a part of it, likewise
	Action  string    // "license.deny", or "license" for all of a noun
}
