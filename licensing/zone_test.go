package licensing

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestLoadZone(t *testing.T) {
	for _, name := range testZones() {
		z, err := LoadZone(name)
		require.NoError(t, err)
		require.Equal(t, name, z.String())
	}
	for _, name := range []string{"", "Local", "Europe/Atlantis", "CEST", "../etc/passwd", "+02:00"} {
		_, err := LoadZone(name)
		requireAdvice(t, err, CodeInvalid)
	}
}

func TestResolveZone(t *testing.T) {
	l := yearLicense(t)
	want, _ := l.End()
	require.NoError(t, l.ResolveZone())
	got, _ := l.End()
	require.Equal(t, want, got)

	moved := *l // a copy that was given another zone must not use what was resolved
	moved.Zone = "Pacific/Kiritimati"
	end, _ := moved.End()
	require.Equal(t, "Pacific/Kiritimati", end.Location().String())

	l.Zone = "Europe/Atlantis"
	requireAdvice(t, l.ResolveZone(), CodeInvalid)
	end, ok := l.End()
	require.True(t, ok, "a wrong zone does not make a contract endless")
	require.Equal(t, time.UTC, end.Location())
}
