package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"tallygate/store"
)

// RetentionConfig is how long what is no longer needed is kept, in days. 0: what the
// preset says; without one, for ever.
type RetentionConfig struct {
	Preset            string `yaml:"preset"`              // minimal, france-1-year-traffic or spain-12-months
	SessionDays       Whole  `yaml:"session_days"`        // closed sessions, since their end: 2 or more
	NASEventDays      Whole  `yaml:"nas_event_days"`      // Accounting-On and -Off; 0: as sessions
	RawRecordDays     Whole  `yaml:"raw_record_days"`     // packets as they came; 0: as sessions
	DeviceDays        Whole  `yaml:"device_days"`         // devices that were not seen since
	CountedDays       Whole  `yaml:"counted_days"`        // devices behind a count, after the contract's end
	ReceiptDeviceDays Whole  `yaml:"receipt_device_days"` // addresses behind a start receipt, after the contract's end
	NoticeDays        Whole  `yaml:"notice_days"`         // answers of mail servers, addresses of removed recipients
	AuditDays         Whole  `yaml:"audit_days"`          // 0, and nothing else
}

// yearly is what laws that ask for traffic data of twelve months come to: never a day
// less, in leap years either.
var yearly = RetentionConfig{
	SessionDays: 366, NASEventDays: 366, RawRecordDays: 366, DeviceDays: 366, CountedDays: 366, ReceiptDeviceDays: 366, NoticeDays: 366,
}

// retentionPresets are to be confirmed with counsel: which law a venue is under, and
// whether it is, no program can know.
var retentionPresets = map[string]RetentionConfig{
	"": {},
	"minimal": {
		SessionDays: 7, NASEventDays: 7, RawRecordDays: 2, DeviceDays: 30, CountedDays: 30, ReceiptDeviceDays: 30, NoticeDays: 30,
	},
	"france-1-year-traffic": yearly,
	"spain-12-months":       yearly,
}

// terms are the days, and what they are called in the file.
func (c *RetentionConfig) terms() map[string]*Whole {
	return map[string]*Whole{
		"session_days": &c.SessionDays, "nas_event_days": &c.NASEventDays, "raw_record_days": &c.RawRecordDays, "device_days": &c.DeviceDays,
		"counted_days": &c.CountedDays, "receipt_device_days": &c.ReceiptDeviceDays, "notice_days": &c.NoticeDays, "audit_days": &c.AuditDays,
	}
}

// effective is the preset with what is said beside it.
func (c RetentionConfig) effective() RetentionConfig {
	out := retentionPresets[c.Preset]
	out.Preset = c.Preset
	said := c.terms()
	for name, days := range out.terms() {
		*days = cmp.Or(*said[name], *days)
	}
	return out
}

// keep is that for the store.
func (c RetentionConfig) keep() store.Retention {
	e := c.effective()
	days := func(n Whole) time.Duration { return time.Duration(n) * 24 * time.Hour }
	return store.Retention{
		Preset: e.Preset, Sessions: days(e.SessionDays), NASEvents: days(e.NASEventDays), RawRecords: days(e.RawRecordDays),
		Devices: days(e.DeviceDays), Counted: days(e.CountedDays), ReceiptDevices: days(e.ReceiptDeviceDays), Notices: days(e.NoticeDays),
	}
}

// whyNotShorter says what needs the data for longer.
var whyNotShorter = map[string]string{
	"session_days":        "a packet may come a day late, so that two days are the least; 0 keeps sessions for ever",
	"nas_event_days":      "a packet may be repeated a day later, so that two days are the least; 0: as session_days",
	"raw_record_days":     "a packet may be repeated a day later, so that two days are the least; 0: as session_days",
	"device_days":         "a sighting may come a day late, so that two days are the least; 0 keeps devices for ever",
	"counted_days":        "a license's count is its evidence until the contract is over, and late packets may follow for a day; 0 keeps it for ever",
	"receipt_device_days": "a start may be disputed until the contract is over; 0 keeps the addresses behind a receipt for ever",
	"notice_days":         "a delivery is tried for a day and a half; 0 keeps the answers for ever",
}

func (c RetentionConfig) check() *mistake {
	if _, known := retentionPresets[c.Preset]; !known {
		var names []string
		for name := range retentionPresets {
			if name != "" {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		return &mistake{path: "$.retention.preset", message: fmt.Sprintf("%q is no preset of retention", c.Preset),
			hint: "presets: " + strings.Join(names, ", ") + "; confirm with counsel which one is yours"}
	}
	if c.AuditDays != 0 {
		return &mistake{path: "$.retention.audit_days", message: "the audit log is never deleted",
			hint: "licenses are proved and restored from it, and it holds no addresses: leave audit_days out"}
	}
	said := c.terms()
	for _, name := range []string{"session_days", "nas_event_days", "raw_record_days", "device_days", "counted_days", "receipt_device_days", "notice_days"} {
		m := &mistake{path: "$.retention." + name, hint: whyNotShorter[name]}
		switch days := int(*said[name]); {
		case days == 0:
			continue
		case days < minSessionDays:
			m.message = fmt.Sprintf("%s must be %d or more, or 0, not %d", name, minSessionDays, days)
		case days > maxSessionDays:
			m.message = fmt.Sprintf("%s must be at most %d, not %d", name, maxSessionDays, days)
		default:
			continue
		}
		return m
	}
	return nil
}
