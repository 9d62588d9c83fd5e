package store

import (
	"context"
	"fmt"
	"time"

	"tallygate/macwatch"
)

// How a device's address stands in a kind of data; the second under mac_storage: hmac.
var (
	asDevice   = [2]string{"clear", "pseudonym"}
	asTexts    = [2]string{"clear", "pseudonym; sealed while the session is open"}
	asPacket   = [2]string{"clear", "sealed"}
	asEvidence = [2]string{"pseudonym", "pseudonym"}
	asNone     = [2]string{"none", "none"}
)

// DataMap tells what is stored of guests, how, and for how long.
func (s *Store) DataMap(ctx context.Context) (m macwatch.DataMap, err error) {
	m = macwatch.DataMap{MACStorage: MACClear, Preset: s.keep.Preset, KeepRaw: s.keepRaw, Kinds: []macwatch.DataKind{}}
	how := 0
	if s.veils.concealed {
		m.MACStorage, how = MACHMAC, 1
	}
	if s.veils.master != nil {
		m.Key, m.KeyID = s.veils.path, s.veils.fingerprint()
	}
	const ended, erased = "after the contract's end", "erased"
	for _, k := range []struct {
		kind, what, table string
		address           [2]string
		keep              time.Duration
		since, erase      string
	}{
		{"session", "who was online, when, where and how much", "sessions", asTexts, s.keep.Sessions, "since their end", erased},
		{"nas_event", "restarts of APs and controllers", "nas_events", asNone, s.keep.NASEvents, "", "nothing in it"},
		{"raw_record", "packets as they came", "raw_records", asPacket, s.keep.RawRecords, "", erased},
		{"device", "devices, when first and last seen", "devices", asDevice, s.keep.Devices, "since they were seen; not those that a start still rests on", erased},
		{"counted", "devices behind a license's count", "counted", asDevice, s.keep.Counted, ended, "a pseudonym stays, so that the count does"},
		{"receipt_device", "addresses behind start receipts", "receipt_devices", asDevice, s.keep.ReceiptDevices, ended, erased},
		{"receipt", "start receipts", "receipts", asEvidence, 0, "", "stays: evidence"},
		{"listed_device", "exempt and blocked devices", "listed_devices", asDevice, 0, "", "if asked"},
		{"mac_input", "devices that log in by their address", "mac_inputs", asDevice, 0, "", "if asked"},
		{"guest_account", "names and passwords of guest accounts", "accounts", asNone, 0, "", "`tallygate guest remove`"},
		{"notice", "answers of mail servers; recipients that were removed", "attempts", asNone, s.keep.Notices, "", "nothing in it"},
		{"audit", "every change", "audit", asEvidence, 0, "", "stays: evidence"},
	} {
		d := macwatch.DataKind{Kind: k.kind, What: k.what, Address: k.address[how], Keep: "for ever", Erase: k.erase}
		if k.keep > 0 {
			d.Days = int(max(k.keep, MinRetention) / (24 * time.Hour))
			d.Keep = fmt.Sprintf("%d days", d.Days)
			if k.since != "" {
				d.Keep += " " + k.since
			}
		}
		if err := s.readers.QueryRowContext(ctx, `SELECT count(*) FROM `+k.table).Scan(&d.Rows); err != nil {
			return m, wrap("count what is stored", err)
		}
		m.Kinds = append(m.Kinds, d)
	}
	return m, nil
}
