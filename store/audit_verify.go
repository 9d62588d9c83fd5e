package store

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"time"

	"tallygate/licensing"
)

// maxProblems is how many problems a report names; what follows the first is mostly
// its consequence.
const maxProblems = 100

// evidence is what a walk over the log has found.
type evidence struct {
	entries  int
	seq      int64
	head     []byte
	problems []string
	wrong    []string               // what is wrong with the log now; problems tells of earlier finds as well
	breach   int64                  // the last entry that something is wrong with; after the end: none can be believed
	known    string                 // what the latest audit.broken entry tells of, as JSON
	facts    map[string]loggedFacts // by license number: the latest
	receipts map[string]loggedFacts // likewise, of its latest start
	orders   map[string]loggedFacts // by order id
	moves    map[string]loggedFacts // by license number and hop
}

// loggedFacts is the detail of an entry that stands for a row.
type loggedFacts struct {
	detail string
	at     time.Time
	seq    int64
	fits   bool // its link does: it is what this gateway wrote
}

// problem notes what is wrong at an entry.
func (e *evidence) problem(seq int64, format string, args ...any) {
	e.breach = max(e.breach, seq)
	if len(e.problems) < maxProblems {
		p := fmt.Sprintf(format, args...)
		e.wrong, e.problems = append(e.wrong, p), append(e.problems, p)
	}
}

// atEnd is the place of a problem that puts every entry in doubt: what followed may be gone.
const atEnd = math.MaxInt64

// proves reports whether an entry can be believed: it fits, and nothing is wrong with
// what follows it.
func (e *evidence) proves(f loggedFacts) bool { return f.fits && f.seq > e.breach }

// walk checks the log up to an entry, and the head file against it, and gathers what
// it says about licenses.
func (c *chain) walk(ctx context.Context, q querier, upTo int64, file headFile) (*evidence, error) {
	e := &evidence{head: make([]byte, sha256.Size), facts: map[string]loggedFacts{}, receipts: map[string]loggedFacts{}, orders: map[string]loggedFacts{}, moves: map[string]loggedFacts{}}
	if file.err != nil {
		e.problem(atEnd, "%s", file.err)
	}
	held := file.seq == 0 && bytes.Equal(file.link, e.head)
	r, err := q.QueryContext(ctx, `SELECT seq, at, actor, action, subject, detail, link FROM audit WHERE seq <= ? ORDER BY seq`, upTo)
	if err != nil {
		return nil, wrap("read the audit log", err)
	}
	defer func() { _ = r.Close() }()
	for want := int64(1); r.Next(); want = e.seq + 1 {
		var seq, at int64
		var actor, action, subject, detail string
		var link []byte
		if err := r.Scan(&seq, &at, &actor, &action, &subject, &detail, &link); err != nil {
			return nil, wrap("read the audit log", err)
		}
		if seq != want {
			e.problem(want, "entry %d is missing", want)
		}
		fits := hmac.Equal(link, c.link(e.head, seq, at, actor, action, subject, []byte(detail)))
		if !fits {
			e.problem(seq, "entry %d (%s %s) or its place was altered", seq, action, subject)
		}
		if action == actionBroken {
			e.problems = append(e.problems, fmt.Sprintf("entry %d: at a start the log was found broken: %s", seq, detail))
		}
		e.note(action, subject, loggedFacts{detail, fromMicros(at), seq, fits})
		if seq == file.seq {
			held = bytes.Equal(link, file.link)
		}
		e.seq, e.head = seq, link
		e.entries++
	}
	if err := r.Err(); err != nil {
		return nil, wrap("read the audit log", err)
	}
	switch {
	case !file.found && e.entries > 0:
		e.problem(atEnd, "the head file of the audit log is gone, so that nothing shows whether the log's end was cut")
	case file.found && file.err == nil && !held:
		e.problem(atEnd, "the head file knows entry %d, which the log does not hold so: its end was cut or replaced", file.seq)
	}
	return e, nil
}

// note gathers an entry that something else is held against.
func (e *evidence) note(action, subject string, f loggedFacts) {
	switch action {
	case actionBroken:
		e.known = f.detail
	case actionFacts:
		e.facts[subject] = f
	case actionStart, actionMovedStart, actionReceipt:
		e.receipts[subject] = f
	case actionOrder:
		e.orders[subject] = f
	case actionMove:
		e.moves[subject] = f
	}
}

// VerifyAudit walks the whole chain, compares its end with the head file, and the
// licenses, receipts and orders with what the log says about them.
func (s *Store) VerifyAudit(ctx context.Context) (licensing.AuditReport, error) {
	var c chain
	var file headFile
	var altered []mismatch
	var err error
	// Everything committed so far, and a head file that goes with it.
	if !s.onWriter(func() {
		c, file = s.w.audit, s.w.audit.readHead()
		altered, err = s.w.altered(ctx)
	}) {
		return licensing.AuditReport{}, errClosing()
	}
	if err != nil {
		return licensing.AuditReport{}, err
	}
	e, err := c.walk(ctx, s.readers, c.seq, file)
	if err != nil {
		return licensing.AuditReport{}, err
	}
	if !bytes.Equal(e.head, c.head) {
		e.problem(atEnd, "the log changed under the running gateway")
	}
	for _, m := range altered {
		e.problem(0, "license %s: %s", m.number, m.problem)
	}
	return licensing.AuditReport{
		Entries: e.entries, Head: hex.EncodeToString(e.head), OK: len(e.problems) == 0, Problems: append([]string{}, e.problems...),
	}, nil
}
