package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// twinOf is a twin that stores addresses in its own way.
func (v *venue) twinOf(t *testing.T, change func(*Options)) *venue {
	t.Helper()
	w := openVenue(t, change, func(o *Options) { o.Issuers, o.Now = []string{v.issuer.Public()}, v.clock.now })
	w.issuer = v.issuer
	return w
}

func inClear(*Options) {}

// A license goes from gateway to gateway, and back, however the two store addresses: its
// devices are known again, those erased included, and none counts twice.
func TestAReleaseBetweenPseudonymsAndAddresses(t *testing.T) {
	for name, c := range map[string]struct{ from, to func(*Options) }{
		"clear to clear": {inClear, inClear}, "clear to hmac": {inClear, concealed}, "hmac to clear": {concealed, inClear}, "hmac to hmac": {concealed, concealed},
	} {
		t.Run(name, func(t *testing.T) {
			old := openVenue(t, c.from)
			other := old.twinOf(t, c.to)
			number := old.activate(old.bound())
			all := guests(4)
			for i, m := range all[:3] {
				old.sight(old.record(i, macwatch.StatusStart, of(m)))
			}
			_, err := old.s.Erase(ctx, by, macwatch.ErasureOrder{MAC: all[1], Reason: "asked"})
			require.NoError(t, err)
			text := old.release(other, number)
			require.Equal(t, text, old.release(other, number), "written once more, it is the same")
			_, err = other.s.Activate(ctx, licensing.Change{By: "tester", DryRun: true}, text, "")
			require.NoError(t, err)
			require.Equal(t, number, other.take(text).License)
			require.Equal(t, 3, other.summary(number).DevicesCounted)

			pass(time.Minute, old, other)
			for i, m := range all[:3] {
				other.sight(other.record(i, macwatch.StatusStart, of(m)))
			}
			require.Equal(t, 3, other.summary(number).DevicesCounted, "all are known")
			other.restart()
			other.sight(other.record(1, macwatch.StatusInterim, of(all[1]), counters(60, 1, 1)))
			require.Equal(t, 3, other.summary(number).DevicesCounted)
			other.sight(other.record(3, macwatch.StatusStart, of(all[3])))
			require.Equal(t, 4, other.summary(number).DevicesCounted)
			if other.s.veils.concealed {
				require.Empty(t, traces(t, other.dir, all...))
			}
			other.inOrder()
		})
	}
}

func TestAKeyOfPseudonymsIsForOneGateway(t *testing.T) {
	old := openVenue(t, concealed)
	other, third := old.twinOf(t, concealed), old.twinOf(t, concealed)
	number := old.activate(old.terms())
	old.sight(old.record(1, macwatch.StatusStart))
	text := old.release(other, number)
	r, f, err := licensing.OpenRelease(text)
	require.NoError(t, err)
	require.Len(t, f.Veils, 1)
	_, err = third.s.keys.signer.OpenSealed(f.Veils[0].Key)
	require.Error(t, err)
	require.Equal(t, other.s.keys.public, r.To)

	// One that has served the Location under a key of its own cannot take another.
	other.sight(other.record(7, macwatch.StatusStart))
	_, err = other.s.Activate(ctx, by, text, "")
	require.Equal(t, licensing.CodeConflict, licensing.CodeOf(err), err)
	require.ErrorContains(t, err, "made with another key")
}
