package radiusd

import (
	"net/netip"
	"sync"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// signedSources remembers which source addresses have sent a valid
// Message-Authenticator, from the moment they do until a Snapshot says so
// (Client.Signed). It only ever learns upwards: nothing that an attacker leaves out
// makes a source look unsigned again.
type signedSources struct {
	mu    sync.RWMutex
	known map[signedSource]struct{}
}

type signedSource struct {
	client int64
	source netip.Addr
}

// maxSignedSources bounds the memory; beyond it the Snapshot alone remembers.
const maxSignedSources = 1 << 16

func (s *signedSources) has(client int64, source netip.Addr) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, ok := s.known[signedSource{client, source}]
	return ok
}

func (s *signedSources) add(client int64, source netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil {
		s.known = make(map[signedSource]struct{})
	}
	if len(s.known) < maxSignedSources {
		s.known[signedSource{client, source}] = struct{}{}
	}
}

// checkAccess is the gate of an Access-Request against BlastRADIUS (CVE-2024-3596):
// a Message-Authenticator that is there must be right (RFC 3579 section 3.2);
// whether it must be there is the client's policy. ReasonNone lets the packet in.
func (r *reader) checkAccess() licensing.Reason {
	p, c, source := &r.packet, r.client, r.source.Addr()
	if p.has(attrMessageAuthenticator) {
		if !r.signed() {
			r.suspect(evidenceSigned)
			return licensing.ReasonBadAuthenticator
		}
		r.proved()
		// EAP always carries it (RFC 3579 section 3.1), also from gear that signs
		// nothing else: it teaches nothing.
		if c.RequireMA == macwatch.RequireAuto && !p.has(attrEAPMessage) && r.socket.link == nil {
			r.server.learn(c, source)
		}
		return licensing.ReasonNone
	}
	if r.socket.link != nil && !p.has(attrEAPMessage) {
		return licensing.ReasonNone // nobody on the way can change what TLS carries
	}
	r.view.unsigned[c.index].Inc()
	switch {
	case p.has(attrEAPMessage), !optionalMA(c), r.server.hasSigned(c, source):
		return licensing.ReasonMissingMessageAuthenticator
	case p.has(attrProxyState):
		// limit_proxy_state: the attack needs Proxy-State to make its collision.
		return licensing.ReasonProxyStateUnsigned
	}
	r.samplePassword()
	return licensing.ReasonNone
}

// optionalMA reports whether the policy lets Message-Authenticator be absent. The
// zero value does not.
func optionalMA(c *client) bool {
	return c.RequireMA == macwatch.RequireNo || c.RequireMA == macwatch.RequireAuto
}

// hasSigned reports whether a RequireAuto client's source has ever signed.
func (s *Server) hasSigned(c *client, source netip.Addr) bool {
	if c.RequireMA != macwatch.RequireAuto {
		return false
	}
	_, known := c.signed[source]
	return known || s.signed.has(c.ID, source)
}

// learn notes that a source signs, at once here and durably through the Learner.
func (s *Server) learn(c *client, source netip.Addr) {
	if s.hasSigned(c, source) {
		return
	}
	s.signed.add(c.ID, source)
	s.options.Learner.Signed(c.ID, source)
}
