package macwatch

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// AcceptHold is how long a device that was let in counts as online before accounting has
// told of it: two logins may come at once, their Starts some seconds later.
const AcceptHold = time.Minute

// Online knows which devices each guest account has online, for the limits of guests'
// accounts and tickets. Reading takes no lock: a list is never changed, only replaced, so that
// of two devices that ask for the last place at the same time exactly one gets it.
type Online struct {
	accounts sync.Map // onlineKey to *[]presence, never empty
}

type onlineKey struct {
	location int64
	user     string
}

// presence is one session of a device, or, with a zero ident, that it was let in.
type presence struct {
	ident        Ident
	mac          MAC
	since, until time.Time // until: when it counts no longer, if nothing more is heard
}

// OnlineDevice is a device that an account has online.
type OnlineDevice struct {
	MAC   MAC
	Since time.Time
}

// Admit lets a device of an account in, unless so many others are online already. The
// device itself never counts: it may log in anew, roam, or come back after a lost Stop.
// user is in lower case, as accounts are.
func (o *Online) Admit(location int64, user string, mac MAC, limit int, now time.Time) bool {
	admitted := false
	o.change(onlineKey{location, user}, func(list []presence) []presence {
		kept := slices.DeleteFunc(list, func(p presence) bool {
			return !p.until.After(now) || p.mac == mac && p.ident == Ident{}
		})
		admitted = others(kept, mac) < limit
		if admitted {
			kept = append(kept, presence{mac: mac, since: now, until: now.Add(AcceptHold)})
		}
		return kept
	})
	return admitted
}

// others counts the distinct devices besides mac.
func others(list []presence, mac MAC) (n int) {
	for i, p := range list {
		again := slices.ContainsFunc(list[:i], func(q presence) bool { return q.mac == p.mac })
		if p.mac != mac && !again {
			n++
		}
	}
	return n
}

// Seen notes news of an open session of an account; it counts until then.
func (o *Online) Seen(location int64, user string, s *Session, until time.Time) {
	o.change(onlineKey{location, user}, func(list []presence) []presence {
		kept := slices.DeleteFunc(list, func(p presence) bool {
			return p.ident == s.Ident || p.ident == Ident{} && p.mac == s.MAC
		})
		return append(kept, presence{s.Ident, s.MAC, s.StartedAt, until})
	})
}

// Gone notes that a session is over.
func (o *Online) Gone(location int64, user string, ident Ident) {
	o.change(onlineKey{location, user}, func(list []presence) []presence {
		return slices.DeleteFunc(list, func(p presence) bool { return p.ident == ident })
	})
}

// Devices lists what an account has online, the longest first.
func (o *Online) Devices(location int64, user string, now time.Time) []OnlineDevice {
	since := map[MAC]time.Time{}
	if v, ok := o.accounts.Load(onlineKey{location, user}); ok {
		for _, p := range *v.(*[]presence) {
			if first, known := since[p.mac]; p.until.After(now) && (!known || p.since.Before(first)) {
				since[p.mac] = p.since
			}
		}
	}
	out := make([]OnlineDevice, 0, len(since))
	for mac, at := range since {
		out = append(out, OnlineDevice{mac, at})
	}
	slices.SortFunc(out, func(a, b OnlineDevice) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.MAC, b.MAC))
	})
	return out
}

// change replaces an account's list by what f makes of a copy of it; f may be called again.
func (o *Online) change(key onlineKey, f func([]presence) []presence) {
	for {
		v, known := o.accounts.Load(key)
		var old []presence
		if known {
			old = *v.(*[]presence)
		}
		list := f(slices.Clone(old))
		switch {
		case len(list) == 0 && !known:
			return
		case len(list) == 0:
			if o.accounts.CompareAndDelete(key, v) {
				return
			}
		case !known:
			if _, taken := o.accounts.LoadOrStore(key, &list); !taken {
				return
			}
		case o.accounts.CompareAndSwap(key, v, &list):
			return
		}
	}
}
