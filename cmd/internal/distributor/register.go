package distributor

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"tallygate/cmd/internal/durable"
	"tallygate/licensing"
)

const registerFile = "register.jsonl"

// KindGrant is the Kind of an entry that holds a grant; the others have the kind of
// their order.
const KindGrant = "grant"

// Entry is one signed text in the register.
type Entry struct {
	IssuedAt time.Time          `json:"issued_at"`
	Kind     string             `json:"kind"`               // KindGrant, or the kind of the order
	ID       string             `json:"id"`                 // of the grant or the order
	Numbers  []string           `json:"numbers,omitempty"`  // the licenses concerned; none for a clock-reset
	Sequence int                `json:"sequence,omitempty"` // of an order for a license, from 1
	By       string             `json:"by,omitempty"`       // who signed, as the system knows the user
	Request  *licensing.Request `json:"request,omitempty"`  // what was asked for
	Terms    *licensing.Terms   `json:"terms,omitempty"`    // of a grant
	Order    *licensing.Order   `json:"order,omitempty"`    // of anything else
	Key      string             `json:"key"`                // the signed text
}

// Register is the register of a directory, which can be read without the key.
type Register struct{ dir string }

// OpenRegister is the register in a distributor's directory; CodeNotFound when the
// directory is none.
func OpenRegister(dir string) (Register, error) {
	_, err := os.Stat(filepath.Join(dir, publicFile))
	if err != nil {
		return Register{}, licensing.Errorf(licensing.CodeNotFound, "%s is not a distributor's directory: %w", dir, err).
			WithHint("give the directory that `tallygate issuer init` made")
	}
	return Register{dir}, nil
}

func (r Register) path() string { return filepath.Join(r.dir, registerFile) }

// Read returns everything that was issued, oldest first.
func (r Register) Read() ([]Entry, error) {
	f, err := os.Open(r.path())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, r.unreadable(err)
	}
	defer func() { _ = f.Close() }()
	if err := flock(f, unix.LOCK_SH); err != nil {
		return nil, r.unreadable(err)
	}
	entries, _, err := r.entries(f)
	return entries, err
}

func (r Register) unreadable(err error) error {
	return licensing.Errorf(licensing.CodeInvalid, "cannot read the register: %w", err).
		WithHint("check who may read %s", r.path())
}

// entries reads the register and returns how many octets of it hold entries. A last
// line without its end was cut off by a crash before its key went out: it is none.
func (r Register) entries(f io.Reader) (entries []Entry, size int64, err error) {
	text, err := io.ReadAll(f)
	if err != nil {
		return nil, 0, r.unreadable(err)
	}
	whole := text[:bytes.LastIndexByte(text, '\n')+1]
	n := 0
	for line := range bytes.Lines(whole) {
		n++
		var e Entry
		if err := json.Unmarshal(line, &e); err != nil || e.Kind == "" || e.Key == "" {
			return nil, 0, licensing.Errorf(licensing.CodeInvalid, "line %d of the register is damaged", n).
				WithHint("restore %s from its backup: the sequence of the orders depends on it", r.path())
		}
		entries = append(entries, e)
	}
	return entries, int64(len(whole)), nil
}

// change runs draft with everything issued so far, and appends the entry that it makes.
// It returns when the entry is on the disk: a key must not go out that its distributor
// could forget. One command at a time does so, on all of a directory, so that no two
// draw the same sequence. In a rehearsal nothing is appended.
func (r Register) change(dryRun bool, draft func(issued []Entry) (Entry, error)) (Entry, error) {
	if dryRun {
		issued, err := r.Read()
		if err != nil {
			return Entry{}, err
		}
		return draft(issued)
	}
	_, statErr := os.Stat(r.path())
	f, err := os.OpenFile(r.path(), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return Entry{}, durable.CannotWrite(r.path(), err)
	}
	defer func() { _ = f.Close() }()
	if err := flock(f, unix.LOCK_EX); err != nil {
		return Entry{}, durable.CannotWrite(r.path(), err)
	}
	issued, size, err := r.entries(f)
	if err != nil {
		return Entry{}, err
	}
	e, err := draft(issued)
	if err != nil {
		return Entry{}, err
	}
	line, err := json.Marshal(e)
	if err != nil {
		return Entry{}, licensing.Errorf(licensing.CodeInternal, "cannot write the register's entry: %w", err)
	}
	// Truncated first: nothing of half a line of an earlier crash must stay behind this one.
	if err = f.Truncate(size); err == nil {
		_, err = f.WriteAt(append(line, '\n'), size)
	}
	err = errors.Join(err, f.Sync())
	if statErr != nil {
		err = errors.Join(err, durable.SyncDir(r.dir))
	}
	if err != nil {
		_ = f.Truncate(size) // what does not go out must not take a sequence
		return Entry{}, durable.CannotWrite(r.path(), err)
	}
	return e, nil
}

// flock waits for a lock on the file, which ends with it.
func flock(f *os.File, how int) error {
	for {
		err := unix.Flock(int(f.Fd()), how)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
