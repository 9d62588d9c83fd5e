package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"

	"github.com/mattn/go-sqlite3"
)

// stmt is a statement prepared once on the writer's connection and run through the
// driver itself: database/sql would cost a fifth more per row. Not safe for
// concurrent use; the writer is one goroutine.
type stmt struct {
	raw  *sqlite3.SQLiteStmt
	args []driver.NamedValue
}

func prepare(ctx context.Context, conn *sql.Conn, query string) (*stmt, error) {
	st := &stmt{}
	err := conn.Raw(func(c any) error {
		p, err := c.(*sqlite3.SQLiteConn).PrepareContext(ctx, query)
		if err != nil {
			return err
		}
		st.raw = p.(*sqlite3.SQLiteStmt)
		return nil
	})
	return st, wrap("prepare", err)
}

// bind fills the reused arguments; values are int64, string, []byte or nil.
func (st *stmt) bind(values []driver.Value) []driver.NamedValue {
	st.args = st.args[:0]
	for i, v := range values {
		st.args = append(st.args, driver.NamedValue{Ordinal: i + 1, Value: v})
	}
	return st.args
}

// write runs the statement for its effect. The driver's Query resets, binds and steps in one
// crossing into C, where its Exec makes one for each argument: a session has 37.
func (st *stmt) write(values ...driver.Value) error {
	rows, err := st.raw.QueryContext(context.Background(), st.bind(values))
	if err != nil {
		return err
	}
	return rows.Close()
}

// exec runs the statement and returns how many rows it changed.
func (st *stmt) exec(values ...driver.Value) (int64, error) {
	res, err := st.raw.ExecContext(context.Background(), st.bind(values))
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// run runs a statement without arguments, for its effect.
func (st *stmt) run() error {
	_, err := st.raw.ExecContext(context.Background(), nil)
	return err
}

// row reads the first row into dest; false when there is none.
func (st *stmt) row(dest []driver.Value, values ...driver.Value) (found bool, err error) {
	rows, err := st.raw.QueryContext(context.Background(), st.bind(values))
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	switch err := rows.Next(dest); {
	case errors.Is(err, io.EOF):
		return false, nil
	case err != nil:
		return false, err
	}
	return true, nil
}

func (st *stmt) close() error {
	if st == nil || st.raw == nil {
		return nil
	}
	return st.raw.Close()
}
