package store

import (
	"context"
	"time"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// idleGuard is how long the gateway must have run before it calls an AP idle: one that was
// off for a month has seen nobody, and each AP gets a day to show itself.
const idleGuard = 24 * time.Hour

// idleSlot is a slot that is given up because nobody has seen its AP for long.
type idleSlot struct {
	location *licensing.Location
	slot     macwatch.Slot
}

// releaseIdle gives up, where a Location says so, the slots of APs that were not seen for
// long. What an operator has declared stays: it is his word that it will be there.
func (w *writer) releaseIdle() error {
	if w.failed || w.s.uptime() < idleGuard || w.s.uptime()-w.idleLooked < slotSeenInterval {
		return nil
	}
	w.idleLooked = w.s.uptime()
	now := w.s.Now()
	var idle []idleSlot
	for id, l := range w.state.locations {
		after := time.Duration(l.Settings.APReleaseAfter) * time.Second
		if after == 0 || w.state.venues[id] == nil {
			continue
		}
		for _, s := range w.state.venues[id].APs.Slots(-1, now) {
			if s.Holds(now) && s.ReleasedAt.IsZero() && !s.Declared && now.Sub(s.Latest()) >= after {
				idle = append(idle, idleSlot{l, s})
			}
		}
	}
	if len(idle) == 0 {
		return nil
	}
	return w.changeNow(context.Background(), licensing.Change{By: "tallygate"}, func(t *tx) error {
		for _, i := range idle {
			i.slot.ReleasedAt = t.now
			if err := saveSlot(t.ctx, t.conn, i.location.ID, macwatch.KindAP, &i.slot); err != nil {
				return err
			}
			if err := t.log("ap.release", i.location.Code, map[string]string{
				"id": i.slot.Name, "last_seen": i.slot.Latest().Format(time.RFC3339), "reason": "idle"}); err != nil {
				return err
			}
		}
		return nil
	})
}
