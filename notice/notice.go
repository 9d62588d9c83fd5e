// Package notice delivers notices: what happens to licenses, and the ladder before
// their end, by e-mail and by webhook.
//
// The ledger, in the store, says what there is to send and when; this package sends it
// and notes each attempt. A notice whose attempt was cut off by a crash is sent again
// with the same id, so that it may arrive twice but is never lost.
package notice

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"tallygate/licensing"
)

// Ledger is what a Service needs of the store.
type Ledger interface {
	// ResumeDeliveries takes up what an earlier run has left under way.
	ResumeDeliveries(ctx context.Context) error
	// PlanNotices writes down what is due and hands it to its recipients. Next is when
	// the next notice will be due; zero: none is known.
	PlanNotices(ctx context.Context) (next time.Time, err error)
	// TakeDeliveries begins an attempt at up to limit deliveries. Next is when the next
	// one will be due (zero: none), open is how many have not arrived.
	TakeDeliveries(ctx context.Context, limit int) (taken []licensing.Delivery, next time.Time, open int, err error)
	// FinishDelivery notes how an attempt has ended.
	FinishDelivery(ctx context.Context, d licensing.Delivery, o licensing.Outcome) error
	// NoticeNews is signalled when there may be something to plan or to take.
	NoticeNews() <-chan struct{}
}

// Options is what a Service needs. Zero fields get the defaults said here.
type Options struct {
	Ledger       Ledger
	SMTP         SMTP // without a Host, e-mail waits in the ledger
	AllowPrivate bool // webhooks may lead to private addresses
	Log          *zap.Logger
	Metrics      prometheus.Registerer
	Now          func() time.Time // default time.Now; the gateway's believed clock
}

// carrier delivers by one channel. It does not fail: what went wrong is the outcome.
type carrier interface {
	carry(ctx context.Context, d licensing.Delivery) licensing.Outcome
}

// Service plans and sends until it is closed.
type Service struct {
	options  Options
	carriers map[licensing.Channel]carrier
	metrics  *metrics

	stop    chan struct{}      // closed when nothing new is to be begun
	sending context.Context    // of the attempts under way
	abandon context.CancelFunc // ends them
	work    sync.WaitGroup
}

// New makes a Service; nothing is sent before Serve. The error is that of SMTP.Check.
func New(o Options) (*Service, error) {
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if err := o.SMTP.Check(); err != nil {
		return nil, err
	}
	s := &Service{options: o, metrics: newMetrics(o.Metrics), stop: make(chan struct{})}
	s.carriers = map[licensing.Channel]carrier{
		licensing.ChannelEmail:   newMailer(o.SMTP),
		licensing.ChannelWebhook: newHook(o.AllowPrivate),
	}
	s.sending, s.abandon = context.WithCancel(context.Background())
	return s, nil
}

// Serve begins to plan and to send, and returns at once.
func (s *Service) Serve() {
	s.work.Go(s.schedule)
}

// Close begins nothing new, lets attempts under way finish until ctx ends, then cuts
// them off; the next run makes those again. It returns when every goroutine has ended.
func (s *Service) Close(ctx context.Context) error {
	close(s.stop)
	cut := context.AfterFunc(ctx, s.abandon)
	s.work.Wait()
	cut()
	s.abandon()
	return nil
}
