package licensing

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var (
	sur   = Partner{ID: "sur", Name: "WiFi del Sur", Secret: "a secret of the south"}
	norte = Partner{ID: "norte", Name: "Norte Redes", Secret: "a secret of the north"}
	este  = Partner{ID: "este", Name: "Este", Secret: "a secret of the east!"}
)

var transferDay = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

// partnered is a license in use that belongs to sur, by the name in its key.
func partnered() *License {
	return &License{
		Number:      "TG-0000-0000-0000",
		Terms:       Terms{Partner: "wifi del sur", Term: Term{Years: 1}, APs: 2, Rooms: Unlimited, Threshold: 5, Start: StartFifthDevice},
		ActivatedAt: transferDay, ProvisionedAt: transferDay, Zone: "Europe/Madrid", StartedAt: transferDay, StartedBy: StartedByCount,
	}
}

// requireHint wants an operator's error to say what to do.
func requireHint(t *testing.T, err error) {
	t.Helper()
	var e *Error
	require.ErrorAs(t, err, &e)
	require.NotEmpty(t, e.Hint)
}

func asked(step TransferStep, r TransferRequest, by Partner) Consent {
	return Consent{Step: step, ID: r.ID, License: r.License, From: r.From, To: r.To, Partner: by.ID, Reason: "not ours"}.Prove(by.Secret)
}

func request(l *License, from, to Partner) Consent {
	return Consent{Step: StepRequest, ID: NewTransferID(), License: l.Number, From: from.ID, To: to.ID, Partner: from.ID}.Prove(from.Secret)
}

func TestRequestOfATransfer(t *testing.T) {
	l := partnered()
	waiting, err := l.Request(request(l, sur, norte), sur, norte, TransferRequest{}, transferDay)
	require.NoError(t, err)
	require.Equal(t, TransferPending, waiting.At(transferDay.Add(TransferTime-1)).State)
	require.Equal(t, TransferExpired, waiting.At(transferDay.Add(TransferTime)).State)

	own, gone, over := partnered(), partnered(), partnered()
	own.Terms.Partner = ""
	gone.ReleasedAt, gone.ReleasedTo = transferDay, "k4.public.x"
	over.StartedAt = transferDay.AddDate(-2, 0, 0)
	stolen := request(l, sur, norte)
	stolen.Proof = request(l, este, norte).Proof
	altered := request(l, sur, norte)
	altered.To = este.ID
	for name, c := range map[string]struct {
		license  *License
		consent  Consent
		from, to Partner
		open     TransferRequest
		code     Code
		message  string
	}{
		"another's secret":         {l, stolen, sur, norte, TransferRequest{}, CodeRefused, "not the secret of partner sur"},
		"altered receiver":         {l, altered, sur, este, TransferRequest{}, CodeRefused, "not the secret of partner sur"},
		"who does not hold it":     {l, request(l, este, norte), este, norte, TransferRequest{}, CodeRefused, "belongs to partner wifi del sur"},
		"the distributor's own":    {own, request(own, sur, norte), sur, norte, TransferRequest{}, CodeRefused, "belongs to no partner"},
		"to itself":                {l, request(l, sur, sur), sur, sur, TransferRequest{}, CodeInvalid, "already"},
		"one waits":                {l, request(l, sur, este), sur, este, waiting, CodeConflict, "waits for approval already"},
		"contract over":            {over, request(over, sur, norte), sur, norte, TransferRequest{}, CodeConflict, "is over"},
		"not here any more":        {gone, request(gone, sur, norte), sur, norte, TransferRequest{}, CodeConflict, "has left this gateway"},
		"an answer, not a request": {l, asked(StepApprove, waiting, sur), sur, norte, TransferRequest{}, CodeInvalid, "no consent to request"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.license.Request(c.consent, c.from, c.to, c.open, transferDay)
			require.ErrorContains(t, err, c.message)
			require.Equal(t, c.code, CodeOf(err))
			requireHint(t, err)
		})
	}
	_, err = l.Request(request(l, sur, norte), sur, norte, waiting.At(waiting.ExpiresAt), waiting.ExpiresAt)
	require.NoError(t, err, "one that has expired stands in nobody's way")
}

func TestAnswersToATransfer(t *testing.T) {
	l := partnered()
	waiting, err := l.Request(request(l, sur, norte), sur, norte, TransferRequest{}, transferDay)
	require.NoError(t, err)
	later := transferDay.Add(time.Hour)
	over, gone, silent := *l, *l, asked(StepRefuse, waiting, norte)
	over.StartedAt = transferDay.AddDate(-2, 0, 0)
	gone.ReleasedAt = transferDay
	silent.Reason = " "
	other := waiting
	other.ID = NewTransferID()
	approve := func(l *License, c Consent, by Partner, at time.Time) (TransferRequest, error) {
		return waiting.Approve(l, c, by, at)
	}
	for name, c := range map[string]struct {
		do      func() (TransferRequest, error)
		message string // "": it succeeds
		state   TransferState
	}{
		"the receiver approves": {func() (TransferRequest, error) { return approve(l, asked(StepApprove, waiting, norte), norte, later) }, "", TransferApproved},
		"the receiver refuses": {func() (TransferRequest, error) {
			return waiting.Refuse(asked(StepRefuse, waiting, norte), norte, later)
		}, "", TransferRefused},
		"the giver withdraws": {func() (TransferRequest, error) {
			return waiting.Withdraw(asked(StepWithdraw, waiting, sur), sur, later)
		}, "", TransferWithdrawn},
		"the giver approves":   {func() (TransferRequest, error) { return approve(l, asked(StepApprove, waiting, sur), sur, later) }, "for partner norte to approve", ""},
		"a third one approves": {func() (TransferRequest, error) { return approve(l, asked(StepApprove, waiting, este), este, later) }, "for partner norte to approve", ""},
		"the receiver withdraws": {func() (TransferRequest, error) {
			return waiting.Withdraw(asked(StepWithdraw, waiting, norte), norte, later)
		}, "for partner sur to withdraw", ""},
		"with the giver's secret": {func() (TransferRequest, error) {
			return approve(l, asked(StepApprove, waiting, Partner{ID: "norte", Secret: sur.Secret}), norte, later)
		}, "not the secret of partner norte", ""},
		"a refusal's proof does not approve": {func() (TransferRequest, error) {
			c := asked(StepRefuse, waiting, norte)
			c.Step = StepApprove
			return approve(l, c, norte, later)
		}, "not the secret of partner norte", ""},
		"consent to another transfer": {func() (TransferRequest, error) { return approve(l, asked(StepApprove, other, norte), norte, later) }, "to another transfer", ""},
		"a refusal without a reason":  {func() (TransferRequest, error) { return waiting.Refuse(silent, norte, later) }, "needs a reason", ""},
		"too late": {func() (TransferRequest, error) {
			return approve(l, asked(StepApprove, waiting, norte), norte, waiting.ExpiresAt)
		}, "is expired", ""},
		"of a contract that is over": {func() (TransferRequest, error) {
			return approve(&over, asked(StepApprove, waiting, norte), norte, later)
		}, "is over", ""},
		"of a license that has left": {func() (TransferRequest, error) {
			return approve(&gone, asked(StepApprove, waiting, norte), norte, later)
		}, "has left", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := c.do()
			if c.message == "" {
				require.NoError(t, err)
				require.Equal(t, c.state, r.State)
				require.Equal(t, later, r.DecidedAt)
				_, err = r.Withdraw(asked(StepWithdraw, r, sur), sur, later)
				require.ErrorContains(t, err, "no transfer of")
				return
			}
			require.ErrorContains(t, err, c.message)
			requireHint(t, err)
		})
	}
	require.Equal(t, TransferSuperseded, waiting.Supersede(later).State)
	require.Equal(t, TransferExpired, waiting.Supersede(waiting.ExpiresAt).State)
}

func TestPartners(t *testing.T) {
	require.NoError(t, ValidatePartner(sur))
	require.True(t, sur.Is("SUR") && sur.Is(" wifi del sur ") && !sur.Is("norte") && !sur.Is(""))
	require.NotEqual(t, NewPartnerSecret(), NewPartnerSecret())
	for name, p := range map[string]Partner{
		"no id":        {Name: "x", Secret: sur.Secret},
		"odd id":       {ID: "a b", Name: "x", Secret: sur.Secret},
		"no name":      {ID: "x", Secret: sur.Secret},
		"short secret": {ID: "x", Name: "x", Secret: "too short"},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, CodeInvalid, CodeOf(ValidatePartner(p))) })
	}
}

// Whatever partners do, in whatever order, with whatever secrets: the license belongs to
// exactly one of them, and it changes hands only when its holder has given it and the
// other has taken it. Nothing else of it changes.
func TestNobodyMovesALicenseAlone(t *testing.T) {
	partners := []Partner{sur, norte, este}
	rapid.Check(t, func(rt *rapid.T) {
		l, now := partnered(), transferDay
		was := *l
		holder := "sur"
		var open TransferRequest
		gave := "" // who the holder has given it to, and nobody has answered yet
		rt.Repeat(map[string]func(*rapid.T){
			"wait": func(rt *rapid.T) {
				now = now.Add(time.Duration(rapid.Int64Range(0, int64(20*24*time.Hour)).Draw(rt, "wait")))
			},
			"step": func(rt *rapid.T) {
				step := rapid.SampledFrom([]TransferStep{StepRequest, StepApprove, StepRefuse, StepWithdraw}).Draw(rt, "step")
				by, secret := rapid.SampledFrom(partners).Draw(rt, "by"), rapid.SampledFrom(partners).Draw(rt, "secret").Secret
				to := rapid.SampledFrom(partners).Draw(rt, "to")
				waits := open.At(now).State == TransferPending
				c := Consent{Step: step, ID: open.ID, License: l.Number, From: open.From, To: open.To, Partner: by.ID, Reason: "no"}
				var r TransferRequest
				var err error
				may := false
				switch step {
				case StepRequest:
					c.ID, c.From, c.To = NewTransferID(), by.ID, to.ID
					r, err = l.Request(c.Prove(secret), by, to, open.At(now), now)
					may = by.ID == holder && to.ID != holder && !waits
				case StepApprove:
					r, err = open.Approve(l, c.Prove(secret), by, now)
					may = waits && by.ID == gave
				case StepRefuse:
					r, err = open.Refuse(c.Prove(secret), by, now)
					may = waits && by.ID == gave
				case StepWithdraw:
					r, err = open.Withdraw(c.Prove(secret), by, now)
					may = waits && by.ID == holder
				}
				may = may && secret == by.Secret && l.StateAt(now) != ContractFinalized
				if may != (err == nil) {
					// Refuse and Withdraw end a request also when the contract is over meanwhile.
					over := l.StateAt(now) == ContractFinalized && (step == StepRefuse || step == StepWithdraw) && err == nil && secret == by.Secret && waits
					if !over {
						rt.Fatalf("%s by %s: permitted %v, but %v", step, by.ID, may, err)
					}
				}
				if err != nil {
					return
				}
				open = r
				switch step {
				case StepRequest:
					gave = to.ID
				case StepApprove:
					holder = gave
					c := *l
					c.Partner = r.To
					l = &c
					gave = ""
				case StepRefuse, StepWithdraw:
					gave = ""
				}
			},
			"": func(rt *rapid.T) {
				owners := 0
				for _, p := range partners {
					if p.Is(l.Holder()) {
						owners++
						if p.ID != holder {
							rt.Fatalf("%s holds it, and nobody gave it to them", p.ID)
						}
					}
				}
				if owners != 1 {
					rt.Fatalf("%d partners hold the license", owners)
				}
				plain := *l
				plain.Partner = ""
				require.Equal(rt, was, plain)
			},
		})
	})
}
