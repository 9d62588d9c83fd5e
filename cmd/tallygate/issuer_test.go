package main

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tallygate/licensing"
)

func TestIssuerInit(t *testing.T) {
	v := newVenue(t)
	dir := filepath.Join(v.dir, "distributor")
	info, err := os.Stat(filepath.Join(dir, "issuer.key"))
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode())
	secret, err := os.ReadFile(filepath.Join(dir, "issuer.key"))
	require.NoError(t, err)
	public, err := os.ReadFile(filepath.Join(dir, "issuer.pub"))
	require.NoError(t, err)
	key, err := licensing.ParseIssuerKey(strings.TrimSpace(string(secret)))
	require.NoError(t, err)
	require.Equal(t, key.Public()+"\n", string(public))

	r := v.command(t, "issuer", "init", "--dir", "distributor")
	require.Equal(t, exitFailed, r.status)
	again, err := os.ReadFile(filepath.Join(dir, "issuer.key"))
	require.NoError(t, err)
	require.Equal(t, secret, again, "a secret key is never replaced")

	require.Contains(t, v.do(t, "issuer", "init", "--dir", "rehearsed", "--dry-run"), "nothing was changed")
	require.NoDirExists(t, filepath.Join(v.dir, "rehearsed"))
	require.NotContains(t, v.do(t, "issuer", "init", "--dir", "other"), "k4.secret.")
}

// Every flag of `issuer grant` ends in the signed terms.
func TestIssuerGrant(t *testing.T) {
	v := newVenue(t)
	var issued struct {
		Number, Key, Out string
		Numbers          []string
		GrantID          string `json:"grant_id"`
	}
	v.read(t, &issued, "issuer", "grant", "--dir", "distributor", "--organization", "Hotel Sol", "--realm", "hotelsol",
		"--location", "28N2S004", "--gateway", anIssuer, "--months", "18", "--aps", "20", "--rooms", "0", "--modules", "a,b",
		"--threshold", "3", "--start", "fixed-date=2027-02-28", "--time-zone", "Europe/Madrid", "--quantity", "2",
		"--count-window", "24h", "--ignore-private-addresses", "--activate-by", "2027-01-31", "--latest-end", "2030-12-31",
		"--max-exempt", "4", "--lab-hours", "16", "--max-aliases", "3", "--out", "key")
	text, err := os.ReadFile(filepath.Join(v.dir, "key"))
	require.NoError(t, err)
	require.Equal(t, issued.Key+"\n", string(text), "the file holds the key alone")

	public, err := os.ReadFile(filepath.Join(v.dir, "distributor", "issuer.pub"))
	require.NoError(t, err)
	issuer := strings.TrimSpace(string(public))
	terms, err := licensing.VerifyGrant(string(text), []string{issuer})
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), terms.IssuedAt, time.Hour)
	want := licensing.Terms{
		GrantID: issued.GrantID, Issuer: issuer, IssuedAt: terms.IssuedAt, Quantity: 2,
		Organization: "Hotel Sol", Realm: "hotelsol", Location: "28N2S004", Gateway: anIssuer,
		Term: licensing.Term{Months: 18}, APs: 20, Rooms: 0, Modules: []string{"a", "b"}, Threshold: 3,
		Start: licensing.StartFixedDate, StartDate: licensing.Date{Year: 2027, Month: 2, Day: 28}, Zone: "Europe/Madrid",
		CountWindow: 24 * time.Hour, IgnorePriv: true,
		ActivateBy: licensing.Date{Year: 2027, Month: 1, Day: 31}, LatestEnd: licensing.Date{Year: 2030, Month: 12, Day: 31},
		MaxExempt: 4, LabHours: 16, MaxAliases: 3,
	}
	require.Equal(t, want, terms)
	require.Equal(t, []string{licensing.LicenseNumber(issued.GrantID, 0), licensing.LicenseNumber(issued.GrantID, 1)}, issued.Numbers)
	require.Equal(t, issued.Numbers[0], issued.Number)

	// Limits left out are not limited; the defaults hold.
	text, err = os.ReadFile(v.grant(t))
	require.NoError(t, err)
	terms, err = licensing.VerifyGrant(string(text), []string{issuer})
	require.NoError(t, err)
	require.Equal(t, licensing.Unlimited, terms.APs)
	require.Equal(t, licensing.Unlimited, terms.Rooms)
	require.Equal(t, 5, terms.Threshold)
	require.Equal(t, licensing.StartFifthDevice, terms.Start)

	// The register has both, and nothing of a rehearsal.
	register := filepath.Join(v.dir, "distributor", "grants.jsonl")
	before, err := os.ReadFile(register)
	require.NoError(t, err)
	lines := bytes.Split(bytes.TrimSpace(before), []byte("\n"))
	require.Len(t, lines, 2)
	var entry grantEntry
	require.NoError(t, json.Unmarshal(lines[0], &entry))
	require.Equal(t, grantEntry{IssuedAt: want.IssuedAt, Numbers: issued.Numbers, Terms: want, Key: issued.Key}, entry)
	v.do(t, "issuer", "grant", "--dir", "distributor", "--organization", "x", "--realm", "abcdef", "--days", "3", "--out", "rehearsed", "--dry-run")
	after, err := os.ReadFile(register)
	require.NoError(t, err)
	require.Equal(t, before, after)
	require.NoFileExists(t, filepath.Join(v.dir, "rehearsed"))

	number := strings.TrimSpace(v.do(t, "issuer", "grant", "--dir", "distributor", "--organization", "x", "--realm", "abcdef", "--years", "1", "--out", "one"))
	_, err = licensing.ParseNumber(number)
	require.NoError(t, err, "it prints the license number: %q", number)
}

// A key that cannot be registered does not go out.
func TestGrantWithoutRegister(t *testing.T) {
	v := newVenue(t)
	require.NoError(t, os.Mkdir(filepath.Join(v.dir, "distributor", "grants.jsonl"), 0o700))
	r := v.command(t, "issuer", "grant", "--dir", "distributor", "--organization", "x", "--realm", "abcdef", "--years", "1", "--out", "key")
	require.Equal(t, exitFailed, r.status)
	require.Contains(t, r.err, "cannot write")
	require.NoFileExists(t, filepath.Join(v.dir, "key"))
}
