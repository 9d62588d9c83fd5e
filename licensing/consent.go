package licensing

import (
	"strings"
	"time"
)

// TransferTime is how long a transfer waits for the receiving partner.
const TransferTime = 30 * 24 * time.Hour

// TransferState is where a transfer between partners stands.
type TransferState string

const (
	TransferPending    TransferState = "Pending import approval"
	TransferApproved   TransferState = "Approved"
	TransferRefused    TransferState = "Refused"    // by the receiver
	TransferWithdrawn  TransferState = "Withdrawn"  // by the giver
	TransferExpired    TransferState = "Expired"    // after TransferTime without an answer
	TransferSuperseded TransferState = "Superseded" // an order of the distributor, or a release, came first
	TransferOrdered    TransferState = "Ordered"    // by the distributor, without consent
)

// TransferRequest is a license on its way from one partner to another. Nothing of the
// license itself depends on it: state, term and count go on as they are.
type TransferRequest struct {
	ID          string        `json:"id"`
	License     string        `json:"license"` // number
	From        string        `json:"from"`    // partner ids
	To          string        `json:"to"`
	State       TransferState `json:"state"`
	RequestedAt time.Time     `json:"requested_at"`
	ExpiresAt   time.Time     `json:"expires_at"`
	DecidedAt   time.Time     `json:"decided_at,omitzero"`
	Reason      string        `json:"reason,omitempty"` // of the refusal
}

// At is r as it stands at now: whatever waits too long has expired by itself.
func (r TransferRequest) At(now time.Time) TransferRequest {
	if r.State == TransferPending && !now.Before(r.ExpiresAt) {
		r.State, r.DecidedAt = TransferExpired, r.ExpiresAt
	}
	return r
}

// Request is the first half of a transfer: the partner that holds l gives it up, to
// another one that has not agreed yet. open is the latest request for l as it stands
// at now, the zero value when there was none. An *Error with CodeRefused when from
// does not hold the license or has not proven who it is, with CodeConflict when a
// request waits already, the contract is over, or the license is not here any more.
func (l *License) Request(c Consent, from, to Partner, open TransferRequest, now time.Time) (TransferRequest, error) {
	if err := c.check(StepRequest); err != nil {
		return TransferRequest{}, err
	}
	if err := c.CheckProof(from); err != nil {
		return TransferRequest{}, err
	}
	switch {
	case l.Holder() == "":
		return TransferRequest{}, Errorf(CodeRefused, "%s belongs to no partner but to its distributor", l.Number).
			WithHint("ask the distributor for a transfer order, and enter it with `tallygate license activate`")
	case !from.Is(l.Holder()):
		return TransferRequest{}, Errorf(CodeRefused, "%s belongs to partner %s, not to %s", l.Number, l.Holder(), from.ID).
			WithHint("only the partner that holds a license can give it away")
	case from.Is(to.ID):
		return TransferRequest{}, Errorf(CodeInvalid, "%s belongs to partner %s already", l.Number, to.ID).
			WithHint("choose another partner with --to; `tallygate partner list` shows them")
	case open.State == TransferPending:
		return TransferRequest{}, Errorf(CodeConflict, "a transfer of %s to partner %s waits for approval already", l.Number, open.To).
			WithHint("`tallygate license transfer withdraw %s` takes it back", l.Number)
	}
	if err := l.movable(now); err != nil {
		return TransferRequest{}, err
	}
	return TransferRequest{
		ID: c.ID, License: l.Number, From: from.ID, To: to.ID, State: TransferPending,
		RequestedAt: now, ExpiresAt: now.Add(TransferTime),
	}, nil
}

// movable: what is over or elsewhere cannot change hands here.
func (l *License) movable(now time.Time) error {
	if l.Released(now) {
		return l.gone()
	}
	if l.StateAt(now) == ContractFinalized {
		return Errorf(CodeConflict, "the contract of %s is over: there is nothing to hand over", l.Number).
			WithHint("the next license can name the new partner from its start")
	}
	return nil
}

// Approve is the second half: the receiver takes the license. by is the partner that
// c comes from; only the receiver may.
func (r TransferRequest) Approve(l *License, c Consent, by Partner, now time.Time) (TransferRequest, error) {
	if err := l.movable(now); err != nil {
		return r, err
	}
	return r.decide(TransferApproved, StepApprove, c, by, r.To, now)
}

// Refuse is the receiver's no, with a reason.
func (r TransferRequest) Refuse(c Consent, by Partner, now time.Time) (TransferRequest, error) {
	if r.Reason = strings.TrimSpace(c.Reason); r.Reason == "" {
		return r, Errorf(CodeInvalid, "a refusal needs a reason").
			WithHint("say why with --reason, as the other partner will ask")
	}
	return r.decide(TransferRefused, StepRefuse, c, by, r.To, now)
}

// Withdraw takes a request back; only the giver may.
func (r TransferRequest) Withdraw(c Consent, by Partner, now time.Time) (TransferRequest, error) {
	return r.decide(TransferWithdrawn, StepWithdraw, c, by, r.From, now)
}

// decide ends a request that waits, by the one partner that may.
func (r TransferRequest) decide(next TransferState, step TransferStep, c Consent, by Partner, may string, now time.Time) (TransferRequest, error) {
	if err := c.check(step); err != nil {
		return r, err
	}
	switch state := r.At(now).State; {
	case state != TransferPending:
		return r, Errorf(CodeConflict, "no transfer of %s waits for approval: the last one to partner %s is %s", r.License, r.To, strings.ToLower(string(state))).
			WithHint("`tallygate license transfer list` shows what became of each")
	case !by.Is(may):
		return r, Errorf(CodeRefused, "it is for partner %s to %s the transfer of %s, not for %s", may, step, r.License, by.ID).
			WithHint("`tallygate license transfer list` shows who gives and who receives")
	case c.ID != r.ID || c.License != r.License || !sameName(c.From, r.From) || !sameName(c.To, r.To):
		return r, Errorf(CodeRefused, "the consent is to another transfer than the one that waits for %s", r.License).
			WithHint("look at `tallygate license transfer list`, and give it again")
	}
	if err := c.CheckProof(by); err != nil {
		return r, err
	}
	r.State, r.DecidedAt = next, now
	return r, nil
}

// Supersede ends a request because something stronger has decided; one that does not
// wait stays as it is.
func (r TransferRequest) Supersede(now time.Time) TransferRequest {
	if r = r.At(now); r.State == TransferPending {
		r.State, r.DecidedAt = TransferSuperseded, now
	}
	return r
}

// receiver is the partner that is to approve a transfer; "" when none waits.
func (s *Summary) receiver() string {
	if s.Transfer == nil {
		return ""
	}
	return s.Transfer.To
}
