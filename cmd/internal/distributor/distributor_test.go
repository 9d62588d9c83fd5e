package distributor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tallygate/licensing"
)

var noon = time.Date(2026, time.November, 22, 12, 0, 0, 500, time.UTC)

func noPassphrase() ([]byte, error) { return nil, errors.New("nobody should be asked") }

func newDir(t *testing.T) *Dir {
	t.Helper()
	path := t.TempDir()
	_, err := Init(path, nil, false)
	require.NoError(t, err)
	d, err := Open(path, noPassphrase)
	require.NoError(t, err)
	return d
}

func terms() licensing.Terms {
	return licensing.Terms{
		Organization: "Hotel Sol", Realm: "hotelsol", Term: licensing.Term{Years: 1}, APs: 20, Rooms: licensing.Unlimited,
		Modules: []string{"guest", "spa"}, Threshold: 5, Start: licensing.StartFifthDevice, Quantity: 1,
	}
}

func granted(t *testing.T, d *Dir, quantity int) []string {
	t.Helper()
	g := terms()
	g.Quantity = quantity
	e, err := d.Grant(g, Issue{Now: noon, By: "ana"})
	require.NoError(t, err)
	return e.Numbers
}

func deny(reason string) func(License, *licensing.Order) error {
	return func(_ License, o *licensing.Order) error {
		o.Kind, o.Deny = licensing.OrderDeny, &licensing.DenyOrder{Reason: reason}
		return nil
	}
}

// Commands that sign at the same time, as other processes would, never draw the same
// sequence, and none of their entries is lost.
func TestSequencesAreDrawnOnce(t *testing.T) {
	d := newDir(t)
	numbers := granted(t, d, 2)
	const each = 20
	var all sync.WaitGroup
	for _, number := range numbers {
		for i := range each {
			all.Go(func() {
				other, err := Open(d.path, noPassphrase)
				if err == nil {
					_, err = other.Order(number, Issue{Now: noon}, deny(fmt.Sprint(i)))
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
	}
	all.Wait()
	for _, number := range numbers {
		l, err := d.Register().License(number)
		require.NoError(t, err)
		require.Equal(t, each+1, l.NextSequence())
		var drawn []int
		for _, e := range l.Orders {
			o, err := licensing.VerifyOrder(e.Key, []string{d.Public()})
			require.NoError(t, err)
			require.Equal(t, e.Sequence, o.Sequence)
			require.Equal(t, number, o.License)
			drawn = append(drawn, o.Sequence)
		}
		for want := range each {
			require.Contains(t, drawn, want+1)
		}
		require.Len(t, drawn, each)
	}
}

func TestEntries(t *testing.T) {
	d := newDir(t)
	require.Empty(t, read(t, d))
	g := terms()
	g.Gateway = licensing.NewIssuerKey().Public()
	asked := &licensing.Request{Partner: "Redes"}
	e, err := d.Grant(g, Issue{Now: noon, By: "ana", Request: asked})
	require.NoError(t, err)
	signed, err := licensing.VerifyGrant(e.Key, []string{d.Public()})
	require.NoError(t, err)
	require.Equal(t, signed, *e.Terms)
	require.Equal(t, Entry{
		IssuedAt: noon.Truncate(time.Second), Kind: "grant", ID: signed.GrantID, By: "ana", Request: asked,
		Numbers: []string{licensing.LicenseNumber(signed.GrantID, 0)}, Terms: &signed, Key: e.Key,
	}, e)
	o, err := d.Order(strings.ToLower(e.Numbers[0]), Issue{Now: noon}, deny("unpaid"))
	require.NoError(t, err)
	require.Equal(t, 1, o.Sequence)
	reset, err := d.ClockReset(g.Gateway, licensing.ClockReset{Mark: noon.Add(time.Hour), To: noon}, Issue{Now: noon})
	require.NoError(t, err)
	require.Empty(t, reset.Numbers)
	require.Zero(t, reset.Sequence)
	require.Equal(t, []Entry{e, o, reset}, read(t, d))
	info, err := os.Stat(d.Register().path())
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode())
}

func read(t *testing.T, d *Dir) []Entry {
	t.Helper()
	all, err := d.Register().Read()
	require.NoError(t, err)
	return all
}

// Whatever is refused or rehearsed leaves the register as it was, and takes no sequence.
func TestRefusedLeavesNothing(t *testing.T) {
	d := newDir(t)
	number := granted(t, d, 1)[0]
	before := read(t, d)
	no := errors.New("no")
	_, err := d.Grant(terms(), Issue{Now: noon, Check: func(Entry) error { return no }})
	require.ErrorIs(t, err, no)
	_, err = d.Order(number, Issue{Now: noon, Check: func(Entry) error { return no }}, deny("x"))
	require.ErrorIs(t, err, no)
	_, err = d.Order(number, Issue{Now: noon}, func(License, *licensing.Order) error { return no })
	require.ErrorIs(t, err, no)
	e, err := d.Order(number, Issue{Now: noon, DryRun: true}, deny("x"))
	require.NoError(t, err)
	require.Equal(t, 1, e.Sequence)
	for name, tt := range map[string]struct {
		number string
		fill   func(License, *licensing.Order) error
		code   licensing.Code
	}{
		"nothing in it":    {number, func(License, *licensing.Order) error { return nil }, licensing.CodeInvalid},
		"no reason":        {number, deny(" "), licensing.CodeInvalid},
		"mistyped":         {"TG-0000-0000-0001", deny("x"), licensing.CodeInvalid},
		"somebody else's":  {licensing.LicenseNumber("x", 0), deny("x"), licensing.CodeNotFound},
		"no gateway's key": {number, bound("gateway-1"), licensing.CodeInvalid},
		"our own key":      {number, bound(d.Public()), licensing.CodeInvalid},
	} {
		_, err := d.Order(tt.number, Issue{Now: noon}, tt.fill)
		require.Equal(t, tt.code, licensing.CodeOf(err), "%s: %v", name, err)
	}
	for _, spoil := range []func(*licensing.Terms){
		func(g *licensing.Terms) { g.Quantity = 0 }, func(g *licensing.Terms) { g.Quantity = 1001 },
		func(g *licensing.Terms) { g.Gateway = "k4.public.short" }, func(g *licensing.Terms) { g.Gateway = d.Public() },
		func(g *licensing.Terms) { g.Realm = "x" },
	} {
		g := terms()
		spoil(&g)
		_, err := d.Grant(g, Issue{Now: noon})
		require.Equal(t, licensing.CodeInvalid, licensing.CodeOf(err), err)
	}
	require.Equal(t, before, read(t, d))
}

func bound(gateway string) func(License, *licensing.Order) error {
	return func(l License, o *licensing.Order) error {
		o.Gateway = gateway
		return deny("x")(l, o)
	}
}

// A crash in the middle of a write leaves half a line, whose key never went out. It is
// ignored, and the next entry takes its place; damage elsewhere is not guessed at.
func TestTornAndDamagedRegister(t *testing.T) {
	d := newDir(t)
	number := granted(t, d, 1)[0]
	_, err := d.Order(number, Issue{Now: noon}, deny("first"))
	require.NoError(t, err)
	path := d.Register().path()
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	first := slices.Index(whole, '\n') + 1
	torn := [][]byte{append(slices.Clone(whole[:first]), strings.Repeat("x", 5000)...)} // longer than what follows
	for cut := first; cut < len(whole); cut += 50 {
		torn = append(torn, whole[:cut])
	}
	for _, text := range torn {
		require.NoError(t, os.WriteFile(path, text, 0o600))
		require.Len(t, read(t, d), 1)
		e, err := d.Order(number, Issue{Now: noon}, deny("again"))
		require.NoError(t, err)
		require.Equal(t, 1, e.Sequence)
		require.Len(t, read(t, d), 2, "half a line does not join with the next")
		left, err := os.ReadFile(path)
		require.NoError(t, err)
		require.True(t, strings.HasSuffix(string(left), "}\n"), "nothing is left of it")
	}
	for _, bad := range []string{"\n", "{}\n", "rubbish\n", `{"kind":"grant"}` + "\n"} {
		damaged := string(whole[:first]) + bad + string(whole[first:])
		require.NoError(t, os.WriteFile(path, []byte(damaged), 0o600))
		_, err := d.Register().Read()
		require.ErrorContains(t, err, "line 2 of the register is damaged")
		_, err = d.Order(number, Issue{Now: noon}, deny("x"))
		require.Equal(t, licensing.CodeInvalid, licensing.CodeOf(err))
		left, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, damaged, string(left))
	}
}

// What a license gives is what was granted, changed by its orders in their sequence.
func TestLicense(t *testing.T) {
	d := newDir(t)
	pool := granted(t, d, 3)
	order := func(fill func(o *licensing.Order)) {
		t.Helper()
		_, err := d.Order(pool[1], Issue{Now: noon}, func(_ License, o *licensing.Order) error { fill(o); return nil })
		require.NoError(t, err)
	}
	find := func(number string) License {
		t.Helper()
		l, err := d.Register().License(number)
		require.NoError(t, err)
		return l
	}
	thirty, none := licensing.Limit(30), licensing.Unlimited
	order(func(o *licensing.Order) {
		o.Kind, o.Upgrade = licensing.OrderUpgrade, &licensing.Upgrade{APs: &none, Rooms: &thirty, AddModules: []string{"events"}, RemoveModules: []string{"spa"}}
	})
	order(func(o *licensing.Order) {
		o.Kind, o.Upgrade = licensing.OrderUpgrade, &licensing.Upgrade{APs: &thirty}
	})
	order(func(o *licensing.Order) {
		o.Kind, o.Renewal = licensing.OrderRenewal, &licensing.Renewal{Term: licensing.Term{Years: 2}}
	})
	elsewhere, grant := licensing.NewIssuerKey().Public(), find(pool[1]).Grant.Key
	order(func(o *licensing.Order) {
		o.Kind, o.Transfer = licensing.OrderTransfer, &licensing.Transfer{ToGateway: elsewhere, Grant: grant}
	})
	want := *find(pool[1]).Grant.Terms
	want.Index, want.APs, want.Rooms, want.Modules, want.Gateway = 1, 30, 30, []string{"guest", "events"}, elsewhere
	require.Equal(t, want, find(pool[1]).Terms())
	require.Equal(t, 5, find(pool[1]).NextSequence())
	require.Equal(t, licensing.Limit(20), find(pool[0]).Terms().APs, "the others of the pool are as they were")
	require.Equal(t, 1, find(pool[2]).NextSequence())

	_, denied := find(pool[1]).Denied()
	require.False(t, denied)
	order(func(o *licensing.Order) { o.Kind, o.Deny = licensing.OrderDeny, &licensing.DenyOrder{Reason: "unpaid"} })
	e, denied := find(pool[1]).Denied()
	require.True(t, denied)
	require.Equal(t, 5, e.Sequence)
	order(func(o *licensing.Order) {
		o.Kind, o.Restore = licensing.OrderRestore, &licensing.RestoreOrder{Denial: e.ID}
	})
	_, denied = find(pool[1]).Denied()
	require.False(t, denied)
	order(func(o *licensing.Order) { o.Kind, o.Deny = licensing.OrderDeny, &licensing.DenyOrder{Reason: "again"} })
	e, denied = find(pool[1]).Denied()
	require.True(t, denied)
	require.Equal(t, "again", e.Order.Deny.Reason)
}

// The key is readable by its owner alone, and with a passphrase by nobody without it.
func TestPassphrase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "distributor")
	public, err := Init(path, []byte("correct horse"), false)
	require.NoError(t, err)
	file := filepath.Join(path, secretFile)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(string(text), "k4.secret-pw."))
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode())
	_, loose := Loose(path)
	require.False(t, loose)

	say := func(words string) Passphrase { return func() ([]byte, error) { return []byte(words), nil } }
	_, err = Open(path, say("correct house"))
	require.Equal(t, licensing.CodeRefused, licensing.CodeOf(err))
	d, err := Open(path, say("correct horse"))
	require.NoError(t, err)
	require.Equal(t, public, d.Public())

	require.NoError(t, d.SetPassphrase([]byte("another"), true))
	_, err = Open(path, say("correct horse"))
	require.NoError(t, err, "a rehearsal changes nothing")
	require.NoError(t, d.SetPassphrase([]byte("another"), false))
	_, err = Open(path, say("correct horse"))
	require.Equal(t, licensing.CodeRefused, licensing.CodeOf(err))
	_, err = Open(path, say("another"))
	require.NoError(t, err)
	require.NoError(t, d.SetPassphrase(nil, false))
	d, err = Open(path, noPassphrase)
	require.NoError(t, err)
	require.Equal(t, public, d.Public())
	info, err = os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode())

	require.NoError(t, os.WriteFile(file, text[:100], 0o600))
	_, err = Open(path, say("correct horse"))
	require.ErrorContains(t, err, "damaged")
	require.NoError(t, os.Chmod(file, 0o640))
	_, loose = Loose(path)
	require.True(t, loose)
	_, err = Init(path, nil, false)
	require.Equal(t, licensing.CodeConflict, licensing.CodeOf(err))
}

// What is signed never lands on the distributor's own files.
func TestCheckOut(t *testing.T) {
	d := newDir(t)
	granted(t, d, 1)
	link := filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink(filepath.Join(d.path, secretFile), link))
	for path, code := range map[string]licensing.Code{
		filepath.Join(d.path, secretFile):      licensing.CodeConflict,
		filepath.Join(d.path, ".", publicFile): licensing.CodeConflict,
		filepath.Join(d.path, registerFile):    licensing.CodeConflict,
		link:                                   licensing.CodeConflict,
		d.path:                                 licensing.CodeInvalid,
		filepath.Join(d.path, "none", "order.key"): licensing.CodeInvalid,
	} {
		require.Equal(t, code, licensing.CodeOf(d.CheckOut(path)), path)
	}
	require.NoError(t, d.CheckOut(filepath.Join(d.path, "order.key")))
}
