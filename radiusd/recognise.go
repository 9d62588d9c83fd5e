package radiusd

import (
	"sync"

	"go.uber.org/zap"

	"tallygate/macwatch"
)

// recognised remembers which make a client has shown, from the moment it does until a
// Snapshot says so (Client.Detected).
//
// Each packet is read by what it shows itself (identity.choose). What a client has shown
// matters for packets that show nothing, and for people. The rule for changing it: only
// on better evidence (rank). Of equal evidence the first stands: two makes behind one
// client do not take turns. An operator's word (client set --vendor) ends it.
type recognised struct {
	mu    sync.RWMutex
	ranks map[int64]rank
}

// recognise notes what a packet shows of its client's make. Once that is known it costs
// a comparison.
func (s *Server) recognise(c *client, id *identity) {
	if id.rank <= c.DetectedBy || c.manner.profile != nil {
		return
	}
	s.makes.mu.RLock()
	known := s.makes.ranks[c.ID]
	s.makes.mu.RUnlock()
	if id.rank <= known {
		return
	}
	s.makes.mu.Lock()
	if s.makes.ranks == nil {
		s.makes.ranks = make(map[int64]rank)
	}
	known = s.makes.ranks[c.ID]
	if id.rank > known {
		s.makes.ranks[c.ID] = id.rank
	}
	s.makes.mu.Unlock()
	if id.rank <= known {
		return
	}
	if s.options.Makes != nil {
		s.options.Makes.Recognized(c.ID, id.detected, id.rank)
	}
	fields := []zap.Field{zap.String("client", c.Name), zap.String("vendor", string(id.detected))}
	if advice := AdviceFor(id.detected); advice.Quirk != "" {
		fields = append(fields, zap.String("note", advice.Quirk))
	}
	s.options.Log.Info("the vendor of a client was recognised by its packets", fields...)
}

// forgetMakes drops what the Snapshot carries, and what it says anew: after
// client set --vendor auto the packets are asked again.
func (s *Server) forgetMakes(snapshot *Snapshot) {
	s.makes.mu.Lock()
	defer s.makes.mu.Unlock()
	for i := range snapshot.clients {
		c := &snapshot.clients[i]
		if c.DetectedBy >= s.makes.ranks[c.ID] || c.Vendor != macwatch.VendorAuto {
			delete(s.makes.ranks, c.ID)
		}
	}
}
