package licensing

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"time"
)

// Release is a gateway's signed word that a license has left it for another one, and
// from which on it serves under it no more. Facts names what goes with it, so that the
// word alone, which later gateways keep as evidence, stays short.
type Release struct {
	ID         string    `json:"id"`      // 16 random octets, hex
	License    string    `json:"license"` // number
	From       string    `json:"from"`    // gateway keys; From signs
	To         string    `json:"to"`
	Hop        int       `json:"hop"` // 1, 2, 3 … over all gateways that the license was on
	ReleasedAt time.Time `json:"released_at"`
	Sequence   int       `json:"sequence"` // of the latest order applied
	Facts      string    `json:"facts"`    // SHA-256 of ReleaseFacts as packed, hex
}

// ReleaseFacts is a license as it stood when it left, with the evidence for it. What
// was signed is signed still; the rest is the old gateway's word.
type ReleaseFacts struct {
	License  License         `json:"license"`
	Grant    string          `json:"grant"`              // the signed grant
	Orders   []AppliedOrder  `json:"orders,omitempty"`   // in sequence
	Hops     []string        `json:"hops,omitempty"`     // what brought it to the old gateway, oldest first
	Receipts []CarriedStart  `json:"receipts,omitempty"` // oldest first
	Counted  []CarriedDevice `json:"counted,omitempty"`
	Window   []CarriedSight  `json:"window,omitempty"` // recent sightings, under a count window
	Erasable []CarriedName   `json:"erasable,omitempty"`
	Veils    []CarriedVeil   `json:"veils,omitempty"` // of the Locations whose devices have pseudonyms
}

// CarriedVeil is the key of a Location's pseudonyms, sealed for the gateway that the
// release is for (SealFor): without it nobody would be known again there.
type CarriedVeil struct {
	Location string `json:"location"`
	Key      []byte `json:"key"`
}

// AppliedOrder is a signed order, and when the old gateway applied it.
type AppliedOrder struct {
	Text string    `json:"text"`
	At   time.Time `json:"at"`
}

// CarriedStart is a start receipt; Void says why it tells of a start that was taken
// back, and is "" for the one in force.
type CarriedStart struct {
	Receipt Receipt `json:"receipt"`
	Void    string  `json:"void,omitempty"`
}

// LocationOf is where the device behind a pseudonym on one of the receipts was; "" for one
// that is on none.
func (f *ReleaseFacts) LocationOf(pseudonym string) string {
	for _, c := range f.Receipts {
		for _, s := range c.Receipt.Sightings {
			if s.Device == pseudonym {
				return c.Receipt.Location
			}
		}
	}
	return ""
}

// CarriedDevice is a device that counts. MACs are addresses with colons, or pseudonyms; At
// and Last are its earliest and latest counted sighting.
type CarriedDevice struct {
	Location string    `json:"location"`
	MAC      string    `json:"mac"`
	At       time.Time `json:"at"`
	Last     time.Time `json:"last"`
	AP       []byte    `json:"ap,omitempty"`
	Session  []byte    `json:"session,omitempty"`
}

// CarriedSight is a sighting that a count window may still reach.
type CarriedSight struct {
	Location string    `json:"location"`
	MAC      string    `json:"mac"`
	At       time.Time `json:"at"`
	AP       []byte    `json:"ap,omitempty"`
	Session  []byte    `json:"session,omitempty"`
}

// CarriedName is the MAC behind a pseudonym on a receipt.
type CarriedName struct {
	Pseudonym string `json:"pseudonym"`
	MAC       string `json:"mac"`
}

// ReleasedLicenses is what `gateway release` did, or would do.
type ReleasedLicenses struct {
	To       string    `json:"to"`
	Licenses []Summary `json:"licenses"`
	Text     string    `json:"text,omitempty"` // the releases, one a line; not in a rehearsal
	DryRun   bool      `json:"dry_run,omitempty"`
}

// Released reports whether the license has left this gateway for another by now.
func (l *License) Released(now time.Time) bool { return happened(l.ReleasedAt, now) }

// gone says that, and where to.
func (l *License) gone() error {
	return Errorf(CodeConflict, "%s has left this gateway on %s, for gateway %s", l.Number, l.ReleasedAt.UTC().Format(time.RFC3339), l.ReleasedTo).
		WithHint("do it there")
}

// Here reports, with CodeConflict, that the license has left this gateway.
func (l *License) Here(now time.Time) error {
	if l.Released(now) {
		return l.gone()
	}
	return nil
}

// Release is the license as it leaves gateway from for gateway to: an *Error with
// CodeInvalid for a key that is none or the gateway's own, with CodeConflict when it
// has left already.
func (l *License) Release(from, to string, now time.Time) (*License, error) {
	if err := CheckGateway(to); err != nil {
		return nil, err
	}
	if to == from {
		return nil, Errorf(CodeInvalid, "the license %s is on this gateway already", l.Number).
			WithHint("--to takes the key that `tallygate gateway id` prints on the new gateway")
	}
	if err := l.Here(now); err != nil {
		return nil, err
	}
	c := *l
	c.Hop, c.ReleasedAt, c.ReleasedTo = l.Hop+1, now, to
	return &c, nil
}

// Hash names the release: SHA-256, in hexadecimal.
func (r Release) Hash() (string, error) {
	text, err := json.Marshal(r)
	if err != nil {
		return "", Errorf(CodeInternal, "write the release: %w", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

// Arrival is where a release is entered.
type Arrival struct {
	Gateway string   // this gateway's key
	Trusted []string // public keys of the issuers whose orders count here
	Permit  *Order   // the distributor's transfer order for this release, if there is one
	Now     time.Time
}

// CheckRelease reports whether a gateway may take what a release brings, and returns
// the grant's terms. An *Error with CodeRefused when it is for another gateway, when
// the gateway that signed it is not the one that held the license, or when what it
// carries is not what was signed.
func CheckRelease(r Release, f ReleaseFacts, a Arrival) (Terms, error) {
	terms, err := VerifyGrant(f.Grant, a.Trusted)
	if err != nil {
		return terms, err
	}
	index := f.License.Terms.Index
	if f.License.Number != r.License || index < 0 || index >= terms.size() || LicenseNumber(terms.GrantID, index) != r.License {
		return terms, Errorf(CodeRefused, "the release of %s does not carry the grant of that license", r.License).
			WithHint("release it again on the old gateway")
	}
	if err := f.check(terms, r, a); err != nil {
		return terms, err
	}
	holder, err := f.holder(terms, r, a.Trusted)
	if err != nil {
		return terms, err
	}
	if a.Permit != nil {
		return terms, a.permits(r)
	}
	switch {
	case r.To != a.Gateway:
		return terms, Errorf(CodeRefused, "%s was released to another gateway: %s", r.License, r.To).
			WithHint("enter it there; to take it here after all, the distributor signs `issuer transfer %s --to-gateway %s --release FILE`", r.License, a.Gateway)
	case holder != "" && holder != r.From:
		return terms, Errorf(CodeRefused, "%s is bound to gateway %s, and was released by another one: %s", r.License, holder, r.From).
			WithHint("release it on the gateway that holds it; if that is dead, ask the distributor for a transfer order")
	case holder == "" && !terms.ActivateBy.IsZero() && DateIn(a.Now, time.UTC).AddDays(-1).After(terms.ActivateBy):
		// Nobody can tell which gateway held a key that names none, so that a forged release
		// must not give more than entering the key would.
		return terms, Errorf(CodeRefused, "the key of %s names no gateway and had to be activated by %s", r.License, terms.ActivateBy).
			WithHint("ask the distributor for a transfer order that permits this release: `issuer transfer %s --to-gateway %s --release FILE`", r.License, a.Gateway)
	}
	return terms, nil
}

// permits checks that the distributor's order is for this release, here.
func (a Arrival) permits(r Release) error {
	hash, err := r.Hash()
	if err != nil {
		return err
	}
	t := a.Permit.Transfer
	if a.Permit.License != r.License || t == nil || t.Release != hash || t.ToGateway != a.Gateway || a.Permit.Sequence != r.Sequence+1 {
		return Errorf(CodeRefused, "the transfer order is not for this release of %s on this gateway", r.License).
			WithHint("ask the distributor for one: `issuer transfer %s --to-gateway %s --release FILE`", r.License, a.Gateway)
	}
	return nil
}

// holder follows the license from gateway to gateway, and is the one that may release
// it; "" when nothing signed says so.
func (f ReleaseFacts) holder(terms Terms, r Release, trusted []string) (string, error) {
	holder := terms.Gateway
	broken := func(hop int) error {
		return Errorf(CodeRefused, "the release of %s does not show how it came to the gateway that signed it: hop %d", r.License, hop).
			WithHint("release it again on the gateway that holds it; if that is dead, ask the distributor for a transfer order")
	}
	for i, text := range f.Hops {
		kind, err := ReadKind(text)
		if err != nil {
			return "", err
		}
		if kind == string(OrderTransfer) {
			o, err := VerifyOrder(text, trusted)
			if err != nil {
				return "", err
			}
			if o.License != r.License || o.Transfer.ToGateway == "" {
				return "", broken(i + 1)
			}
			holder = o.Transfer.ToGateway
			continue
		}
		earlier, err := VerifyRelease(text)
		if err != nil {
			return "", err
		}
		if earlier.License != r.License || earlier.Hop != i+1 || holder != "" && earlier.From != holder {
			return "", broken(i + 1)
		}
		holder = earlier.To
	}
	if r.Hop != len(f.Hops)+1 {
		return "", broken(r.Hop)
	}
	return holder, nil
}

// check holds what a release carries against what was signed. Only what no order can
// say is the old gateway's word: when devices came, what its operator did, how long a
// pause took.
func (f ReleaseFacts) check(terms Terms, r Release, a Arrival) error {
	texts := make([]string, len(f.Orders))
	for i, o := range f.Orders {
		texts[i] = o.Text
	}
	orders, err := verifyOrders(r.License, texts, a.Trusted)
	if err != nil {
		return err
	}
	l := &f.License
	signed := Rebuild(terms.Licenses(l.ActivatedAt)[l.Terms.Index], orders)
	signed.replay(orders)
	paused := slices.ContainsFunc(orders, func(o Order) bool { return o.Deny != nil && o.Deny.PauseClock })
	same := func(a, b any) bool {
		x, errX := json.Marshal(a)
		y, errY := json.Marshal(b)
		return errX == nil && errY == nil && bytes.Equal(x, y)
	}
	var wrong string
	switch {
	case r.Sequence != len(orders) || l.Sequence != len(orders):
		wrong = "its orders"
	case !same(signed.Terms, l.Terms):
		wrong = "its terms"
	case !same(signed.Renewals, l.Renewals):
		wrong = "its renewals"
	case signed.Distributor.Order != l.Distributor.Order || signed.Distributor.At.IsZero() != l.Distributor.At.IsZero():
		wrong = "the distributor's denial"
	case l.ConfirmedUntil.After(signed.ConfirmedUntil):
		wrong = "its confirmation"
	case !paused && (l.PausedDays != 0 || !l.PausedSince.IsZero()), l.PausedDays < 0 || l.PausedDays > localDays(terms.IssuedAt, r.ReleasedAt, time.UTC)+1:
		wrong = "its paused days"
	case !l.StartedAt.IsZero() && len(f.Hops) == 0 && !slices.ContainsFunc(f.Receipts, func(c CarriedStart) bool {
		return c.Void == "" && c.Receipt.Number == r.License && c.Receipt.StartsAt.Equal(l.StartedAt)
	}):
		wrong = "its start"
	}
	if wrong != "" {
		return Errorf(CodeRefused, "the release of %s was made up: %s is not what was signed", r.License, wrong).
			WithHint("ask the distributor for a transfer order")
	}
	if r.ReleasedAt.After(a.Now) || l.StartedAt.After(a.Now) {
		return Errorf(CodeConflict, "%s was released at %s, which has not come yet on this gateway", r.License, r.ReleasedAt.UTC().Format(time.RFC3339)).
			WithHint("compare the clocks of the two gateways; set the one that is wrong")
	}
	return nil
}
