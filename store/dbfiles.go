package store

import (
	"os"
	"time"

	"golang.org/x/sys/unix"

	"tallygate/licensing"
)

// Sizes in the file of the write-ahead log, in octets.
const (
	walFrame = 24 + 4096          // a page and its header
	walStep  = 1 << 20            // by which the file grows
	walRoom  = 48 << 20           // to which it grows by itself
	walSmall = walStep / walFrame // pages: so short a log needs no room yet
)

// How the database is settled.
const (
	settleStep   = 1 << 20 // octets of the file
	settleTrifle = 100 * time.Microsecond
	settlePause  = 2 * time.Millisecond
)

// dbFiles are the database and its write-ahead log as files, beside SQLite. SQLite locks the
// database with locks of the process, which end when any descriptor of it is closed: so these
// are closed last.
type dbFiles struct {
	data, log *os.File
	zeros     []byte
}

// openDBFiles opens them; the log is there once something was written.
func openDBFiles(path string) (*dbFiles, error) {
	data, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, licensing.Errorf(licensing.CodeInternal, "cannot open the database: %w", err).
			WithHint("check who owns %s", path)
	}
	log, err := os.OpenFile(path+"-wal", os.O_RDWR, 0)
	if err != nil {
		log = nil // it is only slower
	}
	return &dbFiles{data: data, log: log}, nil
}

// settle waits until what was copied into the database is on the disk. SQLite does so only at
// the end of a checkpoint that has copied everything, while the writer waits. It goes a part
// at a time, with a pause after each that was work: commits that come meanwhile have to wait
// for what the disk has in hand. A failure is SQLite's to report: each descriptor hears of it.
func (f *dbFiles) settle(pause time.Duration) {
	fd := int(f.data.Fd())
	info, err := f.data.Stat()
	for at := int64(0); err == nil && at < info.Size(); at += settleStep {
		begun := time.Now()
		err = unix.SyncFileRange(fd, at, settleStep, unix.SYNC_FILE_RANGE_WRITE|unix.SYNC_FILE_RANGE_WAIT_AFTER)
		if time.Since(begun) > settleTrifle {
			time.Sleep(pause)
		}
	}
	_ = unix.Fdatasync(fd)
}

// extend makes room in the log's file before the writer, in whose place it is called, comes to
// its end: a page that makes the file longer takes the disk twice as long. Zeros at the end
// are no frames to SQLite. Without room on the disk it is only slower.
func (f *dbFiles) extend(frames int) {
	if f.log == nil || frames < walSmall {
		return
	}
	info, err := f.log.Stat()
	if err != nil || info.Size() >= walRoom || info.Size()-int64(frames)*walFrame > walStep {
		return
	}
	if f.zeros == nil {
		f.zeros = make([]byte, walStep)
	}
	_, _ = f.log.WriteAt(f.zeros, info.Size())
}

func (f *dbFiles) close() error {
	if f.log != nil {
		_ = f.log.Close()
	}
	return f.data.Close()
}
