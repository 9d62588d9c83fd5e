package macwatch

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestPassThroughTime(t *testing.T) {
	noon := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		pass  Pass
		at    time.Duration // from noon
		state PassState
		until time.Duration // from noon; 0: never
	}{
		"unused":                             {Pass{ValidFor: time.Hour}, 0, PassUnused, time.Hour},
		"unused after a year":                {Pass{ValidFor: time.Hour}, 8760 * time.Hour, PassUnused, 8761 * time.Hour},
		"in use":                             {Pass{ValidFor: time.Hour, FirstUse: noon}, time.Minute, PassInUse, time.Hour},
		"used up":                            {Pass{ValidFor: time.Hour, FirstUse: noon}, time.Hour, PassExpired, time.Hour},
		"until a time, whatever was used":    {Pass{ValidFor: time.Hour, ExpiresAt: noon.Add(time.Minute)}, 0, PassUnused, time.Minute},
		"over, never used":                   {Pass{ValidFor: time.Hour, ExpiresAt: noon}, 0, PassExpired, 0},
		"the first use came too late":        {Pass{ValidFor: time.Hour, UseBefore: noon}, 0, PassExpired, time.Hour},
		"in use, no matter what it waited":   {Pass{ValidFor: time.Hour, UseBefore: noon.Add(1), FirstUse: noon}, time.Minute, PassInUse, time.Hour},
		"revoked":                            {Pass{ValidFor: time.Hour, FirstUse: noon, RevokedAt: noon}, 0, PassRevoked, time.Hour},
		"revoked stays so when it would end": {Pass{ValidFor: time.Hour, FirstUse: noon, RevokedAt: noon}, 2 * time.Hour, PassRevoked, time.Hour},
	} {
		now := noon.Add(c.at)
		require.Equal(t, c.state, c.pass.State(now), name)
		if c.until > 0 {
			require.Equal(t, noon.Add(c.until), c.pass.Until(now), name)
		}
	}
}

func TestPassKeysFold(t *testing.T) {
	for _, typed := range []string{"LOBBY-7K3QM-2XH0I", "lobby-7k3qm-2xhol", " lobby 7k3qm 2xh01 ", "LOBBY7K3QM2XH01@hotelsol"} {
		require.Equal(t, "10BBY7K3QM2XH01", string(PassKey(nil, []byte(typed))), typed)
	}
}

// Codes are what they promise: of the alphabet, of the length, never a MAC address, and
// typed in any way still themselves.
func TestCodes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(MinCode, MaxCode).Draw(t, "symbols")
		prefix := rapid.StringMatching(`[A-Z0-9]{0,10}`).Draw(t, "prefix")
		code := NewCode(prefix, n)
		bare := strings.ReplaceAll(strings.TrimPrefix(code, prefix), "-", "")
		require.Len(t, bare, n)
		require.Empty(t, strings.Trim(bare, codeAlphabet))
		_, mac := ParseMAC([]byte(code))
		require.False(t, mac)
		key := PassKey(nil, []byte(code))
		for _, typed := range CodeSpellings(code, []byte(strings.ToLower(code))) {
			if typed == "" {
				continue
			}
			require.Equal(t, string(key), string(PassKey(nil, []byte(typed))))
		}
	})
	for tickets, least := range map[int]int{1: 6, 2: 7, 32: 7, 33: 8, 1024: 8, 100_000: 10, 1 << 20: 10, 1<<20 + 1: 11} {
		require.Equal(t, least, CodeLengthFor(tickets), "%d tickets", tickets)
	}
}

// Passes is a map of what was put in, whatever the order, and what was read before stays as it was.
func TestPassesAreAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var table Passes
		model := map[string]*Pass{}
		name := func(p *Pass) string { return fmt.Sprintf("%d/%s", p.Location, p.Key) }
		random := rapid.Custom(func(t *rapid.T) *Pass {
			return &Pass{Location: rapid.Int64Range(1, 3).Draw(t, "location"), Key: rapid.StringMatching(`[AB]{0,3}`).Draw(t, "key"), ID: rapid.Int64().Draw(t, "id")}
		})
		for range rapid.IntRange(1, 20).Draw(t, "changes") {
			put := rapid.SliceOfN(random, 0, 8).Draw(t, "put")
			drop := rapid.SliceOfN(random, 0, 3).Draw(t, "drop")
			before := table.All()
			copied := slices.Clone(before)
			table.Change(put, drop)
			require.Equal(t, copied, before, "a reader's list does not change under it")
			for _, p := range drop {
				delete(model, name(p))
			}
			for _, p := range put {
				model[name(p)] = p
			}
			require.Len(t, table.All(), len(model))
			for _, p := range model {
				require.Same(t, p, table.Find(p.Location, []byte(p.Key)))
			}
			require.Nil(t, table.Find(4, []byte("A")))
		}
	})
}

// Readers find what stays while the writer changes what does not.
func TestPassesAreReadWhileTheyChange(t *testing.T) {
	var table Passes
	stays := &Pass{Location: 1, Key: "STAYS"}
	table.Change([]*Pass{stays}, nil)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := range 2000 {
			p := &Pass{Location: 1, Key: fmt.Sprint(n % 300)}
			table.Change([]*Pass{p}, nil)
			table.Change(nil, []*Pass{p})
		}
	}()
	for {
		require.Same(t, stays, table.Find(1, []byte("STAYS")))
		select {
		case <-done:
			return
		default:
		}
	}
}

// With 100 000 tickets a first use costs what it costs with ten: one bucket is copied, not
// the table; and a look-up takes no memory.
func TestAChangeAmongManyCopiesLittle(t *testing.T) {
	var table Passes
	var all []*Pass
	for n := range 100_000 {
		all = append(all, &Pass{Location: 1, Key: fmt.Sprintf("K%07d", n)})
	}
	table.Change(all, nil)
	key := []byte("K0050000")
	require.NotNil(t, table.Find(1, key))
	require.Zero(t, testing.AllocsPerRun(100, func() { table.Find(1, key) }))
	root := table.root.Load()
	table.Change([]*Pass{{Location: 1, Key: string(key)}}, nil)
	changed := 0
	for i, n := range table.root.Load() {
		if n != root[i] {
			changed++
		}
	}
	require.Equal(t, 1, changed)
	longest := 0
	for _, n := range root {
		for _, b := range n {
			longest = max(longest, len(b))
		}
	}
	require.Less(t, longest, 100, "keys are spread")
}
