package sheet

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Short keys get stronger error correction; long ones larger modules before anything
// else, and the longest whatever there is.
func TestModuleSize(t *testing.T) {
	for _, tt := range []struct {
		octets, modules int
	}{
		{300, 81},      // version 16, level Q
		{1000, 121},    // version 26, level M
		{1200, 133},    // version 29, level M
		{1300, 137},    // version 30, level M
		{1500, 129},    // version 28, level L
		{maxCode, 177}, // version 40, level L
	} {
		c, err := newCode(strings.Repeat("k", tt.octets), codeSide)
		require.NoError(t, err)
		require.Equal(t, tt.modules, len(c), "%d octets", tt.octets)
		if tt.octets < 2000 {
			require.GreaterOrEqual(t, codeSide/float64(len(c)+2*quiet), goodModule)
		}
	}
}
