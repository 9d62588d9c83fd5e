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
	ident := b.w.identOf(r)
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
	var prior *macwatch.Session
	if session != nil {
		outcome = session.Apply(r, event)
	}
	switch outcome {
	case macwatch.Duplicate:
		return nil
	case macwatch.PriorLeg:
		if session, err = b.applyBefore(hand, r, event); session == nil || err != nil {
			return err
		}
	case macwatch.NextLeg:
		prior = session
		session = macwatch.OpenSessionInto(b.w.spare.take(), &b.w.names, r, ident, event, prior)
		b.closeByEarlierEvent(session)
		if prior != nil {
			prior.Lapse() // its end was lost
			// From now on only its row tells of it.
			if err := b.saveRow(prior); err != nil {
				return err
			}
			session.Prior = prior.ID
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
	if session.Reports(r, event, prior) {
		if err := b.noteReporter(session); err != nil {
			return err
		}
	}
	if err := b.seeAP(r); err != nil {
		return err
	}
	return b.sight(r, session, event)
}

// applyBefore applies a late record to the leg that it belongs to, some leg before the one
// in hand. It returns that leg, or nil when the record was there already.
func (b *batch) applyBefore(hand *inHand, r *macwatch.Record, event time.Time) (*macwatch.Session, error) {
	after := hand.session
	for after.Prior != 0 {
		prior, err := b.w.loadRow(after.Prior)
		if err != nil {
			return nil, err
		}
		outcome := macwatch.NextLeg // its row is gone: what came after it is the oldest
		if prior != nil {
			outcome = prior.Apply(r, event)
		}
		switch outcome {
		case macwatch.PriorLeg:
			after = prior
			continue
		case macwatch.Applied:
			prior.Lapse() // another leg follows: it does not reopen
			return prior, b.w.updateSession(prior, prior.ID)
		case macwatch.NextLeg: // it lies between the two: the beginning of the later one
			after.Take(r, event)
			if after == hand.session {
				b.touch(hand)
				return after, nil
			}
			after.Lapse()
			return after, b.w.updateSession(after, after.ID)
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
	err := b.w.stmts.insertRaw.write(r.Client, r.Location, nullBlob(key), int64(r.Status), reason,
		micros(event), micros(r.Arrival), blob(b.w.sealedPacket(r.Packet)), repeatGuard(r))
	return wrap("keep a raw record", err)
}
