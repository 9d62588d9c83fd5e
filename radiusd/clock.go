package radiusd

import "time"

// instant is a moment on the monotonic clock, in nanoseconds since the Server began.
// Lifetimes and delays are measured on it: the believed clock (Options.Now) may jump.
type instant int64

// stopwatch tells instants.
type stopwatch struct{ began time.Time }

func (s stopwatch) now() instant { return instant(time.Since(s.began)) }
