package simulate

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"

	"tallygate/licensing"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestLedgerHoldsWhatTheServerAcknowledged(t *testing.T) {
	server := newResponder(t, nil)
	var ledger bytes.Buffer
	cfg := server.config()
	cfg.APs, cfg.Guests, cfg.Sessions, cfg.Interims = 7, 30, 3, 3
	cfg.Roam, cfg.Loss, cfg.Duplicate, cfg.Reorder, cfg.Reboots = 50, 30, 20, 20, 2
	cfg.Timeout, cfg.Retries, cfg.Concurrency, cfg.Ledger = 5*time.Millisecond, 40, 100, &ledger

	report, err := Run(t.Context(), cfg)
	require.NoError(t, err)
	require.True(t, report.Finished)
	require.Empty(t, report.BadReplies)
	require.Zero(t, report.Timeouts)
	require.Equal(t, 90, report.Visits)
	require.Greater(t, report.Sessions, 90, "some guests roam")
	for name, n := range map[string]int{
		"retransmissions": report.Retransmissions, "lost requests": report.LostRequests, "lost replies": report.LostReplies,
		"duplicates": report.Duplicates, "reordered": report.Reordered,
	} {
		require.Positive(t, n, name)
	}
	require.Equal(t, 2, report.Reboots)

	entries, err := ReadLedger(&ledger)
	require.NoError(t, err)
	require.Len(t, entries, report.Acknowledged)
	require.Equal(t, report.Requests, report.Acknowledged+report.Accepts)
	stored := map[string]bool{}
	for _, p := range server.packets() {
		if p.Code == radius.CodeAccountingRequest {
			stored[contentOf(p)] = true
		}
	}
	acknowledged := map[string]bool{}
	for _, e := range entries {
		acknowledged[contentOfEntry(e)] = true
	}
	require.Equal(t, stored, acknowledged)
}

func TestSameSeedSameVenue(t *testing.T) {
	played := func(seed uint64) []string {
		server := newResponder(t, nil)
		var ledger bytes.Buffer
		cfg := server.config()
		cfg.APs, cfg.Guests, cfg.Sessions, cfg.Roam, cfg.Reboots = 5, 20, 2, 50, 1
		cfg.Seed, cfg.Ledger = seed, &ledger
		_, err := Run(t.Context(), cfg)
		require.NoError(t, err)
		entries, err := ReadLedger(&ledger)
		require.NoError(t, err)
		var lines []string
		for _, e := range entries {
			lines = append(lines, fmt.Sprint(e.SessionID, e.MAC, e.AP, e.NAS, e.Status, e.InputOctets, e.OutputOctets))
		}
		slices.Sort(lines) // guests are served at once, in any order
		return lines
	}
	first := played(1)
	require.NotEmpty(t, first)
	require.Equal(t, first, played(1))
	require.NotEqual(t, first, played(2))
}

func TestGuestsComeInManySpellings(t *testing.T) {
	server := newResponder(t, nil)
	cfg := server.config()
	cfg.APs, cfg.Guests = 7, 60
	_, err := Run(t.Context(), cfg)
	require.NoError(t, err)
	shapes := map[string]bool{}
	for _, p := range server.packets() {
		shape := strings.Map(func(r rune) rune {
			switch {
			case r >= 'A' && r <= 'F':
				return 'X'
			case strings.ContainsRune("-:.", r):
				return r
			}
			return 'x'
		}, rfc2865.CallingStationID_GetString(p))
		if !strings.Contains(shape, "X") {
			shapes[shape] = true
		}
	}
	for _, shape := range []string{"xx-xx-xx-xx-xx-xx", "xxxxxxxxxxxx", "xxxx.xxxx.xxxx", "xxxx-xxxx-xxxx"} {
		require.Contains(t, shapes, shape)
	}
}

func TestRebootBeginsSessionIDsAnew(t *testing.T) {
	server := newResponder(t, nil)
	var ledger bytes.Buffer
	cfg := server.config()
	cfg.APs, cfg.Guests, cfg.Sessions, cfg.Reboots, cfg.Ledger = 1, 10, 2, 1, &ledger
	for cfg.Seed = 0; newVenue(cfg)[0].vendor.name != "UniFi"; cfg.Seed++ {
	}
	_, err := Run(t.Context(), cfg)
	require.NoError(t, err)
	entries, err := ReadLedger(&ledger)
	require.NoError(t, err)
	starts, stops, on := map[string]int{}, map[string]int{}, 0
	for _, e := range entries {
		switch e.Status {
		case "Start":
			starts[e.SessionID]++
		case "Stop":
			stops[e.SessionID]++
		case "Accounting-On":
			on++
		}
	}
	require.Equal(t, 2, on, "one when the venue opens, one after the reboot")
	require.Len(t, starts, 10)
	open := 0
	for id, n := range starts {
		require.Equal(t, 2, n, id)
		if stops[id] < 2 {
			open++
		}
	}
	require.Positive(t, open, "the reboot cuts some sessions off without a Stop")
}

func TestRejectedGuestsSendNoAccounting(t *testing.T) {
	server := newResponder(t, func(request *radius.Packet, wire []byte) []byte {
		if request.Code == radius.CodeAccountingRequest {
			return accept(request, wire)
		}
		p := request.Response(radius.CodeAccessReject)
		_ = rfc2865.ReplyMessage_AddString(p, "access-denied")
		return signed(p, wire)
	})
	cfg := server.config()
	cfg.Guests = 9
	report, err := Run(t.Context(), cfg)
	require.NoError(t, err)
	require.Equal(t, map[string]int{"access-denied": 9}, report.Rejects)
	require.Zero(t, report.Sessions)
	for _, p := range server.packets() {
		if p.Code == radius.CodeAccountingRequest {
			require.Equal(t, rfc2866.AcctStatusType(7), rfc2866.AcctStatusType_Get(p), "only Accounting-On")
		}
	}
}

func TestSilentServer(t *testing.T) {
	server := newResponder(t, func(*radius.Packet, []byte) []byte { return nil })
	cfg := server.config()
	cfg.Guests, cfg.Timeout, cfg.Retries = 3, time.Millisecond, 1

	report, err := Run(t.Context(), cfg)
	require.NoError(t, err)
	require.True(t, report.Finished)
	require.Zero(t, report.Acknowledged)
	require.Equal(t, report.Requests, report.Timeouts)
	require.Len(t, report.Unanswered, report.Requests-3, "the Accounting-Ons")

	cfg.Timeout, cfg.Duration = time.Hour, 20*time.Millisecond
	report, err = Run(t.Context(), cfg)
	require.NoError(t, err)
	require.False(t, report.Finished, "the duration ends a run that does not end by itself")
}

func TestConfigErrors(t *testing.T) {
	good := Config{Auth: "127.0.0.1:1", Acct: "127.0.0.1:2", Secret: "x"}
	for name, spoil := range map[string]func(c *Config){
		"no address":         func(c *Config) { c.Auth = "" },
		"no secret":          func(c *Config) { c.Secret = "" },
		"too many APs":       func(c *Config) { c.APs = 1001 },
		"no guests":          func(c *Config) { c.Guests = -1 },
		"loss over 100":      func(c *Config) { c.Loss = 101 },
		"negative loss":      func(c *Config) { c.Loss = -1 },
		"negative timeout":   func(c *Config) { c.Timeout = -1 },
		"too many at a time": func(c *Config) { c.Concurrency = 1001 },
	} {
		t.Run(name, func(t *testing.T) {
			c := good
			spoil(&c)
			_, err := Run(t.Context(), c)
			require.Equal(t, licensing.CodeInvalid, licensing.CodeOf(err))
			var e *licensing.Error
			require.ErrorAs(t, err, &e)
			require.NotEmpty(t, e.Hint)
		})
	}
	c := good
	c.Auth = "nowhere"
	_, err := Run(t.Context(), c)
	require.Error(t, err)
}

func TestReadLedgerNamesTheBrokenLine(t *testing.T) {
	entries, err := ReadLedger(strings.NewReader("{\"mac\":\"a\"}\n{\"mac\":\"b\"}"))
	require.NoError(t, err)
	require.Len(t, entries, 2)
	_, err = ReadLedger(strings.NewReader("{\"mac\":\"a\"}\n{\"ma"))
	require.ErrorContains(t, err, "line 2")
}
