package store

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tallygate/licensing"
	"tallygate/macwatch"
)

func concealed(o *Options) { o.MACStorage = MACHMAC }

// conceal switches to pseudonyms at the next start.
func (v *venue) conceal() {
	v.t.Helper()
	concealed(&v.options)
	v.restart()
}

// The model knows devices by their addresses and nothing of pseudonyms: whatever it says
// holds before the switch, across it, and after it.
func TestTheStoreUnderPseudonymsAgreesWithTheModel(t *testing.T) {
	checkModel(t, func(r *run) map[string]func(*rapid.T) {
		return map[string]func(*rapid.T){"conceal": func(*rapid.T) {
			r.tick()
			r.conceal()
		}}
	})
}

// spellings are all ways to write an address that may stand in a file.
func spellings(m macwatch.MAC) (out [][]byte) {
	octets := make([]byte, 6)
	for i := range octets {
		octets[i] = byte(m >> (40 - 8*i))
	}
	out = append(out, octets)
	for _, format := range []string{"%02x", "%02X"} {
		for _, separator := range []string{"", ":", "-", "."} {
			var text []byte
			for i, o := range octets {
				if i > 0 {
					text = append(text, separator...)
				}
				text = fmt.Appendf(text, format, o)
			}
			out = append(out, text)
		}
		out = append(out, fmt.Appendf(nil, format+format+"."+format+format+"."+format+format, octets[0], octets[1], octets[2], octets[3], octets[4], octets[5]))
	}
	return out
}

// traces lists where in a directory a device's address stands.
func traces(t tester, dir string, devices ...macwatch.MAC) (found []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		body, err := os.ReadFile(path)
		for _, m := range devices {
			for _, s := range spellings(m) {
				if bytes.Contains(body, s) {
					found = append(found, fmt.Sprintf("%s holds %q", filepath.Base(path), s))
				}
			}
		}
		return err
	}))
	return found
}

// inclusive lets a guest's address stand wherever some NAS puts it.
func inclusive(r *macwatch.Record) {
	text := r.MAC.String()
	bare := fmt.Sprintf("%012X", uint64(r.MAC))
	r.SessionID = fmt.Appendf(nil, "%s%s-%s", bare, bare, r.SessionID)
	r.UserName, r.Calling, r.Called = []byte(bare), []byte(text), []byte("94-83-C4-01-42-27:Guest")
	r.Class = fmt.Appendf(nil, "class-%s", text)
	r.Origin.MultiID, r.Origin.AuditID = fmt.Appendf(nil, "multi-%s", text), fmt.Appendf(nil, "audit-%s", bare)
	r.Packet = fmt.Appendf(nil, "packet of %s", text)
}

func guests(n int) (out []macwatch.MAC) {
	for i := range n {
		out = append(out, guest(i)|0x5c0000000000)
	}
	return out
}

func of(m macwatch.MAC) func(*macwatch.Record) {
	return func(r *macwatch.Record) { r.MAC = m; inclusive(r) }
}

func TestNoAddressReachesTheDisk(t *testing.T) {
	v := openVenue(t, concealed, func(o *Options) { o.KeepRaw = true })
	number := v.activate(v.terms())
	all := guests(7)
	require.NoError(t, v.s.ListDevice(ctx, by, v.location.Code, macwatch.ListedDevice{MAC: all[5], Kind: kindBlocked}))
	require.NoError(t, v.s.ListDevice(ctx, by, v.location.Code, macwatch.ListedDevice{MAC: all[6], Kind: kindExempt}))
	require.NoError(t, v.s.AddMACInput(ctx, by, v.location.Code, macwatch.MACInput{MAC: all[5]}))
	require.Error(t, v.s.AddMACInput(ctx, by, v.location.Code, macwatch.MACInput{MAC: all[5]}), "it is there already, by its pseudonym")
	for i, m := range all {
		v.sight(v.record(i, macwatch.StatusStart, of(m)))
	}
	require.Equal(t, 6, v.summary(number).DevicesCounted, "one is exempt")
	require.Equal(t, licensing.InUse, v.summary(number).State)
	require.Empty(t, traces(t, v.dir, all...), "while the sessions are open")

	v.clock.advance(time.Minute)
	for i, m := range all[:4] {
		v.sight(v.record(i, macwatch.StatusStop, of(m), counters(60, 1, 1)))
	}
	list := v.sessions()
	require.Len(t, list, 7)
	for _, s := range list {
		name, ok := macwatch.ParseDevice(s.MAC)
		require.True(t, ok && name.Veiled(), s.MAC)
		require.Contains(t, s.SessionID, s.MAC+s.MAC+"-s-")
		require.Equal(t, s.MAC, s.UserName)
	}
	require.Empty(t, traces(t, v.dir, all...))
	v.crash(t.TempDir())
	require.Empty(t, traces(t, v.dir, all...))

	// What a Disconnect needs is there for those that are online, and for no others.
	var open []*macwatch.Session
	require.True(t, v.s.onWriter(func() {
		var err error
		open, err = v.s.w.openSessionsOf(v.client.ID, "ap-1", 0)
		require.NoError(t, err)
	}))
	require.Len(t, open, 3)
	for i, s := range open {
		require.Equal(t, all[4+i].String(), s.Calling)
		require.Equal(t, fmt.Sprintf("%012X%012X-s-%d", uint64(all[4+i]), uint64(all[4+i]), 4+i), s.SessionID)
		require.Equal(t, all[4+i], s.Address)
		require.Equal(t, "multi-"+all[4+i].String(), string(s.Origin.MultiID))
	}
	// A late record of one that is over brings its address, which does not stay.
	v.sight(v.record(0, macwatch.StatusInterim, of(all[0]), counters(61, 2, 2)))
	// The NAS restarts, and says nothing of the guests that were there.
	v.clock.advance(time.Minute)
	v.sight(v.record(0, macwatch.StatusOn, func(r *macwatch.Record) { r.MAC, r.SessionID = 0, nil }))
	for _, s := range v.sessions() {
		require.NotNil(t, s.EndedAt)
	}
	require.Zero(t, v.count(`SELECT count(*) FROM sessions WHERE length(sealed) > 0`))
	require.NoError(t, v.s.Close())
	require.Empty(t, traces(t, v.dir, all...))
	v.open()
	report, err := v.s.VerifyAudit(ctx)
	require.NoError(t, err)
	require.True(t, report.OK)
}

// A database that was filled in clear is turned as a whole, journals and all.
func TestAStoredAddressIsTurnedIntoAPseudonym(t *testing.T) {
	v := openVenue(t, func(o *Options) { o.KeepRaw = true })
	terms := v.terms()
	terms.CountWindow = 24 * time.Hour
	number := v.activate(terms)
	all := guests(7)
	require.NoError(t, v.s.ListDevice(ctx, by, v.location.Code, macwatch.ListedDevice{MAC: all[5], Kind: kindBlocked, Note: "rude"}))
	require.NoError(t, v.s.AddMACInput(ctx, by, v.location.Code, macwatch.MACInput{MAC: all[5]}))
	for i, m := range all {
		v.sight(v.record(i, macwatch.StatusStart, of(m)))
	}
	v.clock.advance(time.Minute)
	for i, m := range all[:4] {
		v.sight(v.record(i, macwatch.StatusStop, of(m), counters(60, 1, 1)))
	}
	before, start := v.devices(), v.summary(number).StartsAt
	receipt, err := v.s.Receipt(ctx, number)
	require.NoError(t, err)
	v.clock.advance(time.Minute)
	v.sight(v.record(4, macwatch.StatusInterim, of(all[4]), counters(60, 1, 1))) // it is in the journal only
	require.NotEmpty(t, traces(t, v.dir, all...), "else this test shows nothing")
	for _, s := range receipt.Receipt.Sightings {
		require.NotContains(t, s.SessionID, "5C0011", "a receipt never held an address")
	}

	concealed(&v.options)
	v.crash(t.TempDir())
	require.Empty(t, traces(t, v.dir, all...))
	veil := v.s.state.Load().venues[v.location.ID].Veil
	after := v.devices()
	require.Len(t, after, len(before))
	for _, m := range all {
		was, is := before[m.String()], after[veil.Name(m).String()]
		require.Equal(t, []any{was.FirstSeen, was.Counted, was.Reason, was.PrivateAddress}, []any{is.FirstSeen, is.Counted, is.Reason, is.PrivateAddress})
	}
	require.Equal(t, start, v.summary(number).StartsAt)
	again, err := v.s.Receipt(ctx, number)
	require.NoError(t, err)
	require.Equal(t, receipt, again, "the receipt stays what was signed")
	listed, err := v.s.ListedDevices(ctx, v.location.Code)
	require.NoError(t, err)
	require.Equal(t, veil.Name(all[5]), listed[0].MAC)
	require.Zero(t, v.count(`SELECT count(*) FROM receipt_devices WHERE mac < 4611686018427387904`))
	require.NoError(t, v.s.UnlistDevice(ctx, by, v.location.Code, kindBlocked, all[5]), "by its address, in any spelling")
	require.NoError(t, v.s.RemoveMACInput(ctx, by, v.location.Code, veil.Name(all[5])), "or by its pseudonym")

	// Sessions go on, repeats are known, nobody counts twice.
	sessions := len(v.sessions())
	v.sight(v.record(4, macwatch.StatusStop, of(all[4]), counters(90, 5, 5)), v.record(0, macwatch.StatusStart, of(all[0]), func(r *macwatch.Record) { r.Arrival = r.Arrival.Add(-2 * time.Minute) }))
	require.Len(t, v.sessions(), sessions)
	require.Equal(t, 7, v.summary(number).DevicesCounted)
	report, err := v.s.VerifyAudit(ctx)
	require.NoError(t, err)
	require.True(t, report.OK, report.Problems)
	require.Equal(t, 1, v.count(`SELECT count(*) FROM audit WHERE action = 'privacy.conceal'`))
	v.restart()
	require.Equal(t, 1, v.count(`SELECT count(*) FROM audit WHERE action = 'privacy.conceal'`), "once")
	require.Empty(t, traces(t, v.dir, all...))
}

func TestPseudonymsAreThereToStay(t *testing.T) {
	v := openVenue(t, concealed)
	key := filepath.Join(v.dir, "privacy.key")
	info, err := os.Stat(key)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode())
	require.NoError(t, v.s.Close())

	v.options.MACStorage = MACClear
	v.open() // nothing is stored of anybody
	require.NoError(t, v.s.Close())
	concealed(&v.options)
	v.open()
	v.sight(v.record(1, macwatch.StatusStart))
	require.NoError(t, v.s.Close())

	v.options.MACStorage = MACClear
	_, err = Open(v.options)
	require.Equal(t, licensing.CodeRefused, licensing.CodeOf(err), err)

	concealed(&v.options)
	text, err := os.ReadFile(key)
	require.NoError(t, err)
	for problem, change := range map[string]func() error{
		"is missing":                    func() error { return os.Remove(key) },
		"is not the key":                func() error { return os.WriteFile(key, []byte(fmt.Sprintf("%064d\n", 7)), 0o600) },
		"does not hold a key":           func() error { return os.WriteFile(key, text[:20], 0o600) },
		"does not hold a key of pseudo": func() error { return os.WriteFile(key, append(text, "28N2S004 0102\n"...), 0o600) },
	} {
		require.NoError(t, change())
		_, err := Open(v.options)
		require.ErrorContains(t, err, problem)
		var e *licensing.Error
		require.ErrorAs(t, err, &e)
		require.NotEmpty(t, e.Hint)
	}
	require.NoError(t, os.WriteFile(key, text, 0o600))
	v.open()
	require.Len(t, v.sessions(), 1)
}

// Whoever adds a table that names devices is told to think of this.
func TestEveryTableThatNamesDevicesIsKnown(t *testing.T) {
	v := openVenue(t)
	tables, err := macTables(ctx, v.s.readers)
	require.NoError(t, err)
	names := map[string]bool{}
	for _, table := range tables {
		names[table.name] = true
	}
	for _, name := range []string{"counted", "devices", "listed_devices", "mac_inputs", "pass_devices", "proposed_sightings", "receipt_devices", "sessions", "window_sightings"} {
		require.True(t, names[name], name)
	}
}
