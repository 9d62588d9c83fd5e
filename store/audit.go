package store

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"math"
	"path/filepath"
	"time"
)

// entry is one line of the audit log.
type entry struct {
	at      time.Time
	actor   string
	action  string // noun.verb
	subject string
	detail  any // JSON; pseudonyms, never MACs
}

// chain is the head of the audit log. Each entry's link is an HMAC over the link
// before it and the entry, keyed with a key outside the database: who alters, removes,
// reorders or cuts rows without that key cannot make the links fit again. A copy of
// a chain can be extended in a transaction and dropped with it.
type chain struct {
	key  []byte
	path string // second place where the head stands, against cutting the end
	seq  int64
	head []byte
}

// actionBroken is the entry that a start leaves when the log did not hold what the
// head file knows. Without it the next entry would make a cut log look whole again.
const actionBroken = "audit.broken"

// openChain takes up the log where it ends, after a walk over all of it.
func openChain(ctx context.Context, conn *sql.Conn, key []byte, dir string) (c chain, found *evidence, err error) {
	c = chain{key: key, path: filepath.Join(dir, "audit.head"), head: make([]byte, sha256.Size)}
	file := c.readHead()
	if found, err = c.walk(ctx, conn, math.MaxInt64, file); err != nil {
		return c, nil, err
	}
	c.seq, c.head = found.seq, found.head
	if file.found || c.seq > 0 {
		return c, found, nil
	}
	var used bool
	if err := conn.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM organizations)`).Scan(&used); err != nil {
		return c, nil, faultf("cannot read the database: %w", err)
	}
	if used { // whatever made the Organization has logged it
		found.problem(atEnd, "the whole log and the head file are gone")
		return c, found, nil
	}
	// The head file stands before the first entry, so that its absence always means something.
	if err := c.note(); err != nil {
		return c, nil, faultf("cannot write the head file of the audit log: %w", err)
	}
	return c, found, nil
}

func (c *chain) headText() string { return hex.EncodeToString(c.head) }

// add appends an entry within the transaction that is open on conn.
func (c *chain) add(ctx context.Context, conn *sql.Conn, e entry) error {
	detail, err := json.Marshal(e.detail)
	if err != nil {
		return faultf("cannot write an audit entry: %w", err)
	}
	seq := c.seq + 1
	link := c.link(c.head, seq, micros(e.at), e.actor, e.action, e.subject, detail)
	_, err = conn.ExecContext(ctx, `INSERT INTO audit (seq, at, actor, action, subject, detail, link) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		seq, micros(e.at), e.actor, e.action, e.subject, string(detail), link)
	if err != nil {
		return wrap("write an audit entry", err)
	}
	c.seq, c.head = seq, link
	return nil
}

func (c *chain) link(previous []byte, seq, at int64, actor, action, subject string, detail []byte) []byte {
	return c.mac(previous, binary.BigEndian.AppendUint64(nil, uint64(seq)), binary.BigEndian.AppendUint64(nil, uint64(at)),
		[]byte(actor), []byte(action), []byte(subject), detail)
}

// mac keys parts, each with its length before it, so that no border between them can move.
func (c *chain) mac(parts ...[]byte) []byte {
	h := hmac.New(sha256.New, c.key)
	for _, b := range parts {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(b))))
		h.Write(b)
	}
	return h.Sum(nil)
}

// commit takes over a chain whose transaction is committed, and notes its head
// outside the database. The note may be behind after a crash, never ahead.
func (c *chain) commit(next chain) {
	if next.seq == c.seq {
		return
	}
	*c = next
	_ = c.note() // a head that is behind still names an entry of the log
}
