package radiusd

import (
	"bytes"
	"crypto/rand"
	"net/netip"
	"strings"

	"go.uber.org/zap"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// A rehearsal decides a made-up request with the code and the facts of a real one, on a
// Server of its own that has everything but hands: no socket, no store, no metrics, no
// log. What is decided there cannot count a device, claim a slot, begin a session or
// teach the gateway anything.

// Rehearse tells what would become of a trial, step by step. It changes nothing.
func (s *Server) Rehearse(t macwatch.Trial) (macwatch.TrialReport, error) {
	v := s.view.Load()
	c, source, err := v.pretend(t)
	if err != nil {
		return macwatch.TrialReport{}, err
	}
	request, err := TrialPacket(v.inRoom(t, c), c.Secret)
	if err != nil {
		return macwatch.TrialReport{}, err
	}
	stage, err := s.stage(v, t.Accounting)
	if err != nil {
		return macwatch.TrialReport{}, err
	}
	kind := authListener
	if t.Accounting {
		kind = acctListener
		stage.accepted = s.accepted // accounting only reads it
	}
	now, late := &catcher{}, &catcher{}
	socket := &socket{listener: kind, cache: newReplyCache(stage.options.ReplyCache, stage.options.ReplyCache)}
	socket.late.out, socket.late.hash = late, newHasher(stage.options.ClassKey)
	r := newReaderOf(stage, socket)
	r.out, r.from = now, routeToPeer(netip.AddrPortFrom(source, 1024))
	r.begin()
	r.serve(bytes.Clone(request), false)
	journal := stage.options.Journal.(*stageJournal)
	r.submit()
	r.out.flush()

	report := macwatch.TrialReport{Client: c.Name, Source: source.String(), Result: macwatch.ResultDrop}
	for _, e := range stage.trace.recall(eventFilter{}, ^uint64(0)) {
		shown := e.show(stage.view.Load())
		report.Result, report.Reason, report.Text, report.WhatToDo, report.Detail = shown.Result, shown.Reason, shown.Text, shown.WhatToDo, shown.Detail
	}
	for _, answer := range append(now.answers, late.answers...) {
		if report.Answer, err = CheckAnswer(request, answer, c.Secret); err != nil {
			return report, err
		}
	}
	report.Steps = r.explain(report.Reason, journal.taken)
	return report, nil
}

// pretend is the client of a trial and the address that it is to come from.
func (v *view) pretend(t macwatch.Trial) (*client, netip.Addr, error) {
	for i := range v.clients {
		c := &v.clients[i]
		if !strings.EqualFold(c.Name, t.Client) {
			continue
		}
		source := t.Source.Unmap().WithZone("")
		if !t.Source.IsValid() {
			source = c.Prefix.Masked().Addr().Unmap()
			if !c.Prefix.IsSingleIP() && source.Next().IsValid() {
				source = source.Next() // of a network, its own address is nobody's
			}
		}
		if c.RadSecOnly {
			return nil, source, licensing.Errorf(licensing.CodeInvalid, "client %q comes over RadSec only, which is not rehearsed", c.Name).
				WithHint("add a client for UDP to the same Location, or look at `tallygate trace --client %s`", c.Name)
		}
		if found := v.client(source); found != c {
			return nil, source, licensing.Errorf(licensing.CodeInvalid, "%s is not an address of client %q", source, c.Name).
				WithHint("its addresses are %s", c.Prefix)
		}
		return c, source, nil
	}
	return nil, netip.Addr{}, licensing.Errorf(licensing.CodeNotFound, "there is no client %.80q", t.Client).
		WithHint("`tallygate client list` shows them")
}

// inRoom puts the room of a trial where the Location's rule looks for it.
func (v *view) inRoom(t macwatch.Trial, c *client) macwatch.Trial {
	if t.Room == "" || c.home == nil { // where a client serves several Locations, its own decides
		return t
	}
	if a, ok := findNamed(c.home.room.Attribute); ok && a.standard != 0 && a.form == formText {
		t.Attributes = append(t.Attributes, macwatch.TrialAttribute{Type: a.standard, Value: []byte(t.Room)})
		t.Room = ""
	}
	return t
}

// stage is a Server with the facts of this one and without hands. Only for accounting it
// has our key of the Class token: no rehearsed login hands out one that proves anything.
func (s *Server) stage(v *view, accounting bool) (*Server, error) {
	o := s.options
	if !accounting {
		o.ClassKey = make([]byte, classKeySize)
		_, _ = rand.Read(o.ClassKey) // never fails
	}
	o.Auth, o.Acct, o.Sockets, o.ReceiveBuffer, o.RejectDelay, o.ReplyCache = nil, nil, 1, 0, 0, 16
	o.TraceHistory, o.Log, o.Metrics, o.Makes = 4, zap.NewNop(), nil, nil
	o.Journal, o.Claims, o.Learner = &stageJournal{writable: s.options.Journal.Writable()}, stageClaims{}, stageLearner{}
	stage, err := newServer(o)
	if err != nil {
		return nil, err
	}
	stage.staged = true
	for i := range v.clients {
		c := &v.clients[i]
		s.signed.mu.RLock()
		for source := range s.signed.known {
			if source.client == c.ID {
				stage.signed.add(source.client, source.source)
			}
		}
		s.signed.mu.RUnlock()
	}
	stage.Publish(v.Snapshot)
	return stage, nil
}

// stageJournal keeps nothing, and says that it has.
type stageJournal struct {
	writable bool
	taken    *macwatch.Record // a copy that outlives its packet
}

func (j *stageJournal) Append(records []*macwatch.Record) int {
	for _, r := range records {
		kept := *r
		kept.Packet = bytes.Clone(r.Packet)
		kept.AP = bytes.Clone(r.AP)
		j.taken = &kept
		if !j.writable {
			r.Err = licensing.Errorf(licensing.CodeUnavailable, "the store cannot be written")
		}
	}
	records[0].Done.Answered(records)
	return len(records)
}
func (j *stageJournal) AwaitRoom()     {}
func (j *stageJournal) Writable() bool { return j.writable }

// stageClaims grants what the facts allow, and claims nothing.
type stageClaims struct{}

func (stageClaims) Claim(c *macwatch.Claim) bool {
	c.Result = macwatch.ClaimGranted
	c.Done.Claimed(c)
	return true
}
func (stageClaims) Observe(int64, macwatch.APSight) {}
func (stageClaims) Learn(int64, macwatch.APSight)   {}

type stageLearner struct{}

func (stageLearner) Signed(int64, netip.Addr) {}

// catcher is an outlet that keeps every answer.
type catcher struct {
	b       [maxPacket]byte
	answers [][]byte
}

var _ outlet = (*catcher)(nil)

func (c *catcher) buffer() []byte                { return c.b[:0] }
func (c *catcher) queue(_ *route, answer []byte) { c.answers = append(c.answers, bytes.Clone(answer)) }
func (c *catcher) flush()                        {}
