package notice

import (
	"context"
	"time"

	"go.uber.org/zap"

	"tallygate/licensing"
)

// attempt makes one attempt and notes how it ended. Cut off by Close it notes nothing:
// whether the message arrived is not known, and the next run says so in the ledger.
func (s *Service) attempt(d licensing.Delivery) {
	o := s.try(s.sending, d)
	for s.sending.Err() == nil {
		err := s.options.Ledger.FinishDelivery(s.sending, d, o)
		if err == nil {
			return
		}
		s.fault(err)
		select {
		case <-s.stop:
			return
		case <-time.After(faultPause):
		}
	}
}

// Deliver makes the attempt at a delivery whose attempt has begun, and notes how it
// ended. It is how `notify test` sends.
func (s *Service) Deliver(ctx context.Context, d licensing.Delivery) (licensing.Outcome, error) {
	o := s.try(ctx, d)
	// Noted even if whoever asked has gone.
	return o, s.options.Ledger.FinishDelivery(context.WithoutCancel(ctx), d, o)
}

func (s *Service) try(ctx context.Context, d licensing.Delivery) licensing.Outcome {
	o := s.carriers[d.Recipient.Channel].carry(ctx, d)
	if ctx.Err() != nil && o.Result != licensing.AttemptSent {
		o = licensing.Outcome{Result: licensing.AttemptRetry, Answer: "broken off: " + ctx.Err().Error()}
	}
	s.metrics.count(d.Recipient.Channel, o.Result)
	log := s.options.Log.With(zap.String("kind", d.Event.Kind), zap.String("recipient", d.Recipient.Name), zap.String("id", d.ID),
		zap.Int("attempt", d.Attempt), zap.String("answer", o.Answer))
	switch o.Result {
	case licensing.AttemptSent:
		log.Info("a notice was sent")
	case licensing.AttemptFailed:
		log.Error("a notice could not be delivered",
			zap.String("what_to_do", "mend what the answer names, then `tallygate notify replay "+d.ID+"`"))
	default:
		log.Warn("a notice was not delivered yet")
	}
	return o
}
