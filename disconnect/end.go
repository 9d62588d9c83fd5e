package disconnect

import (
	"context"
	"strings"
	"time"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// inHand is how many sessions of one command are queued at a time.
const inHand = 256

// EndSessions asks for the open sessions that are meant to end, and hands over what
// became of each, as it is known: a NAS that does not answer is given half a minute. In
// a rehearsal it hands over what would be done. It is an *licensing.Error when the
// Location is not known, when no open session fits, and when a session id alone fits
// several.
func (s *Service) EndSessions(ctx context.Context, ch licensing.Change, location string, which macwatch.SessionSelector, each func(macwatch.EndedSession) error) error {
	if which.Empty() {
		return licensing.Errorf(licensing.CodeInvalid, "which sessions?").WithHint("name one by its id, or a device, or an AP, or all")
	}
	if which.All && which != (macwatch.SessionSelector{All: true}) {
		return licensing.Errorf(licensing.CodeInvalid, "all sessions, or certain ones?").WithHint("leave one of the two out")
	}
	v := s.snapshot.Load()
	p, err := v.named(location)
	if err != nil {
		return err
	}
	var meant []*macwatch.Session
	err = s.options.Book.OpenSessions(ctx, p.ID, func(session *macwatch.Session) error {
		if p.fits(session, which) {
			meant = append(meant, session)
		}
		return nil
	})
	if err != nil {
		return err
	}
	switch {
	case len(meant) == 0:
		return licensing.Errorf(licensing.CodeNotFound, "no such session is open at %s", p.Code).
			WithHint("`tallygate session list --location %s` shows the sessions", p.Code)
	case len(meant) > 1 && which.SessionID != "" && which.MAC == 0 && which.AP == "":
		return licensing.Errorf(licensing.CodeConflict, "%d open sessions have the id %.40q: ids are unique per access point only", len(meant), which.SessionID).
			WithHint("add --mac or --ap")
	}
	note := which
	note.SessionID = withoutAddress(which.SessionID, meant[0])
	if err := s.options.Book.NoteEnd(ctx, ch, p.Code, note, len(meant)); err != nil {
		return err
	}
	if ch.DryRun {
		return v.rehearse(meant, s.options.Now(), each)
	}
	return s.endAll(ctx, v, meant, each)
}

func (v *Snapshot) named(code string) (place, error) {
	for id, l := range v.Locations {
		if strings.EqualFold(l.Code, strings.TrimSpace(code)) {
			p, _ := v.place(id)
			return p, nil
		}
	}
	return place{}, licensing.Errorf(licensing.CodeNotFound, "there is no Location %q", code).
		WithHint("`tallygate location list` shows the ids")
}

// withoutAddress is a session id for the audit log: some NAS make it of the guest's address.
func withoutAddress(id string, s *macwatch.Session) string {
	address := s.Address
	if address == 0 {
		address = s.MAC
	}
	if address == 0 || address.Veiled() {
		return id
	}
	return macwatch.Redact(id, address, "~")
}

func (p place) fits(s *macwatch.Session, which macwatch.SessionSelector) bool {
	mac := which.MAC
	if p.venue.Veil != nil {
		mac = p.venue.Veil.Name(mac)
	}
	return (which.SessionID == "" || s.SessionID == which.SessionID || s.Hidden().SessionID == which.SessionID) &&
		(mac == 0 || s.MAC == mac) &&
		(which.AP == "" || p.sameAP(s.AP, which.AP))
}

// sameAP reports whether two names are of one AP.
func (p place) sameAP(a, b string) bool {
	name := func(n string) string {
		n = macwatch.SlotName(macwatch.KindAP, n)
		if p.venue.APs != nil {
			if slot, known := p.venue.APs.Find(n); known {
				return slot.Name
			}
		}
		return n
	}
	return name(a) == name(b)
}

func ended(s *macwatch.Session, d macwatch.Disconnect) macwatch.EndedSession {
	s = s.Hidden()
	e := macwatch.EndedSession{
		SessionID: strings.ToValidUTF8(s.SessionID, "\uFFFD"), AP: strings.ToValidUTF8(s.AP, "\uFFFD"),
		UserName: strings.ToValidUTF8(s.UserName, "\uFFFD"), Disconnect: d,
	}
	if s.MAC != 0 {
		e.MAC = s.MAC.String()
	}
	return e
}

func (v *Snapshot) rehearse(meant []*macwatch.Session, now time.Time, each func(macwatch.EndedSession) error) error {
	for _, session := range meant {
		d := macwatch.Disconnect{State: macwatch.DisconnectImpossible, Why: whyOperator, At: now.UTC()}
		if j, impossible := v.job(session, whyOperator); impossible == "" {
			d = j.outcome(macwatch.DisconnectPlanned, "", now)
		} else {
			d.Detail = impossible
		}
		if err := each(ended(session, d)); err != nil {
			return err
		}
	}
	return nil
}

// endAll queues a few at a time and hands over the results in the order in which they
// come. When the caller goes, what is queued is still asked for.
func (s *Service) endAll(ctx context.Context, v *Snapshot, meant []*macwatch.Session, each func(macwatch.EndedSession) error) error {
	results := make(chan macwatch.EndedSession, inHand) // as many as there can be: nobody waits who tells
	pending := 0
	retry := time.NewTimer(time.Hour)
	defer retry.Stop()
	for len(meant) > 0 || pending > 0 {
		for len(meant) > 0 && pending < inHand && s.endOne(v, meant[0], results) {
			meant = meant[1:]
			pending++
		}
		full := (<-chan time.Time)(nil)
		if pending == 0 || len(meant) > 0 && pending < inHand {
			retry.Reset(100 * time.Millisecond)
			full = retry.C
		}
		select {
		case r := <-results:
			pending--
			if err := each(r); err != nil {
				return err
			}
		case <-full:
		case <-ctx.Done():
			return ctx.Err()
		case <-s.ctx.Done():
			return licensing.Errorf(licensing.CodeUnavailable, "the gateway is shutting down").WithHint("try again when it is up")
		}
	}
	return nil
}

// endOne queues one; false when there is no room. One that is being ended already is
// asked for once more: the operator wants to know what becomes of it.
func (s *Service) endOne(v *Snapshot, session *macwatch.Session, results chan<- macwatch.EndedSession) bool {
	k := keyOf(session)
	j, impossible := v.job(session, whyOperator)
	if impossible != "" {
		results <- ended(session, s.impossible(k, whyOperator, impossible))
		return true
	}
	_, _ = s.outcomes.begin(k, byOperator, time.Now())
	s.outcomes.note(k, j.outcome(macwatch.DisconnectRequested, "", s.options.Now()), false, time.Now())
	j.done = func(o macwatch.Disconnect) {
		s.outcomes.note(k, o, true, time.Now())
		results <- ended(session, o)
	}
	if s.sender.add(j) {
		return true
	}
	s.outcomes.cancel(k, byOperator)
	return false
}
