package simulate

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Entry is one accounting record, as the access point sent it.
type Entry struct {
	SessionID string `json:"session_id"` // empty for Accounting-On and -Off
	MAC       string `json:"mac"`        // lower case with colons; empty for Accounting-On and -Off
	AP        string `json:"ap"`         // address, lower case with colons
	NAS       string `json:"nas"`        // NAS-Identifier
	UserName  string `json:"user_name"`
	Status    string `json:"status"` // Start, Interim-Update, Stop, Accounting-On, Accounting-Off

	SessionTime    uint32 `json:"session_time"`    // seconds
	InputOctets    uint64 `json:"input_octets"`    // from the guest, with gigawords
	OutputOctets   uint64 `json:"output_octets"`   // to the guest, with gigawords
	EventTimestamp int64  `json:"event_timestamp"` // seconds since 1970; 0: the packet carried none
	SentAt         int64  `json:"sent_at"`         // first transmission, milliseconds since 1970
	Transmissions  int    `json:"transmissions"`   // until it was answered
}

// ledger writes entries as JSON lines. The first error stays.
type ledger struct {
	w   io.Writer
	err error
}

func (l *ledger) write(e Entry) {
	if l.w == nil || l.err != nil {
		return
	}
	line, err := json.Marshal(e)
	if err == nil {
		_, err = l.w.Write(append(line, '\n'))
	}
	if err != nil {
		l.err = fmt.Errorf("write the ledger: %w", err)
	}
}

// ReadLedger reads what Run wrote to Config.Ledger: one entry per acknowledged
// accounting record, in the order of the acknowledgements.
func ReadLedger(r io.Reader) ([]Entry, error) {
	var out []Entry
	in := bufio.NewReader(r)
	for line := 1; ; line++ {
		b, err := in.ReadBytes('\n')
		if len(b) > 0 {
			var e Entry
			if bad := json.Unmarshal(b, &e); bad != nil {
				return out, fmt.Errorf("ledger line %d: %w", line, bad)
			}
			out = append(out, e)
		}
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, fmt.Errorf("read the ledger: %w", err)
		}
	}
}
