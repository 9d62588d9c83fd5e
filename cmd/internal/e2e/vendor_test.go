package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// vendorPackets are what access points of many makes send, and what stands in it.
const vendorPackets = "../../../radiusd/testdata/vendor-packets"

// TestVendorPackets sends the accounting packets of every vendor with radclient: the
// devices are those, and only those, whose addresses the packets hold.
func TestVendorPackets(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(vendorPackets, "*.txt"))
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 12)
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		t.Run(name, func(t *testing.T) {
			packets, want := vendorAccounting(t, file)
			if len(packets) == 0 {
				return // this make is shown logging in only
			}
			g := newVenue(t, site{})
			for i, p := range packets {
				require.Contains(t, g.radclient(t, "acct", p), "Accounting-Response", "accounting packet %d", i)
			}
			got := map[string]bool{}
			for mac, d := range g.devices(t) {
				require.True(t, d.Counted, "%+v", d)
				got[mac] = d.PrivateAddress
			}
			require.Equal(t, want, got, "devices, and whether their addresses are private")
			require.Equal(t, len(want), g.license(t).DevicesCounted)
		})
	}
}

// vendorAccounting reads the accounting packets of a file, and the devices they show
// with whether their addresses are private.
func vendorAccounting(t *testing.T, file string) (packets []string, devices map[string]bool) {
	t.Helper()
	text, err := os.ReadFile(strings.TrimSuffix(file, ".txt") + ".expected.json")
	require.NoError(t, err)
	var expected []struct {
		Kind    string
		Counts  bool    `json:"counts_as_device"`
		Guest   *string `json:"guest_mac"`
		Private *bool   `json:"private_address"`
	}
	require.NoError(t, json.Unmarshal(text, &expected))
	text, err = os.ReadFile(file)
	require.NoError(t, err)
	index := 0
	devices = map[string]bool{}
	for block := range strings.SplitSeq(string(text), "\n\n") {
		var attributes []string
		for line := range strings.Lines(block) {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
				attributes = append(attributes, line)
			}
		}
		if len(attributes) == 0 {
			continue // a comment
		}
		require.Less(t, index, len(expected), "more packets than expectations")
		e := expected[index]
		index++
		require.Contains(t, block, "# kind: "+e.Kind, "packet %d", index-1)
		if e.Kind != "acct" {
			continue
		}
		packets = append(packets, strings.Join(attributes, "\n")+"\n")
		if e.Counts {
			devices[*e.Guest] = *e.Private
		}
	}
	require.Equal(t, len(expected), index, "fewer packets than expectations")
	return packets, devices
}
