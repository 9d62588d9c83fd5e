package store

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// partnered is a venue with two partners; the licenses of its keys belong to the first.
func partnered(t *testing.T) (v *venue, sur, norte licensing.Partner) {
	t.Helper()
	v = openVenue(t)
	add := func(id, name string) licensing.Partner {
		p, err := v.s.AddPartner(ctx, by, licensing.Partner{ID: id, Name: name, Secret: licensing.NewPartnerSecret()})
		require.NoError(t, err)
		return p
	}
	return v, add("sur", "WiFi del Sur"), add("norte", "Norte Redes")
}

func (v *venue) sold(partner string) licensing.Terms {
	terms := v.terms()
	terms.Partner = partner
	return terms
}

// consent is a step of by's with the latest request of a license, or a new one.
func (v *venue) consent(step licensing.TransferStep, number string, from, to, by licensing.Partner) licensing.Consent {
	v.t.Helper()
	c := licensing.Consent{Step: step, ID: licensing.NewTransferID(), License: number, From: from.ID, To: to.ID, Partner: by.ID, Reason: "not ours"}
	if step != licensing.StepRequest {
		all, err := v.s.Transfers(ctx)
		require.NoError(v.t, err)
		c.ID = all[len(all)-1].ID
	}
	return c.Prove(by.Secret)
}

func (v *venue) actions(like string) (out []string) {
	v.t.Helper()
	return strings.Fields(v.text(`SELECT coalesce(group_concat(action, ' '), '') FROM (SELECT action FROM audit WHERE action LIKE ? ORDER BY seq)`, like))
}

func TestATransferBetweenPartnersTakesBoth(t *testing.T) {
	v, sur, norte := partnered(t)
	number := v.activate(v.sold("wifi del sur"))
	for n := range 3 {
		v.sight(v.record(n, macwatch.StatusStart))
	}
	before := v.summary(number)
	require.Equal(t, "WiFi del Sur", before.Partner)
	d, err := v.s.Partner(ctx, "WIFI DEL SUR")
	require.NoError(t, err)
	require.Equal(t, []string{number}, d.Licenses)

	asked := v.consent(licensing.StepRequest, number, sur, norte, sur)
	rehearsal := licensing.Change{By: "tester", DryRun: true}
	r, err := v.s.Consent(ctx, rehearsal, asked)
	require.NoError(t, err)
	require.Equal(t, licensing.TransferPending, r.State)
	require.Nil(t, v.summary(number).Transfer)

	_, err = v.s.Consent(ctx, by, asked)
	require.NoError(t, err)
	v.refused(licensing.CodeConflict, func() error { _, err := v.s.Consent(ctx, by, asked); return err })
	waits := v.summary(number)
	require.Equal(t, licensing.TransferPending, waits.Transfer.State)
	require.Equal(t, "WiFi del Sur", waits.Partner, "until it is approved")
	v.restart()
	require.Equal(t, waits, v.summary(number))

	v.refused(licensing.CodeRefused, func() error {
		_, err := v.s.Consent(ctx, by, v.consent(licensing.StepApprove, number, sur, norte, sur))
		return err
	})
	_, err = v.s.Consent(ctx, by, v.consent(licensing.StepApprove, number, sur, norte, norte))
	require.NoError(t, err)
	after := v.summary(number)
	require.Equal(t, "Norte Redes", after.Partner)
	after.Partner = before.Partner
	require.Equal(t, before, after, "nothing else has changed")
	require.Equal(t, []string{"transfer.request", "transfer.approve"}, v.actions("transfer.%"))
	v.refused(licensing.CodeRefused, func() error { _, err := v.s.Consent(ctx, by, asked); return err })

	// Back again, refused with a reason; then withdrawn; then not answered.
	_, err = v.s.Consent(ctx, by, v.consent(licensing.StepRequest, number, norte, sur, norte))
	require.NoError(t, err)
	refusal, err := v.s.Consent(ctx, by, v.consent(licensing.StepRefuse, number, norte, sur, sur))
	require.NoError(t, err)
	require.Equal(t, "not ours", refusal.Reason)
	once := v.consent(licensing.StepRequest, number, norte, sur, norte)
	_, err = v.s.Consent(ctx, by, once)
	require.NoError(t, err)
	_, err = v.s.Consent(ctx, by, v.consent(licensing.StepWithdraw, number, norte, sur, norte))
	require.NoError(t, err)
	v.refused(licensing.CodeConflict, func() error { _, err := v.s.Consent(ctx, by, once); return err }) // used already
	_, err = v.s.Consent(ctx, by, v.consent(licensing.StepRequest, number, norte, sur, norte))
	require.NoError(t, err)
	v.clock.advance(licensing.TransferTime)
	require.Nil(t, v.summary(number).Transfer)
	v.refused(licensing.CodeConflict, func() error {
		_, err := v.s.Consent(ctx, by, v.consent(licensing.StepApprove, number, norte, sur, sur))
		return err
	})
	_, err = v.s.Consent(ctx, by, v.consent(licensing.StepRequest, number, norte, sur, norte))
	require.NoError(t, err)
	var states []licensing.TransferState
	all, err := v.s.Transfers(ctx)
	require.NoError(t, err)
	for _, r := range all {
		states = append(states, r.State)
	}
	require.Equal(t, []licensing.TransferState{licensing.TransferApproved, licensing.TransferRefused, licensing.TransferWithdrawn,
		licensing.TransferExpired, licensing.TransferPending}, states)
	require.Equal(t, []string{"transfer.request", "transfer.withdraw", "transfer.request", "transfer.expire", "transfer.request"}, v.actions("transfer.%")[4:])
	require.NotContains(t, v.dumpOf("audit"), norte.Secret)
	var told []string
	life, err := v.s.History(ctx, number)
	require.NoError(t, err)
	for _, e := range life {
		told = append(told, e.Text)
	}
	require.Contains(t, told, "Transfer to partner norte: pending import approval.")
	require.Contains(t, told, "It belongs to partner norte now.")
	require.Contains(t, told, "Transfer to partner sur: refused: not ours.")
	v.inOrder()
}

// dumpOf is the lines of a dump that stand for a table.
func (v *venue) dumpOf(table string) string {
	v.t.Helper()
	var lines []string
	for line := range strings.Lines(v.dump()) {
		if strings.HasPrefix(line, table+" ") {
			lines = append(lines, line)
		}
	}
	require.NotEmpty(v.t, lines)
	return strings.Join(lines, "")
}

func TestPartnersOfAGateway(t *testing.T) {
	v, sur, norte := partnered(t)
	number := v.activate(v.sold("sur"))
	for name, p := range map[string]licensing.Partner{
		"the id of another":   {ID: "SUR", Name: "x", Secret: sur.Secret},
		"the name of another": {ID: "x", Name: "norte redes", Secret: sur.Secret},
		"a name as an id":     {ID: "x", Name: "Norte", Secret: sur.Secret},
	} {
		t.Run(name, func(t *testing.T) {
			v.refused(licensing.CodeConflict, func() error { _, err := v.s.AddPartner(ctx, by, p); return err })
		})
	}
	v.refused(licensing.CodeConflict, func() error { return v.s.RemovePartner(ctx, by, "sur") })
	v.refused(licensing.CodeNotFound, func() error { return v.s.RemovePartner(ctx, by, "este") })
	_, err := v.s.Consent(ctx, by, v.consent(licensing.StepRequest, number, sur, norte, sur))
	require.NoError(t, err)
	v.refused(licensing.CodeConflict, func() error { return v.s.RemovePartner(ctx, by, "norte") })
	_, err = v.s.Consent(ctx, by, v.consent(licensing.StepApprove, number, sur, norte, norte))
	require.NoError(t, err)
	require.NoError(t, v.s.RemovePartner(ctx, by, "sur"))
	all, err := v.s.Partners(ctx)
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.Equal(t, norte, all[0])
	v.inOrder()
}

func TestAPartnerEditedInTheDatabase(t *testing.T) {
	v, _, _ := partnered(t)
	number := v.activate(v.sold("sur"))
	require.NoError(t, v.s.Close())
	v.edit(t, `UPDATE licenses SET partner = 'norte'`)
	v.open()
	require.Equal(t, "WiFi del Sur", v.summary(number).Partner)
	require.Equal(t, 1, v.count(`SELECT count(*) FROM audit WHERE action = 'license.mismatch'`))
}

func TestTheDistributorNeedsNobodysConsent(t *testing.T) {
	v, sur, norte := partnered(t)
	number := v.activate(v.sold(""))
	a := v.enter(number, toPartner("sur"))
	require.Equal(t, []string{"License " + number + " goes from partner none to partner sur."}, a.Summary)
	_, err := v.s.Consent(ctx, by, v.consent(licensing.StepRequest, number, sur, norte, sur))
	require.NoError(t, err)
	a = v.enter(number, toPartner("este"))
	require.Contains(t, a.Summary[0], "does not know that partner yet")
	s := v.summary(number)
	require.Equal(t, "este", s.Partner)
	require.Nil(t, s.Transfer, "what was asked for is superseded")
	require.Equal(t, []string{"transfer.order", "transfer.request", "transfer.supersede", "transfer.order"}, v.actions("transfer.%"))
	v.inOrder()
	require.Equal(t, "este", v.summary(number).Partner)
}

// takeover is the order by which another gateway takes a license up whose own is dead.
func (v *venue) takeover(number string, at *venue, grant string, orders []string, change func(*licensing.Transfer)) string {
	v.t.Helper()
	tr := &licensing.Transfer{ToGateway: at.s.GatewayKey(), Grant: grant, Orders: orders}
	if change != nil {
		change(tr)
	}
	text, err := v.issuer.SignOrder(licensing.Order{Kind: licensing.OrderTransfer, ID: licensing.NewGrantID(), IssuedAt: v.clock.now(),
		License: number, Sequence: len(orders) + 1, Transfer: tr})
	require.NoError(v.t, err)
	return text
}

func TestALicenseOfADeadGatewayIsTakenUp(t *testing.T) {
	v := openVenue(t)
	terms := v.bound()
	grant, err := v.issuer.SignGrant(terms)
	require.NoError(t, err)
	a, err := v.s.Activate(ctx, by, grant, v.location.Code)
	require.NoError(t, err)
	number := a.License
	v.startByDevices()
	orders := []string{v.order(number, renewal(licensing.Term{Years: 1}))}
	v.take(orders[0])
	orders = append(orders, v.order(number, denial(false)))
	v.take(orders[1])
	orders = append(orders, v.order(number, toPartner("norte")))
	v.take(orders[2])
	before := v.summary(number)
	receipt := v.receipt(number)
	w, third := v.twin(t), v.twin(t)

	w.refused(licensing.CodeRefused, func() error { _, err := w.s.Activate(ctx, by, grant, v.location.Code); return err })
	started := v.takeover(number, w, grant, orders, func(tr *licensing.Transfer) {
		tr.StartedAt, tr.Zone, tr.Receipt = receipt.StartsAt, "Europe/Madrid", receipt
	})
	third.refused(licensing.CodeRefused, func() error { _, err := third.s.Activate(ctx, by, started, v.location.Code); return err })
	got, err := w.s.Activate(ctx, by, started, v.location.Code)
	require.NoError(t, err)
	require.Contains(t, strings.Join(got.Summary, "\n"), "goes on from")
	after := w.summary(number)
	require.Equal(t, before.EndsAt, after.EndsAt)
	require.Equal(t, before.StartsAt, after.StartsAt)
	require.Equal(t, licensing.AccessDenied, after.State, "a denial is not lost with the gateway")
	require.Equal(t, "unpaid", after.Reason)
	require.Equal(t, "norte", after.Partner)
	require.Equal(t, 5, after.NextOrder)
	require.Equal(t, receipt, w.receipt(number))
	w.refused(licensing.CodeConflict, func() error { _, err := w.s.Activate(ctx, by, started, v.location.Code); return err })
	w.enter(number, restoration(w.denialID(number)))
	require.True(t, w.serves())
	w.inOrder()

	// The old one is not dead after all, and is given the order: it stops.
	v.take(started)
	require.False(t, v.serves())
	require.Equal(t, w.s.GatewayKey(), v.summary(number).ReleasedTo)
	v.refused(licensing.CodeConflict, func() error { _, err := v.s.Release(ctx, by, []string{number}, w.s.GatewayKey()); return err })
	v.inOrder()

	// And from the new one it moves on as any other.
	third.take(w.release(third, number))
	require.True(t, third.serves())
	require.Equal(t, receipt, third.receipt(number))
	third.inOrder()
	// Back at the first, by another order.
	back := v.takeover(number, v, grant, []string{orders[0], orders[1], orders[2], started, w.text(`SELECT text FROM orders WHERE kind = 'restore'`)}, nil)
	v.take(back)
	require.Equal(t, licensing.PendingProvision, v.summary(number).State, "no start was given: it counts anew")
	require.Equal(t, 2, v.license(number).Hop)
	v.inOrder()
}

func TestATakeoverWithoutAStartCountsAnew(t *testing.T) {
	v := openVenue(t)
	terms := v.bound()
	terms.LatestEnd = licensing.DateIn(v.clock.now(), time.UTC).AddDays(100)
	grant, err := v.issuer.SignGrant(terms)
	require.NoError(t, err)
	a, err := v.s.Activate(ctx, by, grant, v.location.Code)
	require.NoError(t, err)
	v.startByDevices()
	w := v.twin(t)
	order := v.takeover(a.License, w, grant, nil, nil)
	_, err = w.s.Activate(ctx, licensing.Change{By: "tester", DryRun: true}, order, v.location.Code)
	require.NoError(t, err)
	require.False(t, w.serves())
	got, err := w.s.Activate(ctx, by, order, v.location.Code)
	require.NoError(t, err)
	require.Contains(t, strings.Join(got.Summary, "\n"), "counts anew")
	require.Equal(t, licensing.PendingStart, w.summary(a.License).State)
	// What cannot be prevented offline is bounded: both serve on, until the latest end.
	require.True(t, v.serves())
	require.True(t, w.serves())
	w.startByDevices()
	pass(101*24*time.Hour, v, w)
	require.False(t, v.serves())
	require.False(t, w.serves())
	w.inOrder()
}

func TestTransferOrdersThatCannotBe(t *testing.T) {
	v := openVenue(t)
	grant, err := v.issuer.SignGrant(v.bound())
	require.NoError(t, err)
	other, err := v.issuer.SignGrant(v.bound())
	require.NoError(t, err)
	a, err := v.s.Activate(ctx, by, grant, v.location.Code)
	require.NoError(t, err)
	number := a.License
	w := v.twin(t)
	refused := func(at *venue, code licensing.Code, text string) {
		t.Helper()
		at.refused(code, func() error { _, err := at.s.Activate(ctx, by, text, ""); return err })
	}
	refused(w, licensing.CodeRefused, v.takeover(number, w, other, nil, nil))
	refused(w, licensing.CodeRefused, v.takeover(number, w, grant, []string{v.order(number, func(o *licensing.Order) {
		renewal(licensing.Term{Years: 1})(o)
		o.Sequence = 2
	})}, nil))
	refused(v, licensing.CodeConflict, v.takeover(number, v, grant, nil, nil)) // it is here
	refused(w, licensing.CodeRefused, v.order(number, toPartner("norte")))     // it is not here
	stranger := licensing.NewIssuerKey()
	forged, err := stranger.SignOrder(licensing.Order{Kind: licensing.OrderTransfer, ID: licensing.NewGrantID(), IssuedAt: v.clock.now(), License: number,
		Sequence: 1, Transfer: &licensing.Transfer{ToGateway: w.s.GatewayKey(), Grant: grant}})
	require.NoError(t, err)
	refused(w, licensing.CodeRefused, forged)
}
