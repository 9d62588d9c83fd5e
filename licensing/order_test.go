package licensing

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const testOrderID = "ffeeddccbbaa99887766554433221100"

// orderOf is a valid order of a kind.
func orderOf(kind OrderKind) Order {
	o := Order{Kind: kind, ID: testOrderID, IssuedAt: time.Date(2026, 5, 1, 9, 0, 0, 0, time.UTC),
		License: LicenseNumber(testTerms().GrantID, 0), Sequence: 1}
	aps, rooms := Limit(12), Unlimited
	switch kind {
	case OrderUpgrade:
		o.Upgrade = &Upgrade{APs: &aps, Rooms: &rooms, AddModules: []string{"events"}, RemoveModules: []string{"guest"}}
	case OrderRenewal:
		o.Renewal = &Renewal{Term: Term{Years: 1}}
	case OrderUndoStart:
		o.UndoStart = &UndoStart{Receipt: "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"}
	case OrderDeny:
		o.Deny = &DenyOrder{Reason: "unpaid", PauseClock: true}
	case OrderRestore:
		o.Restore = &RestoreOrder{Denial: testOrderID}
	case OrderTransfer:
		o.Transfer = &Transfer{ToPartner: "p-1"}
	case OrderConfirmation:
		o.Confirmation = &Confirmation{Until: Date{2026, 6, 30}}
	case OrderClockReset:
		o.License, o.Sequence, o.Gateway = "", 0, "k4.public.gateway"
		o.ClockReset = &ClockReset{Mark: time.Date(2036, 1, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)}
	case OrderGrant:
	}
	return o
}

func TestOrdersRoundTripUnderTheirOwnKind(t *testing.T) {
	k := NewIssuerKey()
	trusted := []string{k.Public()}
	for _, kind := range OrderKinds() {
		t.Run(string(kind), func(t *testing.T) {
			text, err := k.SignOrder(orderOf(kind))
			require.NoError(t, err)
			said, err := ReadKind(text)
			require.NoError(t, err)
			require.Equal(t, string(kind), said)
			want := orderOf(kind)
			want.Issuer = k.Public()
			got, err := VerifyOrder(" "+text[:70]+"\n"+text[70:], trusted)
			require.NoError(t, err)
			require.Equal(t, want, got)

			_, err = VerifyGrant(text, trusted)
			require.Equal(t, CodeInvalid, CodeOf(err), "an order is no grant")
			for _, other := range OrderKinds() {
				if other == kind {
					continue
				}
				// The same content, signed for another kind of text.
				_, err := VerifyOrder(sign(t, k, want, footer{string(kind), k.Public()}, "tallygate "+string(other)+" v1"), trusted)
				require.Equal(t, CodeRefused, CodeOf(err), "signed as %s", other)
				_, err = VerifyOrder(sign(t, k, want, footer{string(other), k.Public()}, "tallygate "+string(other)+" v1"), trusted)
				require.Equal(t, CodeInvalid, CodeOf(err), "its footer says %s", other)
			}
		})
	}
	text, err := k.SignGrant(testTerms())
	require.NoError(t, err)
	_, err = VerifyOrder(text, trusted)
	require.Equal(t, CodeInvalid, CodeOf(err), "a grant is no order")
}

func TestVerifyOrderIsStrict(t *testing.T) {
	k := NewIssuerKey()
	trusted := []string{k.Public()}
	good := orderOf(OrderUpgrade)
	good.Issuer = k.Public()
	raw, err := json.Marshal(good)
	require.NoError(t, err)
	signed := func(change func(map[string]any)) string {
		var m map[string]any
		require.NoError(t, json.Unmarshal(raw, &m))
		change(m)
		return sign(t, k, m, footer{"upgrade", k.Public()}, "tallygate upgrade v1")
	}
	_, err = VerifyOrder(signed(func(map[string]any) {}), trusted)
	require.NoError(t, err)
	for why, change := range map[string]func(map[string]any){
		"an unknown field":             func(m map[string]any) { m["only_on_sundays"] = true },
		"an unknown field of the part": func(m map[string]any) { m["upgrade"].(map[string]any)["until"] = "2027" },
		"two issuers":                  func(m map[string]any) { m["issuer"] = NewIssuerKey().Public() },
		"two parts":                    func(m map[string]any) { m["renewal"] = map[string]any{"term": map[string]any{"years": 1}} },
		"no part":                      func(m map[string]any) { delete(m, "upgrade") },
		"a limit of -1":                func(m map[string]any) { m["upgrade"].(map[string]any)["aps"] = -1 },
		"no sequence":                  func(m map[string]any) { delete(m, "sequence") },
		"no license":                   func(m map[string]any) { delete(m, "license") },
	} {
		_, err := VerifyOrder(signed(change), trusted)
		requireAdvice(t, err, CodeInvalid)
		_ = why
	}
	other := NewIssuerKey()
	text, err := other.SignOrder(orderOf(OrderDeny))
	require.NoError(t, err)
	_, err = VerifyOrder(text, trusted)
	require.Equal(t, CodeRefused, CodeOf(err))
	require.ErrorContains(t, err, other.Public())
	_, err = IssuerKey{}.SignOrder(orderOf(OrderDeny))
	require.Equal(t, CodeInvalid, CodeOf(err))
}

func TestWhatAnUpgradeLeavesOutStaysOut(t *testing.T) {
	for _, u := range []Upgrade{{AddModules: []string{"a"}}, {APs: new(Limit)}, *orderOf(OrderUpgrade).Upgrade} {
		text, err := json.Marshal(u)
		require.NoError(t, err)
		var back Upgrade
		require.NoError(t, json.Unmarshal(text, &back))
		require.Equal(t, u, back, "%s", text)
	}
}

func TestOrdersThatCannotBe(t *testing.T) {
	for why, c := range map[string]struct {
		kind   OrderKind
		change func(*Order)
	}{
		"no id":                      {OrderDeny, func(o *Order) { o.ID = "1" }},
		"an unknown kind":            {OrderDeny, func(o *Order) { o.Kind = "forgive" }},
		"a mistyped license":         {OrderDeny, func(o *Order) { o.License = "TG-0000-0000-0001" }},
		"a denial without a reason":  {OrderDeny, func(o *Order) { o.Deny.Reason = " " }},
		"a renewal of nothing":       {OrderRenewal, func(o *Order) { o.Renewal.Term = Term{} }},
		"six years":                  {OrderRenewal, func(o *Order) { o.Renewal.Term.Years = 6 }},
		"no receipt":                 {OrderUndoStart, func(o *Order) { o.UndoStart.Receipt = "00" }},
		"upper case":                 {OrderUndoStart, func(o *Order) { o.UndoStart.Receipt = "AA" + o.UndoStart.Receipt[2:] }},
		"no denial":                  {OrderRestore, func(o *Order) { o.Restore.Denial = "" }},
		"an upgrade of nothing":      {OrderUpgrade, func(o *Order) { o.Upgrade = &Upgrade{} }},
		"a module in and out":        {OrderUpgrade, func(o *Order) { o.Upgrade.RemoveModules = o.Upgrade.AddModules }},
		"no day":                     {OrderConfirmation, func(o *Order) { o.Confirmation.Until = Date{2026, 2, 30} }},
		"a clock that goes up":       {OrderClockReset, func(o *Order) { o.ClockReset.To = o.ClockReset.Mark }},
		"a clock of any gateway":     {OrderClockReset, func(o *Order) { o.Gateway = "" }},
		"a clock-reset of a license": {OrderClockReset, func(o *Order) { o.License = LicenseNumber("00", 0) }},
	} {
		t.Run(why, func(t *testing.T) {
			o := orderOf(c.kind)
			require.NoError(t, o.Validate())
			c.change(&o)
			requireAdvice(t, o.Validate(), CodeInvalid)
			_, err := NewIssuerKey().SignOrder(o)
			require.Error(t, err)
		})
	}
}

func TestNewTermsThatCannotBe(t *testing.T) {
	for why, c := range map[string]struct {
		good, bad func(*Terms)
	}{
		"a trial of a year":       {func(t *Terms) { t.Trial, t.Term = true, TrialTerm }, func(t *Terms) { t.Term = Term{Years: 1} }},
		"two trials":              {func(t *Terms) { t.Trial, t.Term = true, TrialTerm }, func(t *Terms) { t.Quantity = 2 }},
		"a confirmation each era": {func(t *Terms) { t.ConfirmEvery = 31 }, func(t *Terms) { t.ConfirmEvery = 400 }},
		"a minute to decide":      {func(t *Terms) { t.ConfirmStart = 24 * time.Hour }, func(t *Terms) { t.ConfirmStart = time.Minute }},
		"a proposal without a count": {func(t *Terms) { t.ConfirmStart = 24 * time.Hour }, func(t *Terms) {
			t.Start = StartOnProvision
		}},
		"payment in kind": {func(t *Terms) { t.Payment = PaymentAnnual }, func(t *Terms) { t.Payment = "eggs" }},
		"a renewal that counts": {func(t *Terms) { t.Renews, t.Start = LicenseNumber("00", 0), StartOnProvision }, func(t *Terms) {
			t.Start = StartFifthDevice
		}},
		"a renewal of no number": {func(t *Terms) { t.Renews, t.Start = LicenseNumber("00", 0), StartOnProvision }, func(t *Terms) { t.Renews = "TG-1" }},
		"a partner of controls":  {func(t *Terms) { t.Partner, t.Distributor = "Redes Sur", "Norte" }, func(t *Terms) { t.Partner = "a\nb" }},
	} {
		t.Run(why, func(t *testing.T) {
			terms := testTerms()
			c.good(&terms)
			require.NoError(t, terms.Validate())
			c.bad(&terms)
			requireAdvice(t, terms.Validate(), CodeInvalid)
		})
	}
}
