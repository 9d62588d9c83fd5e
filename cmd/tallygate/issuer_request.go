package main

import (
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"tallygate/cmd/internal/distributor"
	"tallygate/licensing"
)

// applyRequest takes from a license request what no flag overrides, and shows it: the
// distributor signs what stands there.
func (c *console) applyRequest(d *distributor.Dir, file string, f *pflag.FlagSet, t *licensing.Terms) (*licensing.Request, error) {
	r, err := c.readRequest(file)
	if err != nil {
		return nil, err
	}
	var shown []field
	take := func(flag, value string, set func()) {
		if f.Changed(flag) {
			value = fmt.Sprintf("%s instead of %s", f.Lookup(flag).Value, or(value, "none"))
		} else {
			set()
		}
		shown = append(shown, field{flag, value})
	}
	take("organization", r.Organization.Name, func() { t.Organization = r.Organization.Name })
	take("realm", r.Organization.Realm, func() { t.Realm = r.Organization.Realm })
	take("location", fmt.Sprintf("%s (%s, %s)", r.Location.ID, r.Location.Name, r.Location.TimeZone), func() { t.Location = r.Location.ID })
	take("partner", r.Partner, func() { t.Partner = r.Partner })
	take("distributor", r.Distributor, func() { t.Distributor = r.Distributor })
	switch {
	case f.Changed("years"), f.Changed("months"), f.Changed("days"):
		shown = append(shown, field{"term", termText(t.Term) + " instead of " + termText(r.Term)})
	case t.Trial:
		shown = append(shown, field{"term", "a trial instead of " + termText(r.Term)})
	default:
		t.Term = r.Term
		shown = append(shown, field{"term", termText(r.Term)})
	}
	take("payment", r.Payment, func() { t.Payment = r.Payment })
	take("aps", r.APs.String(), func() { t.APs = r.APs })
	take("rooms", r.Rooms.String(), func() { t.Rooms = r.Rooms })
	take("modules", strings.Join(r.Modules, ", "), func() { t.Modules = r.Modules })
	take("quantity", fmt.Sprint(r.Quantity), func() { t.Quantity = r.Quantity })
	take("gateway", r.Gateway, func() { t.Gateway = r.Gateway })
	if !c.json {
		_, _ = fmt.Fprintf(c.err, "from the request of %s:\n", stamp(r.RequestedAt))
		if err := writeFields(c.err, shown); err != nil {
			return nil, err
		}
	}
	return &r, c.warnGranted(d, r)
}

// warnGranted tells of a request that was granted before: the same file, given twice,
// makes two licenses.
func (c *console) warnGranted(d *distributor.Dir, r licensing.Request) error {
	issued, err := d.Register().Read()
	if err != nil {
		return err
	}
	for _, e := range issued {
		if q := e.Request; e.Terms != nil && e.Terms.Renews == "" && q != nil &&
			q.RequestedAt.Equal(r.RequestedAt) && q.Location.ID == r.Location.ID && q.Gateway == r.Gateway {
			c.warn("this request was granted before, on %s, as %s", stamp(e.IssuedAt), e.Numbers[0])
		}
	}
	return nil
}

func (c *console) readRequest(file string) (licensing.Request, error) {
	var text []byte
	var err error
	if file == "-" {
		text, err = readBounded(c.in)
	} else {
		text, err = readBoundedFile(file)
	}
	if err != nil {
		return licensing.Request{}, licensing.Errorf(licensing.CodeInvalid, "cannot read the license request: %w", err).
			WithHint("give the file that `tallygate license request` wrote, or - for standard input")
	}
	return licensing.ReadRequest(text)
}
