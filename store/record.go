package store

import (
	"encoding/binary"
	"math"
	"time"

	"tallygate/macwatch"
)

// record stores one Accounting-Request. When it returns nil and the transaction is
// committed, the record is kept exactly once, however often it came.
func (b *batch) record(r *macwatch.Record) error {
	r.Err = nil
	r.Arrival = r.Arrival.UTC().Truncate(time.Microsecond)
	event := r.Event()
	ident := r.Ident()
	switch {
	case !r.Status.Known() && r.Ignored == "":
		return b.keepRaw(r, ident, event, "unknown-status")
	case r.Ignored != "":
		return b.keepRaw(r, ident, event, r.Ignored)
	}
	if b.w.s.keepRaw {
		if err := b.keepRaw(r, ident, event, ""); err != nil {
			return err
		}
	}
	if r.Status == macwatch.StatusOn || r.Status == macwatch.StatusOff {
		return b.nasEvent(r, ident, event)
	}
	hand, err := b.hold(ident)
	if err != nil {
		return err
	}
	outcome, session := macwatch.NextLeg, hand.session
	if session != nil {
		outcome = session.Apply(r, event)
	}
	switch outcome {
	case macwatch.Duplicate:
		return nil
	case macwatch.PriorLeg:
		if session, err = b.applyBefore(session, r, event); session == nil || err != nil {
			return err
		}
	case macwatch.NextLeg:
		prior := session
		session = macwatch.OpenSession(r, ident, event, prior)
		if prior != nil {
			// From now on only its row tells of it.
			if err := b.saveRow(prior); err != nil {
				return err
			}
			session.Prior = b.rowOf(prior)
		}
		if p := b.place(r.Location); p != nil {
			began := session.StartedAt
			if r.Status == macwatch.StatusStart {
				began = r.Moment(event)
			}
			_, session.Lab = p.location.LabAt(began)
		}
		hand.session = session
		b.touch(hand)
	case macwatch.Applied:
		b.touch(hand)
	}
	if err := b.seeAP(r); err != nil {
		return err
	}
	return b.sight(r, session, event)
}

// applyBefore applies a late record to the leg that it belongs to, some leg before s.
// It returns that leg, or nil when the record was there already.
func (b *batch) applyBefore(s *macwatch.Session, r *macwatch.Record, event time.Time) (*macwatch.Session, error) {
	for row := s.Prior; row != 0; {
		prior, err := b.w.loadRow(row)
		if prior == nil || err != nil {
			return nil, err
		}
		switch prior.Apply(r, event) {
		case macwatch.PriorLeg:
			row = prior.Prior
		case macwatch.Applied:
			return prior, b.w.updateSession(prior, prior.ID)
		default:
			return nil, nil
		}
	}
	return nil, nil
}

// repeatGuard is how far apart two records of the same content may lie and still be
// one: any distance when they carry Event-Timestamp, else what computed times differ by.
func repeatGuard(r *macwatch.Record) int64 {
	if r.HasEventTimestamp {
		return math.MaxInt64
	}
	return (5 * time.Second).Microseconds()
}

// repeatKey is the same for a record and its repeats, whatever their Identifier.
func repeatKey(r *macwatch.Record, ident macwatch.Ident) []byte {
	return binary.BigEndian.AppendUint64(ident[:], r.Key())
}

// keepRaw keeps the packet as it came; with a reason (nothing else is kept of it)
// only once.
func (b *batch) keepRaw(r *macwatch.Record, ident macwatch.Ident, event time.Time, reason string) error {
	var key []byte
	if reason != "" {
		key = repeatKey(r, ident)
	}
	_, err := b.w.stmts.insertRaw.exec(r.Client, r.Location, nullBlob(key), int64(r.Status), reason,
		micros(event), micros(r.Arrival), blob(r.Packet), repeatGuard(r))
	return wrap("keep a raw record", err)
}

// nasEvent closes what an Accounting-On or Accounting-Off names: the sessions of
// this client and NAS, and, where Called-Station-Id names an AP, of that AP only.
// Never "everything from this address": controllers speak for many.
func (b *batch) nasEvent(r *macwatch.Record, ident macwatch.Ident, event time.Time) error {
	added, err := b.w.stmts.insertNASEvent.exec(r.Client, string(r.NAS), repeatKey(r, ident), int64(r.Status),
		int64(r.CalledMAC), micros(event), micros(r.Arrival), repeatGuard(r))
	if err != nil || added == 0 {
		return wrap("keep an Accounting-On/Off", err)
	}
	if err := b.foldAll(); err != nil {
		return err
	}
	open, err := b.w.openSessionsOf(r.Client, string(r.NAS), r.CalledMAC)
	if err != nil {
		return err
	}
	for _, s := range open {
		if !s.CloseByNAS(r.Status, event) {
			continue
		}
		if err := b.w.updateSession(s, s.ID); err != nil {
			return err
		}
		if err := b.replace(s); err != nil {
			return err
		}
	}
	return nil
}
