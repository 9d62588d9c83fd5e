// Package radiusd is RADIUS on the wire: sockets, packets, authenticators, the reply
// cache, and the two paths, Access-Request (access.go) and Accounting-Request
// (accounting.go). It decides from an immutable Snapshot and answers an
// Accounting-Request only when the Journal says that it is durable.
package radiusd

import (
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"tallygate/macwatch"
)

// Journal keeps accounting records. It is what Accounting-Requests need of a store.
type Journal interface {
	// Append hands records to the one writer, in order. It takes as many as fit,
	// from the front, and returns how many. Each one taken comes back exactly once
	// through its Done, after the commit or with Err set. It never blocks.
	Append(records []*macwatch.Record) int
	// AwaitRoom waits, after Append has refused, until it takes a good many again, or
	// nothing any more.
	AwaitRoom()
	// Writable reports whether the last commit succeeded. While it is false,
	// Status-Server on the accounting port gets no answer.
	Writable() bool
}

// Claims gives slots to APs and rooms, durably. First claims only.
type Claims interface {
	// Claim queues c; false when the queue is full. c comes back through c.Done.
	Claim(c *macwatch.Claim) bool
	// Observe notes, without waiting and as far as there is room, that an AP was
	// refused, so that `ap list` can show it.
	Observe(location int64, ap macwatch.APSight)
	// Learn keeps, durably and without waiting, that an address is a BSSID of an AP of the
	// roster (Roster.Fold). It may be called again for the same one; the next Snapshot
	// holds it as an alias.
	Learn(location int64, ap macwatch.APSight)
}

// Passes finds tickets and portals' credentials, without a lock.
type Passes interface {
	// Find returns the pass with this folded user name (macwatch.PassKey) at a Location;
	// nil: there is none.
	Find(location int64, key []byte) *macwatch.Pass
	// None reports whether there is none at all, which spares each login the search.
	None() bool
}

// Learner keeps, durably, that a source address of a RequireAuto client has sent a
// valid Message-Authenticator. It may be called again for the same address; it does
// not block. The next Snapshot carries the address in Client.Signed.
type Learner interface {
	Signed(client int64, source netip.Addr)
}

// Devices knows how many devices of a guest account are online.
type Devices interface {
	// Admit lets a device in, unless limit others of the account (in lower case) are
	// online or were let in a moment ago. It neither blocks nor waits.
	Admit(location int64, user string, mac macwatch.MAC, limit int, now time.Time) bool
}

// Recognizer keeps, durably, which vendor a client's packets have shown (under
// macwatch.VendorAuto), and how surely. It may be called again for the same client; it
// does not block. The next Snapshot carries it in Client.Detected.
type Recognizer interface {
	Recognized(client int64, vendor macwatch.Vendor, by uint8)
}

// Options is what a Server needs. Zero fields get the defaults said here.
type Options struct {
	Auth, Acct    []string      // addresses as host:port; port 0 picks a free one
	Sockets       int           // per address, with SO_REUSEPORT; default 1
	ReceiveBuffer int           // SO_RCVBUF in octets; default 8 MiB
	RejectDelay   time.Duration // 0-5 s, from arrival to Access-Reject; 0: at once. See DefaultRejectDelay
	ReplyCache    int           // entries in the reply cache of an address; default 65536
	ClassKey      []byte        // 32 octets: key of the Class token; needed
	RadSec        RadSecOptions // RADIUS over TLS; without addresses there is none
	TraceHistory  int           // events of each kind that Trace remembers; 0: none

	Journal Journal
	Claims  Claims
	Learner Learner
	Passes  Passes     // nil: there are none
	Devices Devices    // nil: nobody limits them
	Makes   Recognizer // nil: what is recognized is forgotten at the end

	Log     *zap.Logger
	Metrics prometheus.Registerer
	Now     func() time.Time // default time.Now; the gateway's believed clock
}

// DefaultRejectDelay is the time from arrival to Access-Reject when none is configured.
const DefaultRejectDelay = time.Second
