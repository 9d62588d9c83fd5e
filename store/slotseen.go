package store

import (
	"context"
	"time"

	"tallygate/macwatch"
)

const (
	// slotSeenInterval is how often it is written down when APs and rooms were last seen: a
	// crash costs so much of it.
	slotSeenInterval = time.Minute

	// slotSeenStep is how many are written at once; an answer may wait for that.
	slotSeenStep = 64
)

// follow goes on with what the state before knows of when slots were seen.
func (st *state) follow(old *state) {
	if old == nil {
		return
	}
	for id, v := range st.venues {
		before := old.venues[id]
		if before == nil {
			continue
		}
		for _, kind := range slotKinds {
			if now, then := rosterOf(v, kind), rosterOf(before, kind); now != then {
				now.Follow(then)
			}
		}
	}
}

var slotKinds = [...]macwatch.Kind{macwatch.KindAP, macwatch.KindRoom}

// writeSlotsSeen writes down when APs and rooms were last seen; all of it at the end.
func (w *writer) writeSlotsSeen(last bool) error {
	if !last && (w.failed || w.s.uptime()-w.slotsSaved < slotSeenInterval) {
		return nil
	}
	grain := slotSeenInterval
	if last {
		grain = 0
	}
	var unsaved []macwatch.Slot
	for _, v := range w.state.venues {
		for _, kind := range slotKinds {
			unsaved = append(unsaved, rosterOf(v, kind).Unsaved(w.s.Now(), grain)...)
		}
	}
	// One step at each turn: what is left is found again at the next.
	for first := true; len(unsaved) > 0 && (first || last); first = false {
		step := unsaved[:min(slotSeenStep, len(unsaved))]
		if err := w.within(func() error { return w.saveSeen(step) }); err != nil {
			return err
		}
		for i := range step {
			step[i].Saved()
		}
		unsaved = unsaved[len(step):]
	}
	if len(unsaved) == 0 {
		w.slotsSaved = w.s.uptime()
	}
	return nil
}

func (w *writer) saveSeen(slots []macwatch.Slot) error {
	for i := range slots {
		s := &slots[i]
		if _, err := w.conn.ExecContext(context.Background(), `UPDATE slots SET last_seen = ?, refused_at = ? WHERE id = ?`,
			zeroMicros(s.LastSeen), zeroMicros(s.RefusedAt), s.ID); err != nil {
			return wrap("write when a slot was seen", err)
		}
	}
	return nil
}

// zeroMicros is 0 for the zero time, which stands for never.
func zeroMicros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return micros(t)
}
