package store

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// twin is another gateway of the same venue: it trusts the same distributor and goes by
// the same wall clock.
func (v *venue) twin(t *testing.T) *venue {
	t.Helper()
	w := openVenue(t, func(o *Options) { o.Issuers, o.Now = []string{v.issuer.Public()}, v.clock.now })
	w.issuer = v.issuer
	return w
}

// pass lets the time of both go by.
func pass(d time.Duration, venues ...*venue) {
	venues[0].clock.advance(d) // the wall clock that all go by
	for _, v := range venues[1:] {
		v.clock.advance(d)
	}
}

// bound are terms for this gateway alone.
func (v *venue) bound() licensing.Terms {
	terms := v.terms()
	terms.Gateway = v.s.GatewayKey()
	return terms
}

func (v *venue) release(to *venue, numbers ...string) string {
	v.t.Helper()
	r, err := v.s.Release(ctx, by, numbers, to.s.GatewayKey())
	require.NoError(v.t, err)
	return r.Text
}

func (v *venue) take(text string) licensing.Activation {
	v.t.Helper()
	a, err := v.s.Activate(ctx, by, text, "")
	require.NoError(v.t, err)
	return a
}

func (v *venue) license(number string) licensing.License {
	v.t.Helper()
	d, err := v.s.License(ctx, number, time.Time{})
	require.NoError(v.t, err)
	return d.License
}

// serves reports whether guests are served at the venue.
func (v *venue) serves() bool {
	v.t.Helper()
	at := v.s.state.Load().locations[v.location.ID]
	verdict := licensing.Decide(licensing.Facts{License: licensing.Governing(at.Licenses, v.s.Now()), Unallotted: at.Unallotted}, v.s.Now())
	return verdict.Allowed
}

// inOrder checks the whole log and everything that is held against it, now and after a
// restart.
func (v *venue) inOrder() {
	v.t.Helper()
	for range 2 {
		report, err := v.s.VerifyAudit(ctx)
		require.NoError(v.t, err)
		require.True(v.t, report.OK, "%v", report.Problems)
		require.Zero(v.t, v.count(`SELECT count(*) FROM audit WHERE action = 'license.mismatch'`))
		v.restart()
	}
}

// asFacts is a license as its facts stand, in comparable form, without what differs
// between two gateways.
func asFacts(t require.TestingT, l licensing.License) string {
	l.Hop = 0
	text, err := json.Marshal(l)
	require.NoError(t, err)
	return string(text)
}

// lives are licenses in every state, and what brings them there.
func lives() map[string]func(*venue) string {
	started := func(v *venue) string {
		number := v.activate(v.bound())
		v.startByDevices()
		return number
	}
	return map[string]func(*venue) string{
		"Pending Provision": func(v *venue) string {
			key, err := v.issuer.SignGrant(v.bound())
			require.NoError(v.t, err)
			return v.take(key).License
		},
		"Pending Start, three counted": func(v *venue) string {
			number := v.activate(v.bound())
			for n := range 3 {
				v.sight(v.record(n, macwatch.StatusStart))
			}
			return number
		},
		"Pending Start, under a count window": func(v *venue) string {
			terms := v.bound()
			terms.CountWindow = time.Hour
			number := v.activate(terms)
			v.sight(v.record(7, macwatch.StatusStart))
			v.clock.advance(30 * time.Hour)
			v.sight(v.record(7, macwatch.StatusInterim), v.record(0, macwatch.StatusStart), v.record(1, macwatch.StatusStart))
			v.clock.advance(30 * time.Minute)
			v.sight(v.record(2, macwatch.StatusStart))
			return number
		},
		"In Use": started,
		"In Use, renewed and upgraded": func(v *venue) string {
			number := started(v)
			v.enter(number, renewal(licensing.Term{Years: 1}))
			v.enter(number, upgrade(licensing.Upgrade{APs: limit(7), AddModules: []string{"spa"}}))
			return number
		},
		"In Use, after a pause": func(v *venue) string {
			number := started(v)
			v.enter(number, denial(true))
			v.clock.advance(50 * time.Hour)
			v.enter(number, restoration(v.denialID(number)))
			return number
		},
		"In Use, by another partner": func(v *venue) string {
			number := started(v)
			v.enter(number, toPartner("norte"))
			return number
		},
		"Access denied by the operator": func(v *venue) string {
			number := started(v)
			_, err := v.s.DenyLicense(ctx, by, number, "unpaid")
			require.NoError(v.t, err)
			return number
		},
		"Access denied by the distributor, the clock paused": func(v *venue) string {
			number := started(v)
			v.enter(number, denial(true))
			v.clock.advance(50 * time.Hour)
			return number
		},
		"Contract finalized": func(v *venue) string {
			terms := v.bound()
			terms.Term = licensing.Term{Days: 1}
			number := v.activate(terms)
			v.startByDevices()
			v.clock.advance(72 * time.Hour)
			return number
		},
	}
}

func toPartner(id string) func(*licensing.Order) {
	return func(o *licensing.Order) {
		o.Kind, o.Transfer = licensing.OrderTransfer, &licensing.Transfer{ToPartner: id}
	}
}

func TestALicenseGoesOnExactlyAtItsNewGateway(t *testing.T) {
	for name, live := range lives() {
		t.Run(name, func(t *testing.T) {
			v := openVenue(t)
			number := live(v)
			w := v.twin(t)
			pass(time.Minute, v, w)
			before, facts, receipt := v.summary(number), v.license(number), v.receipt(number)
			text := v.release(w, number)

			left := v.summary(number)
			require.Equal(t, w.s.GatewayKey(), left.ReleasedTo)
			require.Equal(t, before.State, left.State, "shown as it left")
			require.False(t, v.serves())
			require.False(t, w.serves(), "not before it came")

			pass(time.Minute, v, w)
			a := w.take(text)
			require.Equal(t, number, a.License)
			after := w.summary(number)
			require.Empty(t, after.ReleasedTo)
			require.JSONEq(t, asFacts(t, facts), asFacts(t, w.license(number)))
			require.Equal(t, receipt, w.receipt(number))
			after.LicensesLeft, after.DaysLeft = before.LicensesLeft, before.DaysLeft
			require.Equal(t, before, after)
			require.Equal(t, before.State == licensing.PendingStart || before.State == licensing.InUse, w.serves())
			v.inOrder()
			w.inOrder()
			require.JSONEq(t, asFacts(t, facts), asFacts(t, w.license(number)))
		})
	}
}

func TestTheCountGoesOnAtTheNewGateway(t *testing.T) {
	for name, window := range map[string]time.Duration{"all that came": 0, "within a window": time.Hour} {
		t.Run(name, func(t *testing.T) {
			v := openVenue(t)
			terms := v.bound()
			terms.CountWindow = window
			number := v.activate(terms)
			first := v.clock.now()
			for n := range 4 {
				v.sight(v.record(n, macwatch.StatusStart))
			}
			w := v.twin(t)
			w.take(v.release(w, number))
			for n := range 4 { // nothing twice
				w.sight(w.record(n, macwatch.StatusInterim))
			}
			require.Equal(t, 4, w.summary(number).DevicesCounted)
			require.Equal(t, licensing.PendingStart, w.summary(number).State)
			require.Equal(t, 4, w.count(`SELECT devices FROM counts`))
			pass(time.Minute, v, w)
			// The gateway that it left counts nothing any more.
			v.sight(v.record(4, macwatch.StatusStart))
			require.Equal(t, 4, v.summary(number).DevicesCounted)
			w.sight(w.record(5, macwatch.StatusStart))
			s := w.summary(number)
			require.Equal(t, licensing.InUse, s.State)
			require.Equal(t, first.Add(time.Minute), *s.StartsAt)
			receipt := w.receipt(number)
			require.Equal(t, w.s.GatewayKey(), receipt.GatewayKey)
			require.Equal(t, first, receipt.Sightings[0].At, "what the old gateway saw is on the receipt")
			require.Len(t, w.devices(), 5)
			w.inOrder()
		})
	}
}

func TestOrdersGoOnInTheirSequence(t *testing.T) {
	v := openVenue(t)
	number := v.activate(v.bound())
	v.startByDevices()
	v.enter(number, denial(false))
	w := v.twin(t)
	lift := v.order(number, restoration(v.denialID(number)))
	w.take(v.release(w, number))
	v.refused(licensing.CodeConflict, func() error { _, err := v.s.Activate(ctx, by, lift, ""); return err })
	require.Equal(t, 2, w.summary(number).NextOrder)
	w.take(lift)
	require.Equal(t, licensing.InUse, w.summary(number).State)
	w.refused(licensing.CodeConflict, func() error { _, err := w.s.Activate(ctx, by, lift, ""); return err })
	w.inOrder()
}

func TestHistoryAtTheNewGatewayNamesTheOrderOfEachLine(t *testing.T) {
	v := openVenue(t)
	number := v.activate(v.bound())
	v.startByDevices()
	for _, order := range []func(*licensing.Order){upgrade(licensing.Upgrade{APs: limit(7)}), renewal(licensing.Term{Years: 1}), toPartner("norte")} {
		v.clock.advance(time.Minute)
		v.enter(number, order)
	}
	ordersOf := func(at *venue) map[string]string {
		t.Helper()
		entries, err := at.s.History(ctx, number)
		require.NoError(t, err)
		by := map[string]string{}
		for _, e := range entries {
			by[e.Kind] = e.Order
		}
		return by
	}
	before := ordersOf(v)
	w := v.twin(t)
	pass(time.Minute, v, w)
	w.take(v.release(w, number))
	after := ordersOf(w)
	for _, kind := range []string{"renewed", "transferred"} {
		require.NotEmpty(t, after[kind])
		require.Equal(t, before[kind], after[kind])
	}
	for _, kind := range []string{"activated", "assigned", "started"} {
		require.Contains(t, after, kind)
		require.Empty(t, after[kind])
	}
}

func TestWhatHasLeftCannotBeChanged(t *testing.T) {
	v := openVenue(t)
	number := v.activate(v.bound())
	w := v.twin(t)
	other := v.twin(t)
	key, err := v.issuer.SignGrant(v.terms())
	require.NoError(t, err)
	v.release(w, number)
	for name, f := range map[string]func() error{
		"deny":     func() error { _, err := v.s.DenyLicense(ctx, by, number, "x"); return err },
		"restore":  func() error { _, err := v.s.RestoreLicense(ctx, by, number); return err },
		"unassign": func() error { _, err := v.s.UnassignLicense(ctx, by, number, ""); return err },
		"assign":   func() error { _, err := v.s.AssignLicense(ctx, by, number, v.location.Code, nil, nil); return err },
		"order":    func() error { _, err := v.s.Activate(ctx, by, v.order(number, toPartner("norte")), ""); return err },
		"release elsewhere": func() error {
			_, err := v.s.Release(ctx, by, []string{number}, other.s.GatewayKey())
			return err
		},
	} {
		t.Run(name, func(t *testing.T) { v.refused(licensing.CodeConflict, f) })
	}
	// The next one takes the place that has become free.
	_, err = v.s.Activate(ctx, by, key, v.location.Code)
	require.NoError(t, err)
	require.True(t, v.serves())
}

func TestAReleaseIsForOneGatewayAndOnce(t *testing.T) {
	v := openVenue(t)
	number := v.activate(v.bound())
	v.startByDevices()
	w, third := v.twin(t), v.twin(t)
	text := v.release(w, number)

	third.refused(licensing.CodeRefused, func() error { _, err := third.s.Activate(ctx, by, text, ""); return err })
	v.refused(licensing.CodeRefused, func() error { _, err := v.s.Activate(ctx, by, text, ""); return err })
	w.take(text)
	w.refused(licensing.CodeConflict, func() error { _, err := w.s.Activate(ctx, by, text, ""); return err })

	// It goes on to a third, comes back to the first, and no release works a second time.
	on := w.release(third, number)
	w.refused(licensing.CodeConflict, func() error { _, err := w.s.Activate(ctx, by, text, ""); return err })
	third.take(on)
	back := third.release(v, number)
	require.False(t, v.serves())
	v.take(back)
	require.True(t, v.serves())
	require.Equal(t, 3, v.license(number).Hop)
	for _, used := range []string{text, on, back} {
		for _, at := range []*venue{v, w, third} {
			before := at.dump()
			_, err := at.s.Activate(ctx, by, used, "")
			require.Error(t, err)
			require.Equal(t, before, at.dump())
		}
	}
	for _, at := range []*venue{v, w, third} {
		require.Equal(t, at == v, at.serves())
		at.inOrder()
	}
	require.Equal(t, 5, v.summary(number).DevicesCounted)
}

func TestAReleaseThatWasTamperedWith(t *testing.T) {
	v := openVenue(t)
	number := v.activate(v.bound())
	v.startByDevices()
	w, thief := v.twin(t), v.twin(t)
	text := v.release(w, number)
	r, f, err := licensing.OpenRelease(text)
	require.NoError(t, err)
	longer := func(change func(*licensing.ReleaseFacts)) string {
		c := f
		change(&c)
		// Signed with the key of the gateway that holds it, as its root can.
		text, err := v.s.keys.signer.SealRelease(r, c)
		require.NoError(t, err)
		return text
	}
	flip := func(at int) string {
		b := []byte(text)
		b[at] = map[bool]byte{true: 'B', false: 'A'}[b[at] == 'A']
		return string(b)
	}
	stolen, err := thief.s.keys.signer.SealRelease(r, f)
	require.NoError(t, err)
	stranger := licensing.NewIssuerKey()
	strange := f.License.Terms
	strange.Gateway = thief.s.GatewayKey()
	grant, err := stranger.SignGrant(strange)
	require.NoError(t, err)
	for name, forged := range map[string]string{
		"cut off":                  text[:len(text)-10],
		"a word altered":           flip(40),
		"a fact altered":           flip(len(text) - 40),
		"by another gateway":       stolen,
		"with more APs":            longer(func(f *licensing.ReleaseFacts) { f.License.Terms.APs = 200 }),
		"with a longer term":       longer(func(f *licensing.ReleaseFacts) { f.License.Terms.Term.Years = 5 }),
		"renewed":                  longer(func(f *licensing.ReleaseFacts) { f.License.Renewals = []licensing.Term{{Years: 1}} }),
		"with paused days":         longer(func(f *licensing.ReleaseFacts) { f.License.PausedDays = 300 }),
		"of another sequence":      longer(func(f *licensing.ReleaseFacts) { f.License.Sequence = 4 }),
		"with a later start":       longer(func(f *licensing.ReleaseFacts) { f.License.StartedAt = f.License.StartedAt.Add(-time.Hour) }),
		"with another license":     longer(func(f *licensing.ReleaseFacts) { f.License.Terms.Index = -1 }),
		"with a grant of another":  longer(func(f *licensing.ReleaseFacts) { f.Grant = grant }),
		"with a hop that was none": longer(func(f *licensing.ReleaseFacts) { f.Hops = []string{licensing.ReleaseToken(text)} }),
	} {
		t.Run(name, func(t *testing.T) {
			before := w.dump()
			_, err := w.s.Activate(ctx, by, forged, "")
			var e *licensing.Error
			require.ErrorAs(t, err, &e)
			require.Contains(t, []licensing.Code{licensing.CodeRefused, licensing.CodeInvalid}, e.Code, "%v", err)
			require.NotEmpty(t, e.Hint)
			require.Equal(t, before, w.dump())
		})
	}
	w.take(text)
}

func TestACrashBetweenReleaseAndImportLosesNothing(t *testing.T) {
	v := openVenue(t)
	number := v.activate(v.bound())
	v.startByDevices()
	w := v.twin(t)
	text := v.release(w, number)
	v.crash(t.TempDir())
	require.False(t, v.serves(), "released is released")
	pass(48*time.Hour, v, w)
	again := v.release(w, number)
	require.Equal(t, text, again, "the file was lost: the same release is written once more")
	require.Equal(t, 1, v.count(`SELECT count(*) FROM moves`))
	require.Equal(t, 1, v.count(`SELECT count(*) FROM audit WHERE action = 'license.release'`))
	w.crash(t.TempDir())
	w.take(again)
	w.crash(t.TempDir())
	require.True(t, w.serves())
	w.refused(licensing.CodeConflict, func() error { _, err := w.s.Activate(ctx, by, text, ""); return err })
	w.inOrder()
	v.inOrder()
}

func TestAllLicensesGoInOneFile(t *testing.T) {
	v := openVenue(t)
	terms := v.bound()
	terms.Quantity = 3
	first := v.activate(terms)
	second := v.activate(v.bound())
	w := v.twin(t)
	r, err := v.s.Release(ctx, licensing.Change{By: "tester", DryRun: true}, nil, w.s.GatewayKey())
	require.NoError(t, err)
	require.Len(t, r.Licenses, 4)
	require.Empty(t, r.Text, "a rehearsal hands out nothing")
	require.True(t, v.serves())

	text := v.release(w)
	require.Equal(t, 4, strings.Count(text, "tg-release"))
	half := strings.Join(strings.Split(text, "\n")[:2], "\n") + "\n" + strings.Split(text, "\n")[2][:900]
	w.refused(licensing.CodeRefused, func() error { _, err := w.s.Activate(ctx, by, half, ""); return err })
	a := w.take(text)
	require.Len(t, a.Licenses, 4)
	require.Equal(t, first, licensing.Governing(w.s.state.Load().locations[w.location.ID].Licenses, w.s.Now()).Number)
	require.Equal(t, 1, w.summary(second).QueuePosition)
	require.Equal(t, 2, w.summary(first).LicensesLeft)
	require.Zero(t, v.summary(first).LicensesLeft, "what has left is not left")
	w.inOrder()
	v.refused(licensing.CodeConflict, func() error {
		_, err := v.s.Release(ctx, by, nil, v.twin(t).s.GatewayKey())
		return err
	})
}

func TestWhereAReleaseCannotGo(t *testing.T) {
	v := openVenue(t)
	number := v.activate(v.bound())
	v.refused(licensing.CodeInvalid, func() error { _, err := v.s.Release(ctx, by, []string{number}, "k4.public.x"); return err })
	v.refused(licensing.CodeInvalid, func() error {
		_, err := v.s.Release(ctx, by, []string{number}, v.s.GatewayKey())
		return err
	})
	v.refused(licensing.CodeNotFound, func() error {
		_, err := v.s.Release(ctx, by, []string{licensing.LicenseNumber(licensing.NewGrantID(), 0)}, v.twin(t).s.GatewayKey())
		return err
	})

	bare := openVenue(t, func(o *Options) { o.Issuers, o.Now = []string{v.issuer.Public()}, v.clock.now })
	_, err := bare.s.AddOrganization(ctx, by, licensing.Organization{Name: "Hotel Luna", Realm: "hotelluna", Code: "LUN"})
	require.NoError(t, err)
	luna := v.terms()
	luna.Organization, luna.Realm = "Hotel Mar", "hotelmar"
	_, err = v.s.AddOrganization(ctx, by, licensing.Organization{Name: "Hotel Mar", Realm: "hotelmar", Code: "MAR"})
	require.NoError(t, err)
	key, err := v.issuer.SignGrant(luna)
	require.NoError(t, err)
	mar := v.take(key).License
	bare.refused(licensing.CodeRefused, func() error { _, err := bare.s.Activate(ctx, by, v.release(bare, mar), ""); return err })

	second, err := v.s.AddLocation(ctx, by, licensing.Location{Name: "Annex", Realm: "hotelsol", Code: "28N2S009", Settings: licensing.Settings{Timezone: "Europe/Madrid"}})
	require.NoError(t, err)
	key, err = v.issuer.SignGrant(v.bound())
	require.NoError(t, err)
	a, err := v.s.Activate(ctx, by, key, second.Code)
	require.NoError(t, err)
	annex := v.release(bare, a.License)
	bare.refused(licensing.CodeRefused, func() error { _, err := bare.s.Activate(ctx, by, annex, ""); return err })
	_, err = bare.s.AddLocation(ctx, by, licensing.Location{Name: "Annex", Realm: "hotelsol", Code: "28N2S009", Settings: licensing.Settings{Timezone: "Europe/Madrid"}})
	require.NoError(t, err)
	bare.take(annex)

	// A gateway whose clock is behind does not take what has not happened yet.
	behind := openVenue(t, func(o *Options) { o.Issuers = []string{v.issuer.Public()} })
	v.clock.advance(time.Hour)
	late := v.release(behind, number)
	behind.refused(licensing.CodeConflict, func() error { _, err := behind.s.Activate(ctx, by, late, ""); return err })
	behind.clock.advance(time.Hour)
	behind.take(late)
}

func TestAKeyThatNamesNoGateway(t *testing.T) {
	v := openVenue(t)
	terms := v.terms()
	terms.ActivateBy = licensing.DateIn(v.clock.now(), time.UTC).AddDays(1)
	number := v.activate(terms)
	v.startByDevices()
	w := v.twin(t)
	text := v.release(w, number)
	pass(96*time.Hour, v, w)
	w.refused(licensing.CodeRefused, func() error { _, err := w.s.Activate(ctx, by, text, ""); return err })

	// The distributor permits it.
	permit := v.permit(text, w)
	w.refused(licensing.CodeRefused, func() error { _, err := w.s.Activate(ctx, by, permit, ""); return err })
	w.take(permit + "\n" + text)
	require.Equal(t, licensing.InUse, w.summary(number).State)
	require.Equal(t, 2, w.summary(number).NextOrder)
	w.refused(licensing.CodeConflict, func() error { _, err := w.s.Activate(ctx, by, permit+text, ""); return err })
	w.inOrder()

	// In time, it needs no order: whoever has the key could enter it there as well.
	open := v.activate(v.terms())
	a := w.take(v.release(w, open))
	require.Contains(t, strings.Join(a.Summary, "\n"), "names no gateway")
}

// permit is the distributor's order that a release may be entered at another gateway.
func (v *venue) permit(text string, at *venue) string {
	v.t.Helper()
	r, _, err := licensing.OpenRelease(text)
	require.NoError(v.t, err)
	hash, err := r.Hash()
	require.NoError(v.t, err)
	return v.order(r.License, func(o *licensing.Order) {
		o.Kind, o.Sequence = licensing.OrderTransfer, r.Sequence+1
		o.Transfer = &licensing.Transfer{ToGateway: at.s.GatewayKey(), Release: hash}
	})
}

func TestAPermitRedirectsARelease(t *testing.T) {
	v := openVenue(t)
	number := v.activate(v.bound())
	v.startByDevices()
	dead, third, fourth := v.twin(t), v.twin(t), v.twin(t)
	text := v.release(dead, number)
	permit := v.permit(text, third)
	fourth.refused(licensing.CodeRefused, func() error { _, err := fourth.s.Activate(ctx, by, permit+text, ""); return err })
	other := v.activate(v.bound())
	third.refused(licensing.CodeRefused, func() error {
		_, err := third.s.Activate(ctx, by, permit+v.release(third, other), "")
		return err
	})
	third.take(permit + text)
	require.True(t, third.serves())
	// From there it goes on as any other.
	fourth.take(third.release(fourth, number))
	require.Equal(t, 3, fourth.license(number).Hop)
	require.Equal(t, 5, fourth.summary(number).DevicesCounted)
	for _, at := range []*venue{third, fourth} {
		at.inOrder()
	}
}

func TestATrialMovesAndStaysTheOnlyOne(t *testing.T) {
	v := openVenue(t)
	w, had := v.twin(t), v.twin(t)
	trial := func() licensing.Terms {
		terms := v.terms()
		terms.Trial, terms.Term = true, licensing.TrialTerm
		return terms
	}
	had.activate(trial())
	number := v.activate(trial())
	text := v.release(had, number)
	had.refused(licensing.CodeRefused, func() error { _, err := had.s.Activate(ctx, by, text, ""); return err })
	w.take(v.permit(text, w) + text)
	require.True(t, w.serves())
	second, err := v.issuer.SignGrant(trial())
	require.NoError(t, err)
	w.refused(licensing.CodeRefused, func() error { _, err := w.s.Activate(ctx, by, second, w.location.Code); return err })
	v.take(w.release(v, number)) // it is the same one
	require.True(t, v.serves())
}

func TestRowsThatSayAReleaseNeverWas(t *testing.T) {
	v := openVenue(t)
	number := v.activate(v.bound())
	v.startByDevices()
	w := v.twin(t)
	text := v.release(w, number)
	left := v.summary(number)
	require.NoError(t, v.s.Close())
	v.edit(t, `UPDATE licenses SET released_at = NULL, released_to = '', hop = 0`, `DELETE FROM moves`)
	v.open()
	require.False(t, v.serves())
	require.Equal(t, left, v.summary(number))
	require.Equal(t, 1, v.count(`SELECT count(*) FROM moves`))
	require.Positive(t, v.count(`SELECT count(*) FROM audit WHERE action = 'license.mismatch'`))
	require.Equal(t, text, v.release(w, number))
	w.take(text)
	require.NoError(t, w.s.Close())
	w.edit(t, `DELETE FROM receipts`, fmt.Sprintf(`UPDATE licenses SET started_at = started_at + %d`, (300*24*time.Hour).Microseconds()), `DELETE FROM orders`)
	w.open()
	require.Equal(t, licensing.InUse, w.summary(number).State)
	require.Equal(t, left.EndsAt, w.summary(number).EndsAt)
	require.Equal(t, v.receipt(number), w.receipt(number))
}

// Whatever is released, entered, entered again, at whatever gateway: the license is
// served by one gateway at most, and by one again as soon as the latest release has
// been entered; its start is the one it had, and no device counts twice.
func TestALicenseIsServedByOneGatewayAtMost(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dirs := make([]string, 3)
		for i := range dirs {
			dirs[i] = t.TempDir()
		}
		v := newVenue(rt, dirs[0])
		all := []*venue{v}
		for _, dir := range dirs[1:] {
			w := newVenue(rt, dir, func(o *Options) { o.Issuers, o.Now = []string{v.issuer.Public()}, v.clock.now })
			w.issuer = v.issuer
			all = append(all, w)
		}
		rt.Cleanup(func() {
			for _, w := range all {
				_ = w.s.Close()
			}
		})
		number := v.activate(v.bound())
		var texts []string
		holder, travelling := 0, false
		devices, seen := map[int]bool{}, 0
		var start *time.Time
		rt.Repeat(map[string]func(*rapid.T){
			"release": func(rt *rapid.T) {
				from, to := rapid.IntRange(0, 2).Draw(rt, "from"), rapid.IntRange(0, 2).Draw(rt, "to")
				pass(time.Second, all...)
				r, err := all[from].s.Release(ctx, by, []string{number}, all[to].s.GatewayKey())
				fresh := from == holder && !travelling && to != from
				if fresh && err != nil {
					rt.Fatalf("%v", err)
				}
				if err != nil {
					return
				}
				if fresh {
					texts = append(texts, r.Text)
					holder, travelling = to, true
				} else if !slices.Contains(texts, r.Text) {
					rt.Fatalf("gateway %d, which does not hold it, has released it to %d", from, to)
				}
			},
			"enter": func(rt *rapid.T) {
				if len(texts) == 0 {
					rt.Skip()
				}
				i, at := rapid.IntRange(0, len(texts)-1).Draw(rt, "release"), rapid.IntRange(0, 2).Draw(rt, "at")
				_, err := all[at].s.Activate(ctx, by, texts[i], "")
				due := travelling && at == holder && i == len(texts)-1
				if due != (err == nil) {
					rt.Fatalf("release %d of %d at gateway %d, due %v: %v", i, len(texts), at, due, err)
				}
				if due {
					travelling = false
				}
			},
			"guest": func(rt *rapid.T) {
				n, at := rapid.IntRange(0, 7).Draw(rt, "guest"), rapid.IntRange(0, 2).Draw(rt, "at")
				pass(time.Second, all...)
				seen++
				all[at].sight(all[at].record(n, macwatch.StatusStart, func(r *macwatch.Record) { r.SessionID = fmt.Append(nil, seen) }))
				if at == holder && !travelling {
					devices[n] = true
				}
			},
			"crash": func(rt *rapid.T) { all[rapid.IntRange(0, 2).Draw(rt, "at")].restart() },
			"": func(rt *rapid.T) {
				for i, w := range all {
					if should := i == holder && !travelling; w.serves() != should {
						rt.Fatalf("gateway %d serves: %v", i, !should)
					}
				}
				if travelling {
					return
				}
				s := all[holder].summary(number)
				require.Equal(rt, len(devices), s.DevicesCounted)
				require.Equal(rt, len(devices) >= 5, s.StartsAt != nil)
				if start != nil {
					require.Equal(rt, *start, *s.StartsAt)
				}
				start = s.StartsAt
			},
		})
		for _, w := range all {
			report, err := w.s.VerifyAudit(ctx)
			require.NoError(rt, err)
			require.True(rt, report.OK, "%v", report.Problems)
		}
	})
}
