package notice

import (
	"time"

	"go.uber.org/zap"

	"tallygate/licensing"
)

const (
	// atOnce bounds the attempts that are under way at a time.
	atOnce = 4
	// longestSleep is how long the schedule trusts its timer. A clock that is set does
	// not wake a timer: after at most this long it is looked at again.
	longestSleep = time.Minute
	// shortestSleep keeps what cannot be done from being tried without a pause.
	shortestSleep = 100 * time.Millisecond
	// faultPause is how long to wait when the store could not be asked or written.
	faultPause = 15 * time.Second
)

// schedule is the goroutine that begins everything: it wakes when something is due,
// when there is news, and once a minute, and it owns the attempts that it begins.
func (s *Service) schedule() {
	done := make(chan struct{})
	busy := 0
	defer func() {
		for ; busy > 0; busy-- {
			<-done
		}
	}()
	resumed := false
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-done:
			busy--
		case <-s.options.Ledger.NoticeNews():
		case <-timer.C:
		}
		select {
		case <-s.stop: // it may have been closed together with what woke us
			return
		default:
		}
		if !resumed {
			if err := s.options.Ledger.ResumeDeliveries(s.sending); err != nil {
				s.fault(err)
				timer.Reset(faultPause)
				continue
			}
			resumed = true
		}
		taken, sleep := s.turn(atOnce - busy)
		for _, d := range taken {
			busy++
			go func() {
				defer func() { done <- struct{}{} }()
				s.attempt(d)
			}()
		}
		timer.Reset(sleep)
	}
}

// turn plans and takes what is due, and says how long there is nothing more to do.
func (s *Service) turn(idle int) ([]licensing.Delivery, time.Duration) {
	next, err := s.options.Ledger.PlanNotices(s.sending)
	if err != nil {
		s.fault(err)
		return nil, faultPause
	}
	sleep := s.until(next, longestSleep)
	if idle == 0 {
		return nil, sleep
	}
	taken, next, open, err := s.options.Ledger.TakeDeliveries(s.sending, idle)
	if err != nil {
		s.fault(err)
		return nil, faultPause
	}
	s.metrics.waiting.Set(float64(open))
	if len(taken) == idle {
		return taken, sleep // the first of them to end makes room and wakes the schedule
	}
	return taken, s.until(next, sleep)
}

// until is the time from now to then, at most so long, and so long when nothing is planned.
func (s *Service) until(then time.Time, most time.Duration) time.Duration {
	if then.IsZero() {
		return most
	}
	return min(max(then.Sub(s.options.Now()), shortestSleep), most)
}

func (s *Service) fault(err error) {
	if s.sending.Err() == nil {
		s.options.Log.Warn("the ledger of notices cannot be used now; it is tried again", zap.Error(err))
	}
}
