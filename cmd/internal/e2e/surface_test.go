package e2e

import (
	"bufio"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What the commands print, by the names of DESIGN section 7. Declared here and not taken
// from the program, so that a name that changes there is missed here.

type usageRow struct {
	Limit *int `json:"limit"`
	InUse int  `json:"in_use"`
}

type licenseRow struct {
	Number         string     `json:"number"`
	Organization   string     `json:"organization"`
	State          string     `json:"state"`
	Threshold      int        `json:"threshold"`
	DevicesCounted int        `json:"devices_counted"`
	StartsAt       *time.Time `json:"starts_at"`
	EndsAt         *time.Time `json:"ends_at"`
	LastDay        *string    `json:"last_day"`
	APs            usageRow   `json:"aps"`
	Rooms          usageRow   `json:"rooms"`
	Modules        []string   `json:"modules"`
	Locations      []string   `json:"locations"`
}

type deviceRow struct {
	MAC            string    `json:"mac"`
	FirstSeen      time.Time `json:"first_seen"`
	LastSeen       time.Time `json:"last_seen"`
	Counted        bool      `json:"counted"`
	Reason         string    `json:"reason"`
	PrivateAddress bool      `json:"private_address"`
}

type slotRow struct {
	ID       string   `json:"id"`
	Aliases  []string `json:"aliases"`
	Admitted bool     `json:"admitted"`
}

type sessionRow struct {
	SessionID      string     `json:"session_id"`
	MAC            string     `json:"mac"`
	AP             string     `json:"ap"`
	UserName       string     `json:"user_name"`
	StartedAt      time.Time  `json:"started_at"`
	EndedAt        *time.Time `json:"ended_at"`
	InputOctets    uint64     `json:"input_octets"`
	OutputOctets   uint64     `json:"output_octets"`
	TerminateCause string     `json:"terminate_cause"`
	Records        int        `json:"records"`
	Disconnect     *outcome   `json:"disconnect"`
}

// outcome is what became of ending a session.
type outcome struct {
	State      string `json:"state"`
	Why        string `json:"why"`
	ErrorCause string `json:"error_cause"`
	To         string `json:"to"`
	Detail     string `json:"detail"`
}

type endedRow struct {
	SessionID  string  `json:"session_id"`
	MAC        string  `json:"mac"`
	Disconnect outcome `json:"disconnect"`
}

type receiptRow struct {
	StartsAt  time.Time `json:"starts_at"`
	Sightings []struct {
		At        time.Time `json:"at"`
		AP        string    `json:"ap"`
		SessionID string    `json:"session_id"`
	} `json:"sightings"`
}

const (
	pendingStart = "Pending Start"
	inUse        = "In Use"
)

// license is the one license of the venue.
func (g *gateway) license(t *testing.T) licenseRow {
	t.Helper()
	var all []licenseRow
	g.json(t, &all, "license", "list")
	require.Len(t, all, 1)
	return all[0]
}

// receipt is the start receipt of the license; nil before the start.
func (g *gateway) receipt(t *testing.T) (r *receiptRow) {
	t.Helper()
	var shown struct {
		Receipt *receiptRow `json:"start_receipt"`
	}
	g.json(t, &shown, "license", "show", g.number)
	return shown.Receipt
}

// devices is `device list`, by MAC.
func (g *gateway) devices(t *testing.T) map[string]deviceRow {
	t.Helper()
	var all []deviceRow
	g.json(t, &all, "device", "list", "--location", location)
	out := map[string]deviceRow{}
	for _, d := range all {
		require.NotContains(t, out, d.MAC, "one device, one row")
		out[d.MAC] = d
	}
	return out
}

func (g *gateway) sessions(t *testing.T) (all []sessionRow) {
	t.Helper()
	g.json(t, &all, "session", "list", "--location", location)
	return all
}

func (g *gateway) aps(t *testing.T) (all []slotRow) {
	t.Helper()
	g.json(t, &all, "ap", "list", "--location", location)
	return all
}

// verifyAudit expects the audit chain to be whole.
func (g *gateway) verifyAudit(t *testing.T) {
	t.Helper()
	var report struct {
		OK       bool     `json:"ok"`
		Problems []string `json:"problems"`
	}
	g.json(t, &report, "audit", "verify")
	require.True(t, report.OK, report.Problems)
}

// metrics is one scrape, by series as Prometheus writes them.
type metrics map[string]float64

func (g *gateway) metrics(t *testing.T) metrics {
	t.Helper()
	answer, err := http.Get("http://" + g.admin + "/metrics")
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	require.Equal(t, http.StatusOK, answer.StatusCode)
	out := metrics{}
	lines := bufio.NewScanner(answer.Body)
	for lines.Scan() {
		series, value, ok := cutLast(lines.Text(), " ")
		if !ok || strings.HasPrefix(series, "#") || !strings.HasPrefix(series, "tallygate_") {
			continue
		}
		n, err := strconv.ParseFloat(value, 64)
		require.NoError(t, err, lines.Text())
		out[strings.TrimPrefix(series, "tallygate_")] = n
	}
	require.NoError(t, lines.Err())
	return out
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// value is that of a series which must exist.
func (m metrics) value(t *testing.T, series string) int {
	t.Helper()
	require.Contains(t, m, series)
	return int(m[series])
}
