package store

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"tallygate/licensing"
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

// openChain takes up the log where it ends. broken says what is wrong with that end;
// empty when nothing is.
func openChain(ctx context.Context, conn *sql.Conn, key []byte, dir string) (c chain, broken string, err error) {
	c = chain{key: key, path: filepath.Join(dir, "audit.head"), head: make([]byte, sha256.Size)}
	err = conn.QueryRowContext(ctx, `SELECT seq, link FROM audit ORDER BY seq DESC LIMIT 1`).Scan(&c.seq, &c.head)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return c, "", faultf("cannot read the audit log: %w", err)
	}
	mark, noted, err := readHead(c.path)
	switch {
	case err != nil:
		return c, err.Error(), nil
	case noted == nil && c.seq == 0:
		var used bool
		if err := conn.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM organizations)`).Scan(&used); err != nil {
			return c, "", faultf("cannot read the database: %w", err)
		}
		if used { // whatever made the Organization has logged it
			return c, "the whole log and the head file are gone", nil
		}
		// The head file stands before the first entry, so that its absence always means something.
		if err := c.note(); err != nil {
			return c, "", faultf("cannot write the head file of the audit log: %w", err)
		}
		return c, "", nil
	case noted == nil:
		return c, problemNoHead, nil
	}
	link := make([]byte, sha256.Size) // before the first entry
	err = conn.QueryRowContext(ctx, `SELECT link FROM audit WHERE seq = ?`, mark).Scan(&link)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return c, "", faultf("cannot read the audit log: %w", err)
	}
	if mark > 0 && err != nil || !bytes.Equal(link, noted) {
		return c, problemCut(mark), nil
	}
	return c, "", nil
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
	h := hmac.New(sha256.New, c.key)
	part := func(b []byte) {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(b)))
		h.Write(n[:])
		h.Write(b)
	}
	part(previous)
	part(binary.BigEndian.AppendUint64(nil, uint64(seq)))
	part(binary.BigEndian.AppendUint64(nil, uint64(at)))
	for _, s := range []string{actor, action, subject} {
		part([]byte(s))
	}
	part(detail)
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

func (c *chain) note() error {
	return writeFile(c.path, fmt.Appendf(nil, "%d %s\n", c.seq, c.headText()), 0o600)
}

const problemNoHead = "the head file is gone, so that nothing shows whether the log's end was cut"

func problemCut(mark int64) string {
	return fmt.Sprintf("the head file knows entry %d, which the log does not hold so: its end was cut or replaced", mark)
}

// VerifyAudit walks the whole chain and compares its end with the head file.
func (s *Store) VerifyAudit(ctx context.Context) (licensing.AuditReport, error) {
	var c chain
	// Everything committed so far, and a head file that goes with it.
	if !s.onWriter(func() { c = s.w.audit }) {
		return licensing.AuditReport{}, errClosing()
	}
	report := licensing.AuditReport{Problems: []string{}}
	r, err := s.readers.QueryContext(ctx, `SELECT seq, at, actor, action, subject, detail, link FROM audit WHERE seq <= ? ORDER BY seq`, c.seq)
	if err != nil {
		return report, wrap("read the audit log", err)
	}
	defer func() { _ = r.Close() }()
	previous, want := make([]byte, sha256.Size), int64(1)
	links := map[int64][]byte{0: previous}
	mark, noted, err := readHead(c.path)
	if err != nil {
		report.Problems = append(report.Problems, err.Error())
	}
	for r.Next() {
		var seq, at int64
		var actor, action, subject, detail string
		var link []byte
		if err := r.Scan(&seq, &at, &actor, &action, &subject, &detail, &link); err != nil {
			return report, wrap("read the audit log", err)
		}
		if seq != want {
			report.Problems = append(report.Problems, fmt.Sprintf("entry %d is missing", want))
		}
		if !hmac.Equal(link, c.link(previous, seq, at, actor, action, subject, []byte(detail))) {
			report.Problems = append(report.Problems, fmt.Sprintf("entry %d (%s %s) or its place was altered", seq, action, subject))
		}
		if action == actionBroken {
			report.Problems = append(report.Problems, fmt.Sprintf("entry %d: at a start the log was found broken: %s", seq, detail))
		}
		if seq == mark {
			links[seq] = link
		}
		previous, want = link, seq+1
		report.Entries++
	}
	if err := r.Err(); err != nil {
		return report, wrap("read the audit log", err)
	}
	report.Head = hex.EncodeToString(previous)
	if noted == nil && err == nil && report.Entries > 0 {
		report.Problems = append(report.Problems, problemNoHead)
	}
	if noted != nil && !bytes.Equal(links[mark], noted) {
		report.Problems = append(report.Problems, problemCut(mark))
	}
	if !bytes.Equal(previous, c.head) {
		report.Problems = append(report.Problems, "the log changed under the running gateway")
	}
	report.OK = len(report.Problems) == 0
	return report, nil
}

// readHead reads the head file; noted is nil when nothing has been logged yet.
func readHead(path string) (seq int64, noted []byte, err error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil, nil
	}
	if err != nil {
		return 0, nil, fmt.Errorf("the head file cannot be read: %w", err)
	}
	var head string
	if _, err := fmt.Sscanf(strings.TrimSpace(string(text)), "%d %s", &seq, &head); err != nil {
		return 0, nil, errors.New("the head file is not readable as one")
	}
	if noted, err = hex.DecodeString(head); err != nil {
		return 0, nil, errors.New("the head file is not readable as one")
	}
	return seq, noted, nil
}
