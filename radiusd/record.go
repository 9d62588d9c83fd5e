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
// That is no more than the way needs: there are hundreds, and what the next packet finds
// in one of them the processor has long forgotten. What finding out who and where takes is
// the reader's, which is always at hand.
type pendingRecord struct {
	request
	datagram
	record macwatch.Record
	texts  []byte           // of the record, that need not stand in the packet
	memory [shortTexts]byte // of texts, as a rule
	place  *location        // that it is about; nil: not known
	signed bool             // the answer carries Message-Authenticator

	// What the trace shows instead of an address (0: there is none to hide). The record's own
	// are 0 where it is about the NAS, whatever else the packet holds.
	address, pseudonym macwatch.MAC
}

// shortTexts is what the texts of nearly all records take.
const shortTexts = 256

// take makes a of the packet that the reader has in hand.
func (a *pendingRecord) take(r *reader) {
	p, id := &r.packet, &r.id
	a.request = r.request
	a.raw, a.proxyStates = append(a.raw[:0], p.raw...), p.proxyStates
	p.raw = a.raw // its offsets fit the copy as well
	a.signed = p.has(attrMessageAuthenticator)

	id.read(p, r.source.Addr(), r.client.manner)
	r.server.recognise(r.client, id)
	l := r.complete(p, id)
	a.place = l
	place := r.client.LocationID
	if l != nil {
		id.enter(p, l)
		place = l.ID
	}
	a.address, a.pseudonym = id.address, id.mac
	a.record = macwatch.Record{
		Location: place,
		Client:   r.client.ID,
		Arrival:  r.now,
		Packet:   a.raw,
		Done:     r.server,
		Reply:    a,
	}
	a.identify(p, id)
	a.record.Origin.Source = r.source.Addr()
	a.measure(p)
	if l == nil {
		a.record.Ignored = ignoredUnknownLocation
	}
	a.record.Accepted = r.wasAccepted(&a.record, l)
}

// keep copies a text that may stand in the reader's memory.
func keep[T string | []byte](a *pendingRecord, text T) []byte {
	begin := len(a.texts)
	a.texts = append(a.texts, text...)
	return a.texts[begin:len(a.texts):len(a.texts)]
}

// identify fills in who and where.
func (a *pendingRecord) identify(p *packet, id *identity) {
	rec := &a.record
	a.texts = a.memory[:0]
	rec.MAC, rec.Address = id.mac, id.address
	rec.NAS = keep(a, id.nas)
	rec.AP = keep(a, id.ap)
	if id.called.MAC.Device() {
		rec.CalledMAC = id.called.MAC
	}
	rec.SSID = keep(a, id.ssid)
	rec.Room = keep(a, id.room)
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
func (a *pendingRecord) measure(p *packet) {
	rec := &a.record
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
func (r *reader) wasAccepted(rec *macwatch.Record, l *location) bool {
	if rec.MAC == 0 {
		return false
	}
	if r.packet.has(attrClass) {
		for class := range r.packet.attributes().each(attrClass) { // RFC 2865 section 5.25 allows several
			// One of before addresses were veiled names the address.
			if r.hash.validClass(class, rec.Location, rec.MAC, r.now) || rec.Address != 0 && r.hash.validClass(class, rec.Location, rec.Address, r.now) {
				return true
			}
		}
	}
	return l != nil && l.Settings.Count == licensing.CountAccepted && r.server.accepted.Contains(acceptedDevice{rec.Location, rec.MAC})
}
