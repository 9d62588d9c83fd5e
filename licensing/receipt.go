package licensing

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

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

// Hash names the receipt: SHA-256, in hexadecimal, of its canonical JSON (members
// sorted by name, no spaces, times in UTC). Anybody can recompute it from the
// exported file: jq -jcS .receipt FILE | sha256sum.
func (r Receipt) Hash() (string, error) {
	text, err := r.canonical()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

func (r Receipt) canonical() ([]byte, error) {
	r = r.inUTC()
	text, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("cannot write the receipt: %w", err)
	}
	// By way of a map, whose members are written in order.
	var members map[string]any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&members); err != nil {
		return nil, fmt.Errorf("cannot write the receipt: %w", err)
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(members); err != nil {
		return nil, fmt.Errorf("cannot write the receipt: %w", err)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

// inUTC makes the same instant the same text.
func (r Receipt) inUTC() Receipt {
	r.StartsAt, r.RecordedAt = r.StartsAt.UTC(), r.RecordedAt.UTC()
	r.Sightings = slices.Clone(r.Sightings)
	for i := range r.Sightings {
		r.Sightings[i].At = r.Sightings[i].At.UTC()
	}
	return r
}
