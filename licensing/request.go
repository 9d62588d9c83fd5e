package licensing

import (
	"bytes"
	"cmp"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"strings"
	"time"
)

// The first two fields of a request file say what it is, to people and programs.
const (
	requestFormat  = "tallygate license request"
	requestVersion = 1
)

// RequestMax is how long a request file may be, in octets: far more than any needs.
const RequestMax = 64 << 10

// Request is what a distributor needs to know to issue a license. It gives no right
// and is not signed: the distributor decides what it grants. As a file it is JSON
// that people can read and correct.
type Request struct {
	Format       string              `json:"format"`  // always requestFormat
	Version      int                 `json:"version"` // always requestVersion
	RequestedAt  time.Time           `json:"requested_at"`
	Organization RequestOrganization `json:"organization"`
	Location     RequestLocation     `json:"location"`
	Partner      string              `json:"partner,omitempty"`     // who looks after the venue
	Distributor  string              `json:"distributor,omitempty"` // who issues the license
	Term         Term                `json:"term"`
	Payment      string              `json:"payment,omitempty"` // PaymentMonthly, PaymentAnnual or ""
	APs          Limit               `json:"aps"`               // null: not limited
	Rooms        Limit               `json:"rooms"`
	Modules      []string            `json:"modules,omitempty"`
	Quantity     int                 `json:"quantity"` // 1 or more: a pool
	Gateway      string              `json:"gateway"`  // key that the license will be bound to
}

// RequestOrganization says for whom a license is.
type RequestOrganization struct {
	Name  string `json:"name"`
	Realm string `json:"realm"`
}

// RequestLocation says for which venue a license is.
type RequestLocation struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Sector   string `json:"sector,omitempty"`
	TimeZone string `json:"time_zone"`
}

// NewRequest makes a request for a license of one at a Location, without limits.
func NewRequest(l Location, gateway string, now time.Time) Request {
	return Request{
		Format: requestFormat, Version: requestVersion, RequestedAt: now.UTC().Truncate(time.Second),
		Organization: RequestOrganization{l.Organization, l.Realm},
		Location:     RequestLocation{l.Code, l.Name, l.Sector, l.Settings.Timezone},
		APs:          Unlimited, Rooms: Unlimited, Quantity: 1, Gateway: gateway,
	}
}

// Validate reports, with CodeInvalid, what no distributor could grant.
func (r Request) Validate() error {
	if r.Quantity < 1 {
		return Errorf(CodeInvalid, "a quantity of %d licenses is not possible", r.Quantity).WithHint("it is 1 or more")
	}
	return cmp.Or(
		ValidateLocation(Location{
			Code: r.Location.ID, Name: r.Location.Name, Sector: r.Location.Sector,
			Settings: Settings{Timezone: r.Location.TimeZone}.WithDefaults(),
		}),
		checkName("Organization", r.Organization.Name), checkRealm(r.Organization.Realm),
		checkOptionalName("partner", r.Partner), checkOptionalName("distributor", r.Distributor),
		checkPayment(r.Payment), r.Term.check(),
		Terms{APs: r.APs, Rooms: r.Rooms, Modules: r.Modules, Quantity: r.Quantity}.checkLimits(),
		CheckGateway(r.Gateway))
}

func checkOptionalName(what, name string) error {
	if name == "" {
		return nil
	}
	return checkName(what, name)
}

func checkPayment(payment string) error {
	if payment == "" {
		return nil
	}
	return oneOf("payment", payment, PaymentMonthly, PaymentAnnual)
}

// Text is the request as its file holds it.
func (r Request) Text() []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // "Bed & Breakfast" stays readable
	e.SetIndent("", "  ")
	_ = e.Encode(r) // no field of it can fail
	return b.Bytes()
}

// ReadRequest reads a request file. It is strict, since a misspelt field would be a
// wish that nobody sees: CodeInvalid tells what the file is instead, which field is
// not known, or what Validate finds.
func ReadRequest(text []byte) (Request, error) {
	// Editors on Windows put a byte order mark first.
	text = bytes.TrimSpace(bytes.TrimPrefix(text, []byte("\ufeff")))
	if err := checkRequestKind(text); err != nil {
		return Request{}, err
	}
	r := Request{APs: Unlimited, Rooms: Unlimited, Quantity: 1}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&r); err != nil {
		return Request{}, Errorf(CodeInvalid, "the license request is not understood: %w", err).
			WithHint("correct the field, or ask for the file as `tallygate license request` wrote it")
	}
	return r, r.Validate()
}

// checkRequestKind tells a request from all that could be given by mistake.
func checkRequestKind(text []byte) error {
	const hint = "give the file that `tallygate license request` wrote"
	switch {
	case len(text) == 0:
		return Errorf(CodeInvalid, "the license request is empty").WithHint(hint)
	case len(text) > RequestMax:
		return Errorf(CodeInvalid, "this is no license request: it is longer than %d octets", RequestMax).WithHint(hint)
	case bytes.HasPrefix(text, []byte(tokenHeader)):
		return Errorf(CodeInvalid, "this is a signed key, not a license request").
			WithHint("a key is entered at the gateway, with `tallygate license activate`; here, " + hint)
	}
	var kind struct {
		Format  string `json:"format"`
		Version int    `json:"version"`
	}
	var syntax *json.SyntaxError
	switch err := json.Unmarshal(text, &kind); {
	case errors.As(err, &syntax):
		line := 1 + bytes.Count(text[:min(int(syntax.Offset), len(text))], []byte("\n"))
		return Errorf(CodeInvalid, "this is no license request: line %d: %w", line, err).WithHint(hint)
	case err != nil, kind.Format != requestFormat:
		return Errorf(CodeInvalid, "this is no license request: it does not begin with \"format\": %q", requestFormat).WithHint(hint)
	case kind.Version != requestVersion:
		return Errorf(CodeInvalid, "the license request has version %d, and this program knows version %d", kind.Version, requestVersion).
			WithHint("update the older one of the two programs")
	}
	return nil
}

// CheckGateway reports, with CodeInvalid, what is wrong with a gateway's public key
// as text. Whether such a gateway exists only the gateway knows.
func CheckGateway(key string) error {
	if _, ok := decodeKey(key, publicHeader, ed25519.PublicKeySize); ok && strings.TrimSpace(key) == key {
		return nil
	}
	return Errorf(CodeInvalid, "%.80q is not a gateway's key", key).
		WithHint("a gateway's key is one line that begins with %s; `tallygate gateway id` prints it there", publicHeader)
}
