package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"tallygate/licensing"
)

// task runs on the writer, in its turn, by itself.
type task struct {
	run func(*writer)
}

// onWriter runs f on the writer goroutine and waits for it; false when the store is closed.
func (s *Store) onWriter(f func()) bool {
	done := make(chan struct{})
	ok := s.queue.push(op{task: &task{run: func(*writer) {
		defer close(done)
		f()
	}}})
	if ok {
		<-done
	}
	return ok
}

// tx is an operator's change: one transaction with its audit entries.
type tx struct {
	ctx       context.Context
	w         *writer
	conn      *sql.Conn
	now       time.Time
	by        string
	rehearsal bool
	state     *state // as it was before the change
	audit     chain
	passes    passEdits
	// report, if f has set it, looks at what the change has made of everything.
	report func(next *state) error
	// committed runs once the change stands, before it is published.
	committed []func()
}

// change carries out f in one transaction, with the state rebuilt from what f left
// behind and published before change returns. A dry run goes all the way to the
// commit and then rolls back, so that it finds every error that the real one would.
func (s *Store) change(ctx context.Context, ch licensing.Change, f func(*tx) error) error {
	var err error
	if !s.onWriter(func() { err = s.w.change(ctx, ch, f) }) {
		return errClosing()
	}
	return unavailable(err)
}

func errClosing() error {
	return licensing.Errorf(licensing.CodeUnavailable, "the gateway is shutting down").WithHint("try again when it is up")
}

// change carries out f on a state that knows everything that has happened by itself.
func (w *writer) change(ctx context.Context, ch licensing.Change, f func(*tx) error) error {
	if err := ctx.Err(); err != nil {
		return err // the caller has gone before its turn came
	}
	if err := w.advance(); err != nil {
		return err
	}
	return w.changeNow(ctx, ch, func(t *tx) error {
		if err := f(t); err != nil {
			return err
		}
		return t.carriedOut() // what the change makes of the past comes too late for it
	})
}

func (w *writer) changeNow(ctx context.Context, ch licensing.Change, f func(*tx) error) error {
	// From here on it happens as a whole or not at all, whatever the caller does.
	ctx = context.WithoutCancel(ctx)
	// A change may read the devices' rows, and write them.
	err := w.foldNewcomers(w.newcomers.len())
	if err == nil {
		err = w.begin()
	}
	if err != nil {
		w.fail(err)
		return err
	}
	t := &tx{ctx: ctx, w: w, conn: w.conn, now: w.s.Now().Truncate(time.Microsecond), by: ch.By, rehearsal: ch.DryRun, state: w.state, audit: w.audit, passes: passEdits{table: &w.s.passes}}
	err = t.guard()
	if err == nil {
		err = f(t)
	}
	var next *state
	if err == nil {
		next, err = loadState(ctx, w.conn, t.now, w.s.veils)
	}
	if err == nil {
		next, err = t.carryOut(next)
	}
	if err == nil && t.report != nil {
		err = t.report(next)
	}
	if err == nil {
		err = t.tell(next)
	}
	if err == nil {
		err = t.logFacts(next)
	}
	if err == nil && !ch.DryRun {
		err = w.commitNow()
	}
	if err != nil || ch.DryRun {
		w.rollback()
		if diskFault(err) {
			w.fail(err)
		}
		return err
	}
	w.s.changes.Add(1)
	w.audit.commit(t.audit)
	w.recovered()
	for _, f := range t.committed {
		f()
	}
	t.passes.commit()
	// Any change may bear on the count: what the LRU knows is asked anew.
	clear(w.epochs)
	w.publish(next)
	return nil
}

// log adds an audit entry to the change's own transaction.
func (t *tx) log(action, subject string, detail any) error {
	return t.audit.add(t.ctx, t.conn, entry{t.now, t.by, action, subject, detail})
}

// exec runs a statement; a violated constraint comes back as conflict.
func (t *tx) exec(conflict error, query string, args ...any) (int64, error) {
	res, err := t.conn.ExecContext(t.ctx, query, args...)
	if conflict != nil && constraint(err) {
		return 0, conflict
	}
	if err != nil {
		return 0, wrap("change the store", err)
	}
	return res.RowsAffected()
}

// rows reads every row of a query through scan.
func rows[T any](ctx context.Context, q querier, scan func(*sql.Rows) (T, error), query string, args ...any) (out []T, err error) {
	r, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, wrap("read the store", err)
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	for r.Next() {
		v, err := scan(r)
		if err != nil {
			return nil, wrap("read the store", err)
		}
		out = append(out, v)
	}
	return out, wrap("read the store", r.Err())
}

// querier is a connection or a pool of them.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}
