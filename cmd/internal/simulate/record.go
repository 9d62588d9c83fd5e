package simulate

import (
	"encoding/binary"
	"time"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"
	"layeh.com/radius/rfc2869"
)

// Acct-Status-Type values (RFC 2866 section 5.1) by the names that the ledger uses.
var statusCodes = map[string]uint32{"Start": 1, "Stop": 2, "Interim-Update": 3, "Accounting-On": 7, "Accounting-Off": 8}

// Acct-Terminate-Cause values (RFC 2866 section 5.10).
const (
	causeUserRequest = 1
	causeLostService = 3
)

// record is one accounting record on its way.
type record struct {
	request Request
	entry   Entry
	ap      *accessPoint
}

// identify says who and where, the vendor's way.
func (s *stay) identify(req *Request) {
	s.ap.identify(req)
	req.Text(rfc2865.CallingStationID_Type, s.ap.vendor.calling.of(s.guest.mac))
	req.Attributes.Add(rfc2865.FramedIPAddress_Type, binary.BigEndian.AppendUint32(nil, s.guest.ip))
}

func (ap *accessPoint) identify(req *Request) {
	req.Attributes.Add(rfc2865.NASIPAddress_Type, binary.BigEndian.AppendUint32(nil, ap.ip))
	req.Text(rfc2865.NASIdentifier_Type, ap.vendor.nas(ap))
	called := ap.vendor.called.of(ap.mac)
	if ap.vendor.ssid {
		called += ":Guest WiFi"
	}
	req.Text(rfc2865.CalledStationID_Type, called)
	req.Integer(rfc2865.NASPortType_Type, 19) // Wireless - IEEE 802.11
}

// entry is the ledger's view of something that this access point reports now.
func (ap *accessPoint) entry(status string) Entry {
	return Entry{AP: colons.of(ap.mac), NAS: ap.vendor.nas(ap), Status: status, SentAt: time.Now().UnixMilli()}
}

// record makes the accounting record of what happens now. cause is that of a Stop.
func (s *stay) record(status string, cause uint32) record {
	v := s.ap.vendor
	e := s.ap.entry(status)
	e.SessionID, e.MAC, e.UserName = s.session, colons.of(s.guest.mac), s.userName

	req := Request{Code: radius.CodeAccountingRequest, Delays: v.delays}
	req.Integer(rfc2866.AcctStatusType_Type, statusCodes[status])
	req.Text(rfc2866.AcctSessionID_Type, s.session)
	if s.multi != "" {
		req.Text(rfc2866.AcctMultiSessionID_Type, s.multi)
	}
	req.Text(rfc2865.UserName_Type, s.userName)
	s.identify(&req)
	req.Integer(rfc2866.AcctAuthentic_Type, 1) // RADIUS
	if s.class != nil {
		req.Attributes.Add(rfc2865.Class_Type, s.class)
	}
	if v.stamps {
		e.EventTimestamp = time.Now().Unix()
		req.Integer(rfc2869.EventTimestamp_Type, uint32(e.EventTimestamp))
	}
	if status != "Start" {
		e.SessionTime = uint32(time.Since(s.begun) / time.Second)
		e.InputOctets, e.OutputOctets = s.input, s.output
		req.Integer(rfc2866.AcctSessionTime_Type, e.SessionTime)
		req.Integer(rfc2866.AcctInputOctets_Type, uint32(s.input))
		req.Integer(rfc2866.AcctOutputOctets_Type, uint32(s.output))
		req.Integer(rfc2869.AcctInputGigawords_Type, uint32(s.input>>32))
		req.Integer(rfc2869.AcctOutputGigawords_Type, uint32(s.output>>32))
	}
	if status == "Stop" {
		req.Integer(rfc2866.AcctTerminateCause_Type, cause)
	}
	return record{request: req, entry: e, ap: s.ap}
}
