package radiusd

import (
	"tallygate/licensing"
	"tallygate/macwatch"
)

// serveAccounting makes a record of an Accounting-Request. The batch's records go
// to the Journal together, in submit; the answer waits until they are durable.
func (r *reader) serveAccounting() licensing.Reason {
	if !r.authentic() {
		r.suspect(evidenceAccounting)
		return licensing.ReasonBadAuthenticator
	}
	r.proved()
	if fresh, reason := r.admit(); !fresh {
		return reason
	}
	a := r.server.records.Get().(*pendingRecord)
	a.take(r)
	r.records = append(r.records, &a.record)
	return licensing.ReasonNone
}

// submit hands the batch to the Journal. What it has no room for is refused, not
// kept: the NAS tries again. Then it is of no use to read on: each packet would cost
// time that the Journal needs, to be refused; the kernel drops them for less, and counts.
func (r *reader) submit() {
	n := len(r.records)
	if n == 0 {
		return
	}
	r.server.inflight.add(n)
	taken := r.server.options.Journal.Append(r.records)
	for _, record := range r.records[taken:] {
		a := record.Reply.(*pendingRecord)
		r.server.drop(&a.request, licensing.ReasonOverload, nil)
		r.server.trace.noteRecord(a, resultDrop, licensing.ReasonOverload, &r.pace, &r.event, r.arrived)
		r.server.release(a)
	}
	r.server.inflight.done(n - taken)
	full := taken < n
	clear(r.records)
	if r.records = r.records[:0]; full {
		r.out.flush()
		r.server.options.Journal.AwaitRoom()
	}
}

// Answered sends the Accounting-Responses of records that are durable. Of those
// that could not be stored it stays silent (RFC 2866 section 2), so that the NAS
// sends them again. It is called by the store, which it does not block.
func (s *Server) Answered(records []*macwatch.Record) {
	for len(records) > 0 {
		socket := records[0].Reply.(*pendingRecord).socket
		n := 1
		for n < len(records) && records[n].Reply.(*pendingRecord).socket == socket {
			n++
		}
		s.answerRecords(&socket.late, records[:n])
		records = records[n:]
	}
}

// answerRecords answers records of one socket.
func (s *Server) answerRecords(late *late, records []*macwatch.Record) {
	late.mu.Lock()
	defer late.mu.Unlock()
	now := s.clock.now()
	for _, record := range records {
		a := record.Reply.(*pendingRecord)
		became, reason := resultRecord, s.answerRecord(late, a)
		if reason != licensing.ReasonNone {
			became = resultDrop
			s.drop(&a.request, reason, record.Err)
		}
		s.trace.noteRecord(a, became, reason, &late.pace, &late.event, now)
		s.release(a)
	}
	late.out.flush()
	s.inflight.done(len(records))
}

func (s *Server) answerRecord(late *late, a *pendingRecord) (unanswered licensing.Reason) {
	defer func() {
		if fault := recover(); fault != nil {
			s.log.panicked(a.socket.listener, fault)
			unanswered = licensing.ReasonInternalError
		}
	}()
	if a.record.Err != nil {
		return licensing.ReasonStoreUnavailable
	}
	p := &a.datagram
	var b reply
	// Nothing asks for Message-Authenticator here; some NAS refuse it unasked.
	b.begin(late.out.buffer(), accountingResponse, p, a.signed)
	b.echo(p)
	return s.respond(&a.request, p, &b, late.out, late.hash, 0)
}

// release gives a record back for the next packet. It keeps nothing alive of a Snapshot, which
// is another one by then; take writes everything anew.
func (s *Server) release(a *pendingRecord) {
	a.request, a.place = request{}, nil
	s.records.Put(a)
}
