package licensing

import "time"

// receiptKind is the kind of a start receipt as signed text.
const receiptKind = "receipt"

// Evidence is a start receipt with what proves it, as `license receipt --format json`
// writes it into a file.
type Evidence struct {
	Receipt Receipt `json:"receipt"`
	Hash    string  `json:"hash"`   // Receipt.Hash
	Signed  string  `json:"signed"` // the receipt, signed by the gateway: v4.public.…
	// Entry is the number of the audit entry that the start has made.
	Entry int64 `json:"audit_entry"`
	// Void says why the start is taken back since; empty: the receipt is in force.
	Void string `json:"void,omitempty"`

	Organization string `json:"organization"`
	LocationName string `json:"location_name"` // "" when the Location is gone
	TimeZone     string `json:"time_zone"`
	LastDay      *Date  `json:"last_day"` // as it stands now
}

// EvidenceReport is what `license receipt verify` found.
type EvidenceReport struct {
	OK       bool      `json:"ok"`
	Number   string    `json:"number"`
	StartsAt time.Time `json:"starts_at"`
	Hash     string    `json:"hash"`
	Gateway  string    `json:"gateway"` // key that has signed it
	Problems []string  `json:"problems"`
}

// SignReceipt signs a receipt with the gateway's own key, so that anybody who knows
// the gateway's public key can tell that it wrote exactly this.
func (k IssuerKey) SignReceipt(r Receipt) (string, error) {
	return k.sign(OrderKind(receiptKind), r.inUTC())
}

// VerifyReceipt reads a signed receipt, and the key of the gateway that signed it: an
// *Error with CodeInvalid when it is none, with CodeRefused when it was altered.
// Whether that gateway is the right one is for the reader to say.
func VerifyReceipt(text string) (r Receipt, gateway string, err error) {
	text = withoutSpace(text)
	foot, err := readFooter(text)
	if err != nil {
		return r, "", err
	}
	if foot.Kind != receiptKind {
		return r, "", Errorf(CodeInvalid, "this signed text is no start receipt but of the kind %q", foot.Kind).
			WithHint("`tallygate license receipt NUMBER --format json` writes one")
	}
	err = verified(text, foot, []string{foot.Issuer}, &r)
	return r, foot.Issuer, err
}

// Check reports what is wrong with evidence from elsewhere. gateway is the key that
// must have signed it; empty: any, which the report then names.
func (e Evidence) Check(gateway string) EvidenceReport {
	report := EvidenceReport{Number: e.Receipt.Number, StartsAt: e.Receipt.StartsAt, Problems: []string{}}
	problem := func(text string) { report.Problems = append(report.Problems, text) }
	hash, err := e.Receipt.Hash()
	if err != nil {
		problem("the receipt cannot be read: " + err.Error())
	}
	report.Hash = hash
	signed, by, err := VerifyReceipt(e.Signed)
	switch {
	case err != nil:
		problem("its signature does not fit: it was altered, or cut off")
	default:
		report.Gateway = by
		if original, err := signed.Hash(); err != nil || original != hash {
			problem("it says something else than the gateway has signed")
		}
		if signed.GatewayKey != by {
			problem("it names another gateway than has signed it: " + signed.GatewayKey)
		}
		if gateway != "" && gateway != by {
			problem("another gateway has signed it: " + by)
		}
	}
	if e.Hash != hash {
		problem("the hash that it carries is not its own")
	}
	report.OK = len(report.Problems) == 0
	return report
}
