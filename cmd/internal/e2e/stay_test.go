package e2e

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestStaysFromEndToEnd: stays from a file of a spreadsheet let guests in, by PAP and
// CHAP, and through a portal.
func TestStaysFromEndToEnd(t *testing.T) {
	t.Parallel()
	g := newVenue(t, site{guests: "local"})
	file := filepath.Join(g.dir, "in-house.csv")
	day := func(n int) string { return time.Now().AddDate(0, 0, n).Format(time.DateOnly) }
	write := func(text string) { require.NoError(t, os.WriteFile(file, []byte(text), 0o600)) }
	write("\ufeffsurname;room;guests;arrival;departure\r\nGarcía López;0412;2;" + day(-1) + ";" + day(2) + "\r\nBrown;413;1;" + day(-3) + ";" + day(-1) + "\r\n")
	var report map[string]int
	g.json(t, &report, "guest", "stay", "import", "--location", location, file)
	require.Equal(t, map[string]int{"added": 2, "changed": 0, "unchanged": 0, "removed": 0}, report)
	g.json(t, &report, "guest", "stay", "import", "--location", location, file)
	require.Equal(t, 2, report["unchanged"])

	write("surname,room,arrival,departure\nSol,414," + day(0) + "," + day(1) + "\nSol,415,soon," + day(1) + "\n")
	_, err := g.command(t, "guest", "stay", "import", "--location", location, file)
	require.ErrorContains(t, err, "in-house.csv:3: ")
	write("surname,room\nSol,414\n")
	_, err = g.command(t, "guest", "stay", "import", "--location", location, file)
	require.ErrorContains(t, err, `in-house.csv:1: there is no column \"arrival\"`)

	g.crash(t)
	for _, credentials := range [][]string{
		{named("412"), papOf("García López")}, {named("0412@hotelsol"), papOf("garcia-lopez")}, {named("Garcia Lopez/412"), papOf("412")},
		{named("412"), `CHAP-Password = "garcia lopez"`},
	} {
		answer := g.radclient(t, "auth", signed(append(credentials, device(deviceA))...))
		require.Contains(t, answer, "Access-Accept", "%v", credentials)
		require.Contains(t, answer, "Session-Timeout = ")
	}
	require.Contains(t, g.radclient(t, "auth", signed(named("412"), device(deviceA), papOf("Brown"))), "Access-Reject")
	require.Contains(t, g.radclient(t, "auth", signed(named("413"), device(deviceA), papOf("Brown"))), "has expired")

	p := g.portal(t, "portal")
	c := p.credential(t, `{"room": "412", "surname": "GARCIA LOPEZ"}`)
	require.Contains(t, g.radclient(t, "auth", signed(named(c.UserName), device(deviceB), papOf(c.Password))), "Access-Accept")
	status, _ := p.ask(t, "POST", "/credentials", `{"room": "412", "surname": "Brown"}`)
	require.Equal(t, 404, status)
}
