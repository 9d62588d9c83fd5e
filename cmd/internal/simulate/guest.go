package simulate

import (
	"context"
	"math/rand/v2"
	"time"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"
)

// stay is a leg while it is being played.
type stay struct {
	leg
	guest         station
	class         []byte
	userName      string
	begun         time.Time
	input, output uint64
}

// play lets one guest pay one visit.
func (r *run) play(ctx context.Context, v visit) {
	r.tally.note(func(rep *Report) { rep.Visits++ })
	out := outbox{run: r, rng: v.rng}
	defer out.flush(ctx)
	var here *stay
	for _, l := range v.legs {
		there, ok := r.arrive(ctx, v, l)
		if !ok {
			break // not let in here: the guest stays on the access point it has, if any
		}
		out.post(ctx, there.record("Start", 0))
		if here != nil {
			// Roaming: the new access point reports before the old one has noticed.
			out.post(ctx, here.record("Stop", causeLostService))
		}
		here = there
		for range l.interims {
			if !r.pause(ctx) {
				return
			}
			here.use(v.rng)
			out.post(ctx, here.record("Interim-Update", 0))
		}
	}
	if here != nil && !here.open && r.pause(ctx) {
		here.use(v.rng)
		out.post(ctx, here.record("Stop", causeUserRequest))
	}
}

// pause waits between two packets of a guest; false when the run is over.
func (r *run) pause(ctx context.Context) bool { return sleep(ctx, r.cfg.Interval) }

// sleep reports false when ctx ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// use moves some data: now and then so much that it needs Acct-*-Gigawords.
func (s *stay) use(rng *rand.Rand) {
	s.input += uint64(rng.IntN(2_000_000) + 1)
	s.output += uint64(rng.IntN(20_000_000) + 1)
	if draw(rng, 5) {
		s.output += 1 << 33
	}
}

// arrive asks for access; false when it was not granted.
func (r *run) arrive(ctx context.Context, v visit, l leg) (*stay, bool) {
	ap, g := l.ap, v.guest
	s := &stay{leg: l, guest: g, userName: g.name}
	req := Request{Code: radius.CodeAccessRequest, Unsigned: r.cfg.Unsigned}
	password := r.cfg.Password
	if password == "" {
		password = "portal-pass"
	}
	if ap.vendor.login == loginMAC {
		s.userName = ap.vendor.user.of(g.mac)
		password = s.userName
	}
	req.Text(rfc2865.UserName_Type, s.userName)
	if ap.vendor.login == loginCHAP {
		req.chap(password)
	} else {
		req.Password = &password
	}
	s.identify(&req)
	if ap.vendor.service != 0 {
		req.Integer(rfc2865.ServiceType_Type, ap.vendor.service)
	}
	if ap.vendor.early {
		req.Text(rfc2866.AcctSessionID_Type, l.session)
	}
	r.tally.note(func(rep *Report) { rep.Requests++ })
	reply, err := ap.nas.Exchange(ctx, &req, r.delivery(v.rng))
	if err != nil {
		r.failed(err, nil)
		return nil, false
	}
	accepted := reply.Code == radius.CodeAccessAccept
	r.tally.accessed(reply, accepted)
	if !accepted {
		return nil, false
	}
	if ap.vendor.class {
		s.class = reply.Attributes.Get(rfc2865.Class_Type)
	}
	s.begun = time.Now()
	r.tally.note(func(rep *Report) { rep.Sessions++ })
	return s, true
}
