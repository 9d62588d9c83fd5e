package licensing

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// gatewayNamed is a gateway's key, the same for the same name.
func gatewayNamed(t testing.TB, name string) IssuerKey {
	t.Helper()
	k, err := GatewayKey([]byte((name + strings.Repeat(".", 32))[:32]))
	require.NoError(t, err)
	return k
}

// moving is a license that gateway "old" releases to gateway "new", and who signed it.
func moving(t testing.TB) (text string, r Release, f ReleaseFacts, issuer IssuerKey) {
	t.Helper()
	// Nothing is drawn: the processes of a fuzz run must agree on the text.
	issuer = gatewayNamed(t, "issuer")
	old, next := gatewayNamed(t, "old"), gatewayNamed(t, "new")
	terms := Terms{GrantID: strings.Repeat("5a", 16), IssuedAt: transferDay, Organization: "Hotel Sol", Realm: "hotelsol", Gateway: old.Public(),
		Term: Term{Years: 1}, APs: 2, Rooms: Unlimited, Threshold: 5, Start: StartFifthDevice}
	grant, err := issuer.SignGrant(terms)
	require.NoError(t, err)
	terms.Issuer = issuer.Public()
	l := terms.Licenses(transferDay)[0]
	f = ReleaseFacts{License: *l, Grant: grant, Counted: []CarriedDevice{{Location: "28N2S004", MAC: "02:11:22:33:44:55", At: transferDay, Last: transferDay}}}
	r = Release{ID: strings.Repeat("a5", 16), License: l.Number, From: old.Public(), To: next.Public(), Hop: 1, ReleasedAt: transferDay}
	text, err = old.SealRelease(r, f)
	require.NoError(t, err)
	return text, r, f, issuer
}

func TestReleaseAsText(t *testing.T) {
	text, r, f, _ := moving(t)
	got, facts, err := OpenRelease(text)
	require.NoError(t, err)
	r.Facts = got.Facts
	require.Equal(t, r, got)
	require.Equal(t, f, facts)
	evidence, err := VerifyRelease(ReleaseToken(text))
	require.NoError(t, err)
	require.Equal(t, got, evidence)
	kind, err := ReadKind(ReleaseToken(text))
	require.NoError(t, err)
	require.Equal(t, "release", kind)
	again, err := gatewayNamed(t, "old").SealRelease(r, f)
	require.NoError(t, err)
	require.Equal(t, text, again)

	signed, releases := CutReleases(" v4.public.order \n" + text + "\r\n" + text[:30] + "\n" + text[30:] + "\n")
	require.Equal(t, "v4.public.order", signed)
	require.Equal(t, []string{text, text}, releases)
	signed, releases = CutReleases("v4.public.x.y")
	require.Equal(t, "v4.public.x.y", signed)
	require.Empty(t, releases)
	_, err = GatewayKey(nil)
	require.Equal(t, CodeInvalid, CodeOf(err))
}

// A release is no order, and no order is a release, whoever signs it.
func TestAReleaseIsNoOrder(t *testing.T) {
	text, _, f, issuer := moving(t)
	old := gatewayNamed(t, "old")
	_, err := VerifyOrder(ReleaseToken(text), []string{old.Public()})
	require.ErrorContains(t, err, "no order")
	_, err = VerifyGrant(ReleaseToken(text), []string{old.Public()})
	require.ErrorContains(t, err, "no grant")
	_, err = VerifyRelease(f.Grant)
	require.ErrorContains(t, err, "no release")
	order, err := issuer.SignOrder(Order{Kind: OrderTransfer, ID: NewGrantID(), License: f.License.Number, Sequence: 1, Transfer: &Transfer{ToPartner: "x"}})
	require.NoError(t, err)
	_, err = VerifyRelease(order)
	require.ErrorContains(t, err, "no release")
}

func TestCheckRelease(t *testing.T) {
	_, r, f, issuer := moving(t)
	here := Arrival{Gateway: gatewayNamed(t, "new").Public(), Trusted: []string{issuer.Public()}, Now: transferDay}
	terms, err := CheckRelease(r, f, here)
	require.NoError(t, err)
	require.Equal(t, f.License.Terms.GrantID, terms.GrantID)

	started := func(f *ReleaseFacts) {
		f.License.StartedAt = transferDay
		f.Receipts = []CarriedStart{{Receipt: Receipt{Number: f.License.Number, StartsAt: transferDay}}}
	}
	for name, c := range map[string]struct {
		change  func(*Release, *ReleaseFacts, *Arrival)
		message string // "": it goes
	}{
		"started, with its receipt":  {func(_ *Release, f *ReleaseFacts, _ *Arrival) { started(f) }, ""},
		"started, by a void receipt": {func(_ *Release, f *ReleaseFacts, _ *Arrival) { started(f); f.Receipts[0].Void = "undone" }, "its start"},
		"started, without a receipt": {func(_ *Release, f *ReleaseFacts, _ *Arrival) { started(f); f.Receipts = nil }, "its start"},
		"not trusted":                {func(_ *Release, _ *ReleaseFacts, a *Arrival) { a.Trusted = nil }, "not trusted"},
		"for another gateway":        {func(_ *Release, _ *ReleaseFacts, a *Arrival) { a.Gateway = gatewayNamed(t, "third").Public() }, "released to another gateway"},
		"by another gateway":         {func(r *Release, _ *ReleaseFacts, _ *Arrival) { r.From = gatewayNamed(t, "thief").Public() }, "released by another one"},
		"from the future":            {func(_ *Release, _ *ReleaseFacts, a *Arrival) { a.Now = transferDay.Add(-1) }, "has not come yet"},
		"of a later hop":             {func(r *Release, _ *ReleaseFacts, _ *Arrival) { r.Hop = 2 }, "hop 2"},
		"of another number":          {func(r *Release, _ *ReleaseFacts, _ *Arrival) { r.License = LicenseNumber(NewGrantID(), 0) }, "does not carry the grant"},
		"of another member": {func(r *Release, f *ReleaseFacts, _ *Arrival) {
			f.License.Terms.Index, r.License = -1, LicenseNumber(f.License.Terms.GrantID, -1)
			f.License.Number = r.License
		}, "does not carry the grant"},
		"denied by nobody's order": {func(_ *Release, f *ReleaseFacts, _ *Arrival) {
			f.License.Distributor = Denial{At: transferDay, Order: "x"}
		}, "the distributor's denial"},
		"confirmed by nobody": {func(_ *Release, f *ReleaseFacts, _ *Arrival) { f.License.ConfirmedUntil = Date{2027, 1, 1} }, "its confirmation"},
		"paused by nobody":    {func(_ *Release, f *ReleaseFacts, _ *Arrival) { f.License.PausedSince = transferDay }, "its paused days"},
	} {
		t.Run(name, func(t *testing.T) {
			r, f, a := r, f, here
			c.change(&r, &f, &a)
			_, err := CheckRelease(r, f, a)
			if c.message == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.message)
			requireHint(t, err)
		})
	}
}

func TestTransferOrders(t *testing.T) {
	gateway := gatewayNamed(t, "new").Public()
	receipt := &Receipt{StartsAt: transferDay}
	for name, c := range map[string]struct {
		transfer Transfer
		message  string // "": it can be
	}{
		"to a partner":             {Transfer{ToPartner: "norte"}, ""},
		"to a gateway":             {Transfer{ToGateway: gateway, Grant: "x"}, ""},
		"to both":                  {Transfer{ToPartner: "norte", ToGateway: gateway, Grant: "x"}, ""},
		"with a start":             {Transfer{ToGateway: gateway, Grant: "x", StartedAt: transferDay, Zone: "Europe/Madrid", PausedDays: 3, Receipt: receipt}, ""},
		"with a release":           {Transfer{ToGateway: gateway, Release: strings.Repeat("0a", 32)}, ""},
		"to nobody":                {Transfer{}, "to nobody"},
		"to an odd partner":        {Transfer{ToPartner: "a b"}, "not a partner id"},
		"to what is no gateway":    {Transfer{ToGateway: "k4.public.x", Grant: "x"}, "not a gateway's key"},
		"a partner with a grant":   {Transfer{ToPartner: "norte", Grant: "x"}, "carries no license"},
		"without anything to take": {Transfer{ToGateway: gateway}, "names a release, or carries the grant"},
		"with both to take":        {Transfer{ToGateway: gateway, Grant: "x", Release: strings.Repeat("0a", 32)}, "names a release, or carries the grant"},
		"a release and orders":     {Transfer{ToGateway: gateway, Release: strings.Repeat("0a", 32), Orders: []string{"x"}}, "adds nothing"},
		"an odd release":           {Transfer{ToGateway: gateway, Release: "x"}, "names no release"},
		"a zone without a start":   {Transfer{ToGateway: gateway, Grant: "x", Zone: "Europe/Madrid"}, "without a start"},
		"a start without a zone":   {Transfer{ToGateway: gateway, Grant: "x", StartedAt: transferDay}, "needs the zone"},
		"a zone that is none":      {Transfer{ToGateway: gateway, Grant: "x", StartedAt: transferDay, Zone: "Mars/Base"}, "Mars/Base"},
		"another receipt":          {Transfer{ToGateway: gateway, Grant: "x", StartedAt: transferDay.Add(time.Hour), Zone: "Europe/Madrid", Receipt: receipt}, "its receipt"},
		"paused less than nothing": {Transfer{ToGateway: gateway, Grant: "x", StartedAt: transferDay, Zone: "Europe/Madrid", PausedDays: -1}, "without a start"},
	} {
		t.Run(name, func(t *testing.T) {
			o := Order{Kind: OrderTransfer, ID: NewGrantID(), License: LicenseNumber(NewGrantID(), 0), Sequence: 1, Transfer: &c.transfer}
			err := o.Validate()
			if c.message == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.message)
			require.Equal(t, CodeInvalid, CodeOf(err))
			requireHint(t, err)
		})
	}
}

// What has left is shown as it left, governs nothing, and warns nobody of its end.
func TestAReleasedLicense(t *testing.T) {
	l := partnered()
	left, err := l.Release(gatewayNamed(t, "old").Public(), gatewayNamed(t, "new").Public(), transferDay.Add(time.Hour))
	require.NoError(t, err)
	require.Equal(t, 1, left.Hop)
	before, after, over := transferDay.Add(time.Minute), transferDay.Add(2*time.Hour), transferDay.AddDate(3, 0, 0)
	require.Equal(t, InUse, left.StateAt(before))
	require.Equal(t, InUse, left.StateAt(over), "as it left: nobody here knows what became of it")
	require.NotNil(t, Governing([]*License{left}, before))
	require.Nil(t, Governing([]*License{left}, after))
	require.True(t, left.Ladder(1, after).LastDay.IsZero())
	require.Error(t, left.Here(after))
	require.NoError(t, left.Here(before))
	require.Equal(t, transferDay, left.Settled(transferDay).ReleasedAt, "a jump that is withdrawn does not bring it back")
}

func FuzzReleases(f *testing.F) {
	text, _, _, issuer := moving(f)
	f.Add(text)
	f.Add(text[:len(text)/2])
	f.Add(releaseHeader)
	f.Add(releaseHeader + "." + releaseHeader + "v4.public.x.y.z")
	here := Arrival{Gateway: gatewayNamed(f, "new").Public(), Trusted: []string{issuer.Public()}, Now: transferDay}
	f.Fuzz(func(t *testing.T, entered string) {
		_, releases := CutReleases(entered)
		for _, one := range releases {
			r, facts, err := OpenRelease(one)
			if err != nil {
				require.NotEqual(t, CodeInternal, CodeOf(err))
				continue
			}
			if _, err := CheckRelease(r, facts, here); err == nil {
				require.Equal(t, text, one, "only what the old gateway signed is taken")
			}
		}
	})
}
