package radiusd

import (
	"cmp"
	"encoding/binary"
	"hash/maphash"
	"sync"
	"sync/atomic"

	"tallygate/macwatch"
)

// joins remembers which device a login was, for accounting that does not say: that of
// OPNsense and of UniFi's controller names the session or the user only. A device is
// found again by the NAS and, in this order, the session id, a Class that is not ours,
// and the User-Name. (Our own Class holds the device itself, see class.go.)
//
// Only logins of makes that need it are written down, and sessions that were found here;
// what names its device itself costs nothing. The memory is bounded: the entry that was
// not asked for the longest gives way.
type joins struct {
	seeds  [2]maphash.Seed
	wanted atomic.Pointer[map[int64]struct{}] // clients whose accounting has come without a device

	mu      sync.Mutex
	index   map[joinKey]int32
	entries []joinEntry
	hand    int // of the clock that looks for the entry to give up
}

// maxJoins bounds the memory: about 12 MB of it.
const maxJoins = 1 << 16

// joinKey is what an entry is found by, hashed twice under keys of this process.
type joinKey [2]uint64

type joinEntry struct {
	key    joinKey
	mac    macwatch.MAC
	asked  bool // since the hand was last here
	shared bool // several devices have logged in under it
	ap     uint8
	ssid   uint8
	text   [126]byte // AP, then SSID
}

// What an entry is about.
const (
	joinSession = 's'
	joinClass   = 'c'
	joinUser    = 'u'
)

// joined is what an earlier packet has said of a device.
type joined struct {
	mac      macwatch.MAC
	by       string // the attribute that both packets have
	ap, ssid []byte // into scratch; nil when it did not say
	scratch  [126]byte
}

func newJoins() *joins {
	return &joins{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, index: make(map[joinKey]int32)}
}

func (j *joins) key(kind byte, client int64, nas, value []byte) joinKey {
	var b [8 + 1 + 2*maxValue + 2]byte
	k := binary.BigEndian.AppendUint64(b[:0], uint64(client))
	k = append(k, kind, byte(len(nas)))
	k = append(k, nas...)
	k = append(k, value...)
	return joinKey{maphash.Bytes(j.seeds[0], k), maphash.Bytes(j.seeds[1], k)}
}

// wants reports whether a client's accounting has ever come without a device.
func (j *joins) wants(client int64) bool {
	wanted := j.wanted.Load()
	if wanted == nil {
		return false
	}
	_, ok := (*wanted)[client]
	return ok
}

// want notes that a client's accounting comes without a device.
func (j *joins) want(client int64) {
	if j.wants(client) {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	next := map[int64]struct{}{client: {}}
	if old := j.wanted.Load(); old != nil {
		for c := range *old {
			next[c] = struct{}{}
		}
	}
	j.wanted.Store(&next)
}

// learn notes whose login or session a packet is about. login: it is an Access-Request,
// whose User-Name tells as well.
func (j *joins) learn(client int64, p *packet, id *identity, login bool) {
	if id.mac == 0 {
		return
	}
	e := entryOf(id)
	if session := p.value(attrAcctSessionID); len(session) > 0 {
		j.put(j.key(joinSession, client, id.nas, session), e)
	}
	if class := p.value(attrClass); len(class) > 0 && !ourClass(class) {
		j.put(j.key(joinClass, client, id.nas, class), e)
	}
	if login && len(id.userName) > 0 && !id.macLogin {
		j.put(j.key(joinUser, client, id.nas, id.userName), e)
	}
}

// forsake notes that nobody knows whose session this is.
func (j *joins) forsake(client int64, p *packet, id *identity) {
	if session := p.value(attrAcctSessionID); len(session) > 0 {
		j.put(j.key(joinSession, client, id.nas, session), joinEntry{})
	}
}

func entryOf(id *identity) joinEntry {
	// By the address, which a login knows and the pseudonym of which depends on the Location.
	e := joinEntry{mac: cmp.Or(id.address, id.mac)}
	if id.apSource != "" || id.joinedAP {
		e.ap = uint8(copy(e.text[:], id.ap))
		if int(e.ap) < len(id.ap) {
			e.ap = 0 // half a name would be another AP's
		}
	}
	if n := copy(e.text[e.ap:], id.ssid); n == len(id.ssid) {
		e.ssid = uint8(n)
	}
	return e
}

// find looks for the device that an earlier packet has named. A user name that several
// devices share means the latest of them while a session begins, and nobody later.
func (j *joins) find(client int64, p *packet, id *identity, begins bool, to *joined) bool {
	for _, k := range [...]struct {
		kind  byte
		value []byte
		by    string
	}{
		{joinSession, p.value(attrAcctSessionID), macwatch.SourceSessionID},
		{joinClass, p.value(attrClass), "Class"},
		{joinUser, id.userName, macwatch.SourceUserName},
	} {
		if len(k.value) > 0 && j.get(j.key(k.kind, client, id.nas, k.value), k.kind == joinUser && !begins, to) {
			to.by = k.by
			return to.mac != 0
		}
	}
	return false
}

func (j *joins) get(key joinKey, alone bool, to *joined) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	i, ok := j.index[key]
	if !ok || alone && j.entries[i].shared {
		return false
	}
	e := &j.entries[i]
	e.asked = true
	to.mac, to.scratch = e.mac, e.text
	to.ap, to.ssid = to.scratch[:e.ap], to.scratch[e.ap:e.ap+e.ssid]
	return true
}

func (j *joins) put(key joinKey, e joinEntry) {
	e.key = key
	j.mu.Lock()
	defer j.mu.Unlock()
	if i, ok := j.index[key]; ok {
		old := &j.entries[i]
		e.shared = old.shared || old.mac != e.mac
		e.asked = true
		*old = e
		return
	}
	if len(j.entries) < maxJoins {
		j.entries = append(j.entries, e)
		j.index[key] = int32(len(j.entries) - 1)
		return
	}
	for j.entries[j.hand].asked {
		j.entries[j.hand].asked = false
		j.hand = (j.hand + 1) % maxJoins
	}
	delete(j.index, j.entries[j.hand].key)
	j.entries[j.hand] = e
	j.index[key] = int32(j.hand)
	j.hand = (j.hand + 1) % maxJoins
}

// take completes an identity by a join. whole: the packet names nobody.
func (id *identity) take(found *joined, whole bool) {
	if whole {
		id.mac, id.source, id.nameless = found.mac, macwatch.SourceJoin, false
	}
	if id.apSource == "" && len(found.ap) > 0 {
		id.ap, id.joinedAP = append(id.apText[:0], found.ap...), true
	}
	if id.ssid == nil && len(found.ssid) > 0 {
		id.ssid = append(id.ssidText[:0], found.ssid...)
	}
}

// mayJoin reports whether an earlier packet may know better who this is: nobody is named,
// or by a User-Name that may as well be the number of a ticket.
func (id *identity) mayJoin() bool {
	return id.nameless || id.source == macwatch.SourceUserName && macwatch.Voucher(id.userName)
}
