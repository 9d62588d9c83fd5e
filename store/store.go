// Package store keeps everything in one SQLite database: one writer goroutine with
// group commit, read-only connections for everybody else. What is acknowledged is
// committed with fsync before; see DESIGN.md beside this file.
package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// Options says where the store lives. Zero fields get the defaults said here.
type Options struct {
	Dir           string        // data directory; created (0700) if absent
	CacheCapacity int           // devices in the LRU; default 1000000
	Issuers       []string      // public keys whose orders are accepted
	KeepRaw       bool          // keep every accounting packet as it came
	KeepSessions  time.Duration // closed sessions are deleted so long after their end, at least MinRetention; 0: never
	Keep          Retention     // what else is deleted after a while
	MACStorage    string        // MACClear or MACHMAC; default MACClear
	Queue         int           // operations that may wait for the writer; default 4096
	Log           *zap.Logger
	Metrics       prometheus.Registerer
	Now           func() time.Time     // wall clock; default time.Now
	Uptime        func() time.Duration // running time that nobody can set; default since Open
}

// Snapshot is what Access-Requests are decided from. It is never changed: each
// change publishes a new one.
type Snapshot struct {
	Clients   []macwatch.Client
	Locations map[int64]*licensing.Location
	Venues    map[int64]*macwatch.Venue
}

// Store is the one door to the database.
type Store struct {
	dir        string
	log        *zap.Logger
	wall       func() time.Time
	uptime     func() time.Duration
	keys       *keys
	veils      *veils
	macStorage string
	keepRaw    bool
	keep       Retention
	metrics    *metrics

	db           *sql.DB // the writer's; one connection
	readers      *sql.DB
	lock         *os.File
	files        *dbFiles
	checkpointer *checkpointer
	queue        *queue
	done         chan struct{} // closed when the writer has ended
	learned      chan struct{} // closed when learnDevices has told of all
	forgot       chan struct{} // by the writer: counts are to be learned again
	learner      chan struct{} // closed when learnDevices has ended
	stopReckon   context.CancelFunc
	reckoned     chan struct{} // closed when reckon has ended

	cache    *macwatch.Cache
	passes   macwatch.Passes
	clock    atomic.Pointer[licensing.Clock]
	issuers  atomic.Pointer[[]string]
	writable atomic.Bool
	state    atomic.Pointer[state] // the latest published
	changes  atomic.Uint64         // by operators, committed
	news     chan struct{}         // there may be something to tell people; see NoticeNews
	refusals refusals
	learning learning
	online   macwatch.Online // see Online

	w *writer // touched by the writer goroutine only
}

// retention fills in what follows from something else.
func (o Options) retention() Retention {
	k := o.Keep
	k.Sessions = cmp.Or(k.Sessions, o.KeepSessions)
	k.NASEvents, k.RawRecords = cmp.Or(k.NASEvents, k.Sessions), cmp.Or(k.RawRecords, k.Sessions)
	return k
}

// Open opens the store in o.Dir, creates or migrates it, and starts the writer.
func Open(o Options) (*Store, error) {
	if o.CacheCapacity == 0 {
		o.CacheCapacity = 1_000_000
	}
	if o.Queue == 0 {
		o.Queue = 4096
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Uptime == nil {
		opened := time.Now()
		o.Uptime = func() time.Duration { return time.Since(opened) }
	}
	s := &Store{
		dir: o.Dir, log: o.Log, wall: o.Now, uptime: o.Uptime, keepRaw: o.KeepRaw, macStorage: o.MACStorage, keep: o.retention(), metrics: newMetrics(o.Metrics),
		queue: newQueue(o.Queue), done: make(chan struct{}), learned: make(chan struct{}), forgot: make(chan struct{}), learner: make(chan struct{}), reckoned: make(chan struct{}), news: make(chan struct{}, 1), cache: macwatch.NewCache(o.CacheCapacity),
	}
	s.SetIssuers(o.Issuers)
	if err := s.open(); err != nil {
		return nil, errors.Join(err, s.closeFiles())
	}
	s.setWritable(true)
	go s.run()
	go s.learnDevices()
	ctx, cancel := context.WithCancel(context.Background())
	s.stopReckon = cancel
	go s.reckon(ctx)
	return s, nil
}

func (s *Store) open() (err error) {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return licensing.Errorf(licensing.CodeInternal, "cannot create the data directory: %w", err).
			WithHint("create it, or set data_dir to a place where this user may write")
	}
	if s.lock, err = lockDir(s.dir); err != nil {
		return err
	}
	if s.keys, err = loadKeys(s.dir); err != nil {
		return err
	}
	if s.veils, err = loadVeils(s.dir); err != nil {
		return err
	}
	ctx := context.Background()
	path := filepath.Join(s.dir, "tallygate.db")
	if s.db, err = openWriter(ctx, path); err != nil {
		return err
	}
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return faultf("cannot open the database: %w", err)
	}
	if err := migrate(ctx, conn, s.wall()); err != nil {
		return err
	}
	if err := verifyIdentity(ctx, conn, s.keys.public, s.dir); err != nil {
		return err
	}
	switched, err := s.settleVeils(ctx, conn)
	if err != nil {
		return err
	}
	if s.readers, err = openReaders(path); err != nil {
		return err
	}
	if s.files, err = openDBFiles(path); err != nil {
		return err
	}
	if s.checkpointer, err = newCheckpointer(path, s.files, s.log); err != nil {
		return err
	}
	if s.w, err = newWriter(ctx, s, conn); err != nil || !switched {
		return err
	}
	return s.w.change(ctx, licensing.Change{By: "tallygate"}, func(t *tx) error {
		return t.log("privacy.conceal", "addresses", map[string]string{"mac_storage": MACHMAC})
	})
}

// Close drains the queue, writes what is pending, and closes the files.
func (s *Store) Close() error {
	s.stopReckon()
	<-s.reckoned
	s.queue.close()
	<-s.done
	<-s.learner
	return s.closeFiles()
}

func (s *Store) closeFiles() error {
	var errs []error
	if s.readers != nil {
		errs = append(errs, s.readers.Close())
	}
	if s.checkpointer != nil {
		errs = append(errs, s.checkpointer.close())
		s.checkpointer = nil
	}
	if s.w != nil {
		errs = append(errs, s.w.close())
	}
	if s.db != nil {
		errs = append(errs, s.db.Close())
	}
	if s.files != nil {
		errs = append(errs, s.files.close())
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	return errors.Join(errs...)
}

// Writable reports whether the last commit succeeded.
func (s *Store) Writable() bool { return s.writable.Load() }

func (s *Store) setWritable(ok bool) {
	if s.writable.Swap(ok) != ok && !ok {
		s.log.Error("the store cannot be written: accounting gets no answer until it can",
			zap.String("what_to_do", "free disk space or release the lock; service resumes by itself"))
	} else if ok && s.w != nil && s.w.failed {
		s.log.Info("the store can be written again")
	}
	s.metrics.setWritable(ok)
}

// SetIssuers replaces the public keys whose orders are accepted.
func (s *Store) SetIssuers(issuers []string) {
	c := append([]string(nil), issuers...)
	s.issuers.Store(&c)
}

// GatewayKey is the public key that a grant can be bound to.
func (s *Store) GatewayKey() string { return s.keys.public }

// ClassKey is the key of the Class tokens, 32 octets.
func (s *Store) ClassKey() []byte { return s.keys.class }

// Subscribe calls f with the present snapshot and then with every new one, before
// the change that made it returns. f runs on the writer and must not block. There
// is one subscriber.
func (s *Store) Subscribe(f func(Snapshot)) {
	s.onWriter(func() {
		s.w.subscriber = f
		f(*s.state.Load().snapshot())
	})
}
