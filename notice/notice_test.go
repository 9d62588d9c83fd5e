package notice

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"tallygate/licensing"
)

// book is a ledger in memory: what is due when, and how each attempt ended.
type book struct {
	mu       sync.Mutex
	news     chan struct{}
	notice   time.Time            // when the next notice is due
	due      map[string]time.Time // deliveries by id
	plans    []time.Time
	finished []string
	resumed  int
	fail     error // answers everything
	unsaved  int   // how many times finishing fails
}

func newBook() *book { return &book{news: make(chan struct{}, 1), due: map[string]time.Time{}} }

func (b *book) ResumeDeliveries(context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fail == nil {
		b.resumed++
	}
	return b.fail
}

func (b *book) PlanNotices(context.Context) (time.Time, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.plans = append(b.plans, time.Now())
	if !b.notice.IsZero() && !b.notice.After(time.Now()) {
		b.due["notice"], b.notice = b.notice, time.Time{}
	}
	return b.notice, b.fail
}

func (b *book) TakeDeliveries(_ context.Context, limit int) (taken []licensing.Delivery, next time.Time, open int, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	ids := make([]string, 0, len(b.due))
	for id := range b.due {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		switch at := b.due[id]; {
		case !at.After(time.Now()) && len(taken) < limit:
			delete(b.due, id)
			taken = append(taken, licensing.Delivery{ID: id, Recipient: licensing.Recipient{Channel: licensing.ChannelEmail}})
		case next.IsZero() || at.Before(next):
			next = at
		}
	}
	return taken, next, len(b.due), b.fail
}

func (b *book) FinishDelivery(_ context.Context, d licensing.Delivery, o licensing.Outcome) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.unsaved > 0 {
		b.unsaved--
		return errors.New("the disk is full")
	}
	b.finished = append(b.finished, d.ID+" "+string(o.Result))
	return nil
}

func (b *book) NoticeNews() <-chan struct{} { return b.news }

func (b *book) add(id string, at time.Time) {
	b.mu.Lock()
	b.due[id] = at
	b.mu.Unlock()
	b.news <- struct{}{}
}

func (b *book) done() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.finished)
}

// carried is a carrier whose attempts end when they are let go.
type carried struct {
	mu      sync.Mutex
	begun   []string
	at      []time.Time
	release chan struct{} // nil: at once
	result  licensing.AttemptResult
}

func (c *carried) carry(ctx context.Context, d licensing.Delivery) licensing.Outcome {
	c.mu.Lock()
	c.begun, c.at = append(c.begun, d.ID), append(c.at, time.Now())
	c.mu.Unlock()
	if c.release != nil {
		select {
		case <-c.release:
		case <-ctx.Done():
			return licensing.Outcome{Result: licensing.AttemptRetry}
		}
	}
	return licensing.Outcome{Result: c.result}
}

// running is a Service in a bubble of synctest, where minutes pass at once.
func running(t *testing.T, b *book, c *carried, change ...func(*Options)) *Service {
	t.Helper()
	o := Options{Ledger: b, Log: zap.NewNop()}
	for _, f := range change {
		f(&o)
	}
	s, err := New(o)
	require.NoError(t, err)
	if c.result == "" {
		c.result = licensing.AttemptSent
	}
	s.carriers[licensing.ChannelEmail] = c
	s.Serve()
	return s
}

func TestItWakesWhenANoticeIsDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, c := newBook(), &carried{}
		due := time.Now().Add(20*24*time.Hour + 17*time.Second)
		b.notice = due
		s := running(t, b, c)
		time.Sleep(21 * 24 * time.Hour)
		synctest.Wait()
		require.Equal(t, []string{"notice sent"}, b.done())
		require.True(t, c.at[0].Equal(due), "not a moment before or after: %s", c.at[0])
		require.Equal(t, 1, b.resumed)
		require.NoError(t, s.Close(t.Context()))
	})
}

// The clock is looked at each minute, and at once when there is news.
func TestItLooksEachMinuteAndAtNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, c := newBook(), &carried{}
		s := running(t, b, c)
		start := time.Now()
		time.Sleep(10*time.Minute + time.Second)
		synctest.Wait()
		require.Len(t, b.plans, 11)
		b.add("now", start)
		synctest.Wait()
		require.Equal(t, []string{"now sent"}, b.done())
		b.add("later", time.Now().Add(90*time.Second))
		time.Sleep(89 * time.Second)
		synctest.Wait()
		require.Len(t, b.done(), 1)
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(t, []string{"now sent", "later sent"}, b.done())
		require.NoError(t, s.Close(t.Context()))
	})
}

// So many at a time, however many are due; and each once.
func TestAttemptsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, c := newBook(), &carried{release: make(chan struct{})}
		for _, id := range []string{"a", "b", "c", "d", "e", "f", "g"} {
			b.due[id] = time.Now()
		}
		s := running(t, b, c)
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		require.Len(t, c.begun, atOnce)
		c.release <- struct{}{}
		synctest.Wait()
		require.Len(t, c.begun, atOnce+1, "one that ends makes room at once")
		close(c.release)
		synctest.Wait()
		slices.Sort(c.begun)
		require.Equal(t, []string{"a", "b", "c", "d", "e", "f", "g"}, c.begun)
		require.Len(t, b.done(), 7)
		require.NoError(t, s.Close(t.Context()))
	})
}

func TestAStoreThatCannotBeUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, c := newBook(), &carried{}
		b.fail = errors.New("the disk is full")
		b.due["a"] = time.Now()
		s := running(t, b, c)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		require.Empty(t, c.begun)
		b.mu.Lock()
		b.fail, b.unsaved = nil, 3
		b.mu.Unlock()
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		require.Equal(t, []string{"a"}, c.begun, "sent once, though noting it failed three times")
		require.Equal(t, []string{"a sent"}, b.done())
		require.NoError(t, s.Close(t.Context()))
	})
}

// Close lets an attempt end, and cuts it off when its time is up: then nothing is noted,
// since nobody knows.
func TestCloseWaitsForAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, c := newBook(), &carried{release: make(chan struct{})}
		b.due["a"] = time.Now()
		s := running(t, b, c)
		synctest.Wait()
		b.add("b", time.Now().Add(time.Second))
		closed := make(chan error)
		go func() { closed <- s.Close(t.Context()) }()
		time.Sleep(5 * time.Second)
		close(c.release)
		require.NoError(t, <-closed)
		require.Equal(t, []string{"a sent"}, b.done(), "nothing new was begun")

		b, c = newBook(), &carried{release: make(chan struct{})}
		b.due["a"] = time.Now()
		s = running(t, b, c)
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.NoError(t, s.Close(ctx))
		require.Equal(t, []string{"a"}, c.begun)
		require.Empty(t, b.done())
	})
}

func TestMetrics(t *testing.T) {
	registry := prometheus.NewRegistry()
	b, c := newBook(), &carried{result: licensing.AttemptFailed}
	s, err := New(Options{Ledger: b, Metrics: registry})
	require.NoError(t, err)
	s.carriers[licensing.ChannelEmail] = c
	_, err = s.Deliver(t.Context(), licensing.Delivery{ID: "a", Recipient: licensing.Recipient{Channel: licensing.ChannelEmail}})
	require.NoError(t, err)
	require.Equal(t, []string{"a failed"}, b.done())
	families, err := registry.Gather()
	require.NoError(t, err)
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			got[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	require.Equal(t, map[string]float64{
		"tallygate_notices_total email failed": 1, "tallygate_notices_total email held": 0, "tallygate_notices_total email retry": 0, "tallygate_notices_total email sent": 0,
		"tallygate_notices_total webhook failed": 0, "tallygate_notices_total webhook held": 0, "tallygate_notices_total webhook retry": 0, "tallygate_notices_total webhook sent": 0,
		"tallygate_notices_waiting": 0,
	}, got, "closed label sets start at 0")
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	require.NoError(t, err)
	require.Empty(t, problems)
}
