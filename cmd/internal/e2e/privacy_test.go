package e2e

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"
)

// traces lists the files under dir that hold one of the addresses, in whatever spelling.
func traces(t *testing.T, dir string, addresses ...string) (found []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		body, err := os.ReadFile(path)
		for _, address := range addresses {
			bare := strings.ReplaceAll(address, ":", "")
			octets, _ := hex.DecodeString(bare)
			if bytes.Contains(body, octets) {
				found = append(found, fmt.Sprintf("%s: the octets of %s", path, address))
			}
			for _, text := range []string{
				address, bare, strings.ReplaceAll(address, ":", "-"), strings.ReplaceAll(address, ":", "."),
				bare[:4] + "." + bare[4:8] + "." + bare[8:], bare[:4] + "-" + bare[4:8] + "-" + bare[8:], bare[:6] + "-" + bare[6:],
			} {
				for _, spelling := range []string{text, strings.ToUpper(text)} {
					if bytes.Contains(body, []byte(spelling)) {
						found = append(found, fmt.Sprintf("%s: %s", path, spelling))
					}
				}
			}
		}
		return err
	}))
	return found
}

// TestNoAddressOnTheDisk sends what the access points of every vendor send, some of them
// with the guest's address inside session ids, and looks into every file of the gateway:
// while the sessions run, when they are over, and after a crash.
func TestNoAddressOnTheDisk(t *testing.T) {
	t.Parallel()
	g := newVenue(t, site{privacy: "hmac"})
	files, err := filepath.Glob(filepath.Join(vendorPackets, "*.txt"))
	require.NoError(t, err)
	all := map[string]bool{}
	for _, file := range files {
		packets, devices := vendorAccounting(t, file)
		for _, p := range packets {
			require.Contains(t, g.radclient(t, "acct", p), "Accounting-Response")
		}
		for mac := range devices {
			all[mac] = true
		}
	}
	var guests []string
	for mac := range all {
		guests = append(guests, mac)
	}
	const bare, dashes = "5CAB12CD34EF", "5C-AB-12-CD-34-EF"
	online := func(status uint32, option ...option) {
		g.send(t, record(status, bare+bare+"-65A1B2C3", dashes, append(option,
			text(rfc2865.UserName_Type, bare), text(rfc2866.AcctMultiSessionID_Type, "5cab12cd34ef-1700000000"))...))
	}
	online(start)
	guests = append(guests, "5c:ab:12:cd:34:ef")
	data := filepath.Join(g.dir, "data")
	require.Empty(t, traces(t, data, guests...), "while sessions run")
	require.Empty(t, traces(t, g.logFile(), guests...))

	got := g.devices(t)
	require.Len(t, got, len(guests))
	for name, d := range got {
		require.Regexp(t, `^~[0-9a-f]{16}$`, name)
		require.True(t, d.Counted)
	}
	require.Equal(t, len(guests), g.license(t).DevicesCounted)
	g.crash(t)
	online(interim, stamped(time.Now()))
	require.Equal(t, len(guests), g.license(t).DevicesCounted)
	online(stop, stamped(time.Now()))
	require.Empty(t, traces(t, data, guests...), "when they are over")

	// A guest asks, by the address that the phone shows, and is forgotten.
	var held []struct {
		Sessions []struct {
			SessionID string `json:"session_id"`
		} `json:"sessions"`
		Raw []struct{ Packet []byte } `json:"raw_records"`
	}
	g.json(t, &held, "privacy", "lookup", dashes, "--reason", "the guest has asked")
	require.Len(t, held, 1)
	require.Len(t, held[0].Sessions, 1)
	require.NotContains(t, held[0].Sessions[0].SessionID, bare)
	require.Len(t, held[0].Raw, 3, "whoever holds the key may read what came")
	require.Contains(t, string(held[0].Raw[0].Packet), dashes)
	export := filepath.Join(g.dir, "guest.json")
	g.run(t, "privacy", "export", dashes, "--out", export, "--reason", "the guest has asked")
	exported, err := os.ReadFile(export)
	require.NoError(t, err)
	require.True(t, json.Valid(exported))
	g.run(t, "privacy", "erase", dashes, "--reason", "the guest has asked")
	g.json(t, &held, "privacy", "lookup", dashes, "--reason", "what is left")
	require.Empty(t, held[0].Sessions)
	require.Empty(t, held[0].Raw)
	online(start, stamped(time.Now()))
	require.Equal(t, len(guests), g.license(t).DevicesCounted, "it comes again, and is not counted again")
	g.stop(t)
	require.Empty(t, traces(t, data, guests...))
	g.start(t)
	g.run(t, "audit", "verify")

	// Back is no way.
	g.stop(t)
	g.privacy = "clear"
	g.configure(t)
	require.NoError(t, g.launch())
	<-g.daemon.ended
	require.Error(t, g.daemon.status)
	text, err := os.ReadFile(g.logFile())
	require.NoError(t, err)
	require.Contains(t, string(text), "cannot go from hmac back to clear")
	g.daemon = nil
}
