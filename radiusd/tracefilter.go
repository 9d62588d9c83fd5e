package radiusd

import (
	"fmt"
	"slices"
	"strings"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// eventFilter is a macwatch.TraceFilter, ready to be held against every event.
type eventFilter struct {
	mac      macwatch.MAC
	veiled   []macwatch.MAC      // its pseudonyms, where addresses are not kept
	aps      map[string]struct{} // nil: any
	client   string
	location string
	result   macwatch.Result
	reason   licensing.Reason
	since    int64
}

// compile reads a filter. What it names must exist: a misspelt name would show nothing,
// for ever.
func (v *view) compile(f macwatch.TraceFilter) (eventFilter, error) {
	out := eventFilter{mac: f.MAC, result: f.Result}
	if f.MAC != 0 {
		out.veiled = v.pseudonymsOf(f.MAC)
	}
	if !f.Since.IsZero() {
		out.since = f.Since.UnixMicro()
	}
	var ok bool
	if f.Reason != "" {
		if out.reason, ok = licensing.ReasonOf(f.Reason); !ok {
			return out, licensing.Errorf(licensing.CodeInvalid, "%.40q is not a known reason", f.Reason).
				WithHint("the reasons: %s", reasonLabels())
		}
	}
	if f.Client != "" {
		if out.client, ok = v.clientName(f.Client); !ok {
			return out, licensing.Errorf(licensing.CodeNotFound, "there is no client %.80q", f.Client).
				WithHint("`tallygate client list` shows them; those who are none, `tallygate client unknown`")
		}
	}
	if f.Location != "" {
		if out.location, ok = v.locationCode(f.Location); !ok {
			return out, licensing.Errorf(licensing.CodeNotFound, "there is no Location %.40q with a client", f.Location).
				WithHint("`tallygate location list` shows them; `tallygate client add` gives one a client")
		}
	}
	if f.AP != "" {
		out.aps = v.namesOf(f.AP)
	}
	return out, nil
}

// pseudonymsOf is what the Locations call a device whose address is not kept.
func (v *view) pseudonymsOf(mac macwatch.MAC) (all []macwatch.MAC) {
	for i := range v.clients {
		for l := range v.clients[i].locations() {
			if l.venue.Veil != nil {
				all = append(all, l.venue.Veil.Name(mac))
			}
		}
	}
	return all
}

func reasonLabels() string {
	var labels []string
	for _, r := range append(licensing.Refusals(), licensing.Drops()...) {
		labels = append(labels, r.String())
	}
	return strings.Join(labels, ", ")
}

func (v *view) clientName(name string) (string, bool) {
	for i := range v.clients {
		if strings.EqualFold(v.clients[i].Name, name) {
			return v.clients[i].Name, true
		}
	}
	return "", false
}

func (v *view) locationCode(code string) (string, bool) {
	for i := range v.clients {
		if strings.EqualFold(v.clients[i].Location, code) {
			return v.clients[i].Location, true
		}
		for l := range v.clients[i].locations() {
			if strings.EqualFold(l.Code, code) {
				return l.Code, true
			}
		}
	}
	return "", false
}

// namesOf is every name under which packets may speak of an AP.
func (v *view) namesOf(ap string) map[string]struct{} {
	name := macwatch.SlotName(macwatch.KindAP, ap)
	names := map[string]struct{}{clipped(name): {}}
	for i := range v.clients {
		for l := range v.clients[i].locations() {
			slot, ok := l.venue.APs.Find(name)
			if !ok {
				continue
			}
			names[clipped(slot.Name)] = struct{}{}
			for _, alias := range slot.Aliases {
				names[clipped(alias)] = struct{}{}
			}
		}
	}
	return names
}

// clipped is a text as an event can hold it.
func clipped(text string) string { return text[:min(len(text), len(clip{}.b))] }

// lets reports whether the filter lets an event through; since is for the history alone.
func (f *eventFilter) lets(e *event) bool {
	switch {
	case f.mac != 0 && f.mac != e.mac && !slices.Contains(f.veiled, e.mac),
		f.reason != licensing.ReasonNone && f.reason != e.reason,
		f.result != "" && f.result != resultNames[e.result],
		f.client != "" && f.client != e.name,
		f.location != "" && f.location != e.location:
		return false
	case f.aps != nil:
		_, ok := f.aps[string(e.ap.bytes())]
		return ok
	}
	return true
}

// tellLeft says what the history has not taken.
func (s *Server) tellLeft(each func(macwatch.TraceLine) error) error {
	for r, what := range [results]string{resultAccept: "accepts", resultDrop: "drops", resultRecord: "accounting records"} {
		if n := s.trace.left[r].Load(); n > 0 {
			note := fmt.Sprintf("%d more %s since the start are not in the history: it takes at most %d a second", n, what, tracePace)
			if err := each(macwatch.TraceLine{Note: note}); err != nil {
				return err
			}
		}
	}
	return nil
}
