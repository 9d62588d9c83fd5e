package store

import (
	"cmp"
	"context"
	"slices"
	"time"

	"go.uber.org/zap"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// Sizes of folding newcomers, in devices. The more of them wait, the more of their rows,
// which are written in key order, share a page.
const (
	newcomerBacklog = 16384 // beyond it folding follows each batch
	newcomerStep    = 32
)

// newcomer is what `devices` and, where it counts, `counted` shall say of a device.
type newcomer struct {
	key         macwatch.DeviceKey
	first, last time.Time // of its sightings; zero: there was none
	reason      string    // what stood against counting the latest; empty when it counted

	license                   int64     // whose count this is about; 0: of none
	countedFirst, countedLast time.Time // zero: it does not count
	ap, session               string    // of countedFirst; empty when that stands in its row already
}

// see takes in a sighting; it reports whether the row of the device is another one now.
// A later last_seen alone is none: that is written late (see lateSeen).
func (c *newcomer) see(event time.Time, reason string) (changed bool) {
	changed = c.first.IsZero() || event.Before(c.first) || c.reason != reason
	if c.first.IsZero() || event.Before(c.first) {
		c.first = event
	}
	if event.After(c.last) {
		c.last = event
	}
	c.reason = reason
	return changed
}

// count takes in a sighting that counts; windowed says that the latest of them matters,
// too. It reports whether the row is another one now, and whether it is new.
func (c *newcomer) count(r *macwatch.Record, event time.Time, windowed bool) (changed, added bool) {
	added = c.countedFirst.IsZero()
	if added || event.Before(c.countedFirst) {
		c.countedFirst, c.ap, c.session = event, string(r.AP), evidentSession(r)
		changed = true
	}
	if (added || windowed) && event.After(c.countedLast) {
		c.countedLast = event
		changed = true
	}
	return changed, added
}

// settled is from when on a sighting of a device that counts changes none of its rows. One that
// was erased and came again counts from before it was first seen.
func (c *newcomer) settled() time.Time {
	if c.first.After(c.countedFirst) {
		return c.first
	}
	return c.countedFirst
}

// uncount takes back that it counts.
func (c *newcomer) uncount(why licensing.Reason) {
	c.countedFirst, c.countedLast, c.ap, c.session, c.reason = time.Time{}, time.Time{}, "", "", why.String()
}

// newcomers are the devices whose latest state stands in the device journal only. Once a
// license has started nobody waits for their rows, and written with each record they
// would cost more than all the rest of it: a page of each table for each device.
type newcomers struct {
	fresh       map[macwatch.DeviceKey]*newcomer
	lastJournal int64 // row
	folding     map[macwatch.DeviceKey]*newcomer
	order       []macwatch.DeviceKey // of folding, as the tables have them
	upTo        int64                // the journal row up to which folding holds the devices
	stuck       bool                 // a row could not be written: the journal is kept
}

func (n *newcomers) len() int { return len(n.fresh) + len(n.order) }

// find returns the latest state of a device; nil when it does not wait.
func (n *newcomers) find(key macwatch.DeviceKey) *newcomer {
	if c, ok := n.fresh[key]; ok {
		return c
	}
	return n.folding[key]
}

// take moves what is fresh to where it is folded from, when that is empty.
func (n *newcomers) take() {
	if len(n.order) > 0 || len(n.fresh) == 0 {
		return
	}
	n.folding, n.upTo, n.fresh = n.fresh, n.lastJournal, map[macwatch.DeviceKey]*newcomer{}
	for key := range n.folding {
		n.order = append(n.order, key)
	}
	slices.SortFunc(n.order, func(a, b macwatch.DeviceKey) int {
		return cmp.Or(cmp.Compare(a.Location, b.Location), cmp.Compare(a.MAC, b.MAC))
	})
}

// foldNewcomers writes up to n devices to their rows, in transactions of their own. Where
// one cannot be written it is passed over, so that it does not hold up the others; the
// error is one of the disk.
func (w *writer) foldNewcomers(n int) error {
	for n > 0 && w.newcomers.len() > 0 {
		w.newcomers.take()
		step := min(n, len(w.newcomers.order))
		err := w.foldNewcomersOnce(step)
		if err != nil && !diskFault(err) {
			for range step {
				if err = w.foldNewcomersOnce(1); err != nil && !diskFault(err) {
					w.s.log.Error("a device could not be written; the journal keeps it", zap.Error(err))
					w.newcomers.stuck = true
					w.newcomers.order = w.newcomers.order[1:]
				}
				if diskFault(err) {
					return err
				}
			}
		} else if err != nil {
			return err
		}
		n -= step
	}
	return nil
}

func (w *writer) foldNewcomersOnce(n int) error {
	l := &w.newcomers
	err := w.within(func() error {
		for _, key := range l.order[:n] {
			if err := w.saveNewcomer(l.folding[key]); err != nil {
				return err
			}
		}
		if n < len(l.order) || l.stuck {
			return nil
		}
		err := w.stmts.trimDevices.write(l.upTo)
		return wrap("trim the device journal", err)
	})
	if err != nil {
		return err
	}
	if l.order = l.order[n:]; len(l.order) == 0 {
		l.folding, l.order = nil, nil
	}
	return nil
}

// saveNewcomer writes a device's rows, in the transaction that is open. It may do so again.
func (w *writer) saveNewcomer(c *newcomer) error {
	w.known.add(c.key)
	// One that only counts, for a guest's other address, may have lost its row since.
	if c.first.IsZero() {
		return w.saveCounted(c)
	}
	if err := w.stmts.upsertDevice.write(c.key.Location, int64(c.key.MAC), micros(c.first), micros(c.last), c.reason); err != nil {
		return wrap("write a device", err)
	}
	return w.saveCounted(c)
}

func (w *writer) saveCounted(c *newcomer) error {
	if c.countedFirst.IsZero() {
		return nil
	}
	name, session := w.countedAs(c.key.Location, c.key.MAC, c.license), c.session
	if name != c.key.MAC {
		session = macwatch.Redact(session, c.key.MAC, name.String())
	}
	err := w.stmts.upsertCounted.write(c.license, c.key.Location, int64(name), micros(c.countedFirst), micros(c.countedLast), c.ap, session)
	return wrap("count a device", err)
}

// loadDevice reads what the rows say of a device, and of its count for a license.
func (w *writer) loadDevice(key macwatch.DeviceKey, license int64) (*newcomer, error) {
	c := &newcomer{key: key, license: license}
	name := w.countedAs(key.Location, key.MAC, license)
	if name == key.MAC && !w.known.may(key) {
		return c, nil
	}
	found, err := w.stmts.selectDevice.row(w.row[:3], key.Location, int64(key.MAC))
	if err != nil {
		return nil, wrap("read a device", err)
	}
	if found {
		c.first, c.last = instantAt(w.row[0]), instantAt(w.row[1])
		c.reason, _ = w.row[2].(string)
	}
	if found, err = w.stmts.selectDeviceCount.row(w.row[:2], license, key.Location, int64(name)); err != nil {
		return nil, wrap("read a device's count", err)
	}
	if found {
		c.countedFirst, c.countedLast = instantAt(w.row[0]), instantAt(w.row[1])
	}
	return c, nil
}

// recoverNewcomers takes up what the run before had journaled and not folded.
func (w *writer) recoverNewcomers(ctx context.Context) (err error) {
	w.newcomers.fresh = map[macwatch.DeviceKey]*newcomer{}
	w.newcomers.lastJournal, err = w.readJournal(ctx, `SELECT id, body FROM device_journal ORDER BY id`, func(_ int64, _ byte, b []byte) ([]byte, error) {
		c, rest, err := readNewcomer(b)
		if err == nil {
			w.newcomers.fresh[c.key] = c
		}
		return rest, err
	})
	return err
}
