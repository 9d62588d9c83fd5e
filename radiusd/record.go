package radiusd

import (
	"encoding/binary"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// Why a record can only be kept raw (Record.Ignored).
const (
	ignoredNoStatus        = "no-status-type"
	ignoredNoSession       = "no-session-id"
	ignoredMalformed       = "malformed-value"
	ignoredUnknownLocation = "unknown-location"
)

// pendingRecord is an Accounting-Request on its way through the Journal. It has its
// own copy of the octets, into which the record's fields point, so that the
// reader's buffers are free for the next batch; it is used again with all its memory.
type pendingRecord struct {
	request
	record macwatch.Record
	packet packet
	id     identity
	octets []byte
	room   []byte
	place  *location // that it is about; nil: not known
}

// take makes a of the packet that the reader has in hand.
func (a *pendingRecord) take(r *reader) {
	a.request = r.request
	a.octets = append(a.octets[:0], r.packet.raw...)
	a.packet = r.packet // its offsets fit the copy as well
	a.packet.raw = a.octets

	a.id.read(&a.packet, r.source.Addr(), r.client.manner)
	r.server.recognise(r.client, &a.id)
	l := r.complete(&a.packet, &a.id)
	a.place = l
	place := r.client.LocationID
	if l != nil {
		a.id.enter(&a.packet, l)
		place = l.ID
	}
	a.room = append(a.room[:0], a.id.room...)
	a.record = macwatch.Record{
		Location: place,
		Client:   r.client.ID,
		Arrival:  r.now,
		Packet:   a.octets,
		Done:     r.server,
		Reply:    a,
	}
	a.identify()
	a.record.Origin.Source = r.source.Addr()
	a.measure()
	if l == nil {
		a.record.Ignored = ignoredUnknownLocation
	}
	a.record.Accepted = r.wasAccepted(a, l)
}

// identify fills in who and where.
func (a *pendingRecord) identify() {
	p, id, rec := &a.packet, &a.id, &a.record
	rec.MAC, rec.Address = id.mac, id.address
	rec.NAS = id.nas
	rec.AP = id.ap
	if id.called.MAC.Device() {
		rec.CalledMAC = id.called.MAC
	}
	rec.SSID = id.ssid
	rec.Room = a.room
	rec.SessionID = p.value(attrAcctSessionID)
	rec.UserName = id.userName
	rec.Calling = id.calling
	rec.Called = id.called.Text
	rec.Class = p.value(attrClass)
	rec.Origin = macwatch.Origin{NASAddress: nasAddress(p), MultiID: p.value(attrAcctMultiSessionID), AuditID: id.vendor.audit, Vendor: id.profile.vendor}
	if port := p.value(attrNASPort); len(port) == 4 {
		rec.Origin.NASPort = binary.BigEndian.Uint32(port)
	}
}

// measure fills in what happened. A number that is not four octets long is not
// taken for 0: the record is then kept raw.
func (a *pendingRecord) measure() {
	p, rec := &a.packet, &a.record
	n := numbers{p: p}
	rec.Status = macwatch.Status(n.read(attrAcctStatusType))
	rec.EventTimestamp = n.read(attrEventTimestamp)
	rec.HasEventTimestamp = p.has(attrEventTimestamp)
	rec.Delay = n.read(attrAcctDelayTime)
	rec.SessionTime = n.read(attrAcctSessionTime)
	rec.Input = uint64(n.read(attrAcctInputGigawords))<<32 | uint64(n.read(attrAcctInputOctets))
	rec.Output = uint64(n.read(attrAcctOutputGigawords))<<32 | uint64(n.read(attrAcctOutputOctets))
	rec.Gigawords = p.has(attrAcctInputGigawords) || p.has(attrAcctOutputGigawords)
	rec.InputPackets = n.read(attrAcctInputPackets)
	rec.OutputPackets = n.read(attrAcctOutputPackets)
	rec.TerminateCause = n.read(attrAcctTerminateCause)
	// 255.255.255.255 and .254 are not addresses (RFC 2865 section 5.8); some gear
	// sends them while the guest has none.
	if ip := n.read(attrFramedIPAddress); ip < 0xfffffffe {
		rec.FramedIP = ip
	}

	switch {
	case n.malformed:
		rec.Ignored = ignoredMalformed
	case !p.has(attrAcctStatusType):
		rec.Ignored = ignoredNoStatus
	case rec.Status >= macwatch.StatusStart && rec.Status <= macwatch.StatusInterim && len(rec.SessionID) == 0:
		rec.Ignored = ignoredNoSession
	case rec.Status == macwatch.StatusOn || rec.Status == macwatch.StatusOff:
		rec.MAC, rec.Address = 0, 0 // about the NAS, whatever else some of them put in
	}
}

// numbers reads 32-bit attributes strictly.
type numbers struct {
	p         *packet
	malformed bool
}

// read is 0 for an absent attribute.
func (n *numbers) read(kind uint8) uint32 {
	value := n.p.value(kind)
	if len(value) != 4 {
		n.malformed = n.malformed || n.p.has(kind)
		return 0
	}
	return binary.BigEndian.Uint32(value)
}

// wasAccepted reports whether this gateway has accepted the record's device: one of
// its Class attributes is our token, or we remember.
func (r *reader) wasAccepted(a *pendingRecord, l *location) bool {
	rec := &a.record
	if rec.MAC == 0 {
		return false
	}
	if a.packet.has(attrClass) {
		for class := range a.packet.attributes().each(attrClass) { // RFC 2865 section 5.25 allows several
			// One of before addresses were veiled names the address.
			if r.hash.validClass(class, rec.Location, rec.MAC, r.now) || rec.Address != 0 && r.hash.validClass(class, rec.Location, rec.Address, r.now) {
				return true
			}
		}
	}
	return l != nil && l.Settings.Count == licensing.CountAccepted && r.server.accepted.Contains(acceptedDevice{rec.Location, rec.MAC})
}
