package sheet

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tallygate/licensing"
)

func someTickets(n int) TicketData {
	until := time.Date(2027, 6, 30, 22, 0, 0, 0, time.UTC) // midnight in Madrid
	d := TicketData{Headline: "Hotel Sol Centro", SSID: "Sol Guests", URL: "http://portal.sol.example/login?code={code}", Zone: "Europe/Madrid",
		At: time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC)}
	for i := range n {
		t := Ticket{Code: fmt.Sprintf("LOBBY-7K3QM-2XH%02d", i), Devices: 1 + i%2, ValidFor: 24 * time.Hour}
		if i%3 == 1 {
			t.ValidFor, t.Until = 0, &until
		}
		if i%3 == 2 {
			t.ValidFor, t.Until = 7*24*time.Hour, &until
		}
		d.Tickets = append(d.Tickets, t)
	}
	return d
}

// read draws the sheet and reads it with poppler.
func readTickets(t *testing.T, d TicketData, lang string) (text string, file string) {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, Tickets(&out, d, lang))
	file = filepath.Join(t.TempDir(), "tickets.pdf")
	require.NoError(t, os.WriteFile(file, out.Bytes(), 0o600))
	read, err := exec.CommandContext(t.Context(), "pdftotext", "-layout", file, "-").Output()
	require.NoError(t, err)
	return string(read), file
}

func TestTickets(t *testing.T) {
	text, file := readTickets(t, someTickets(12), "en")
	for i := range 12 {
		require.Contains(t, text, fmt.Sprintf("LOBBY-7K3QM-2XH%02d", i))
	}
	for _, part := range []string{"Hotel Sol Centro", "Sol Guests", "24 hours from the first use", "until 30 June 2027", "7 days from the first use", "2 devices"} {
		require.Contains(t, strings.Join(strings.Fields(text), " "), part)
	}
	info, err := exec.CommandContext(t.Context(), "pdfinfo", file).Output()
	require.NoError(t, err)
	require.Regexp(t, `Pages:\s+2\n`, string(info), "ten a page")

	text, _ = readTickets(t, someTickets(3), "es")
	require.NotContains(t, text, "…", "nothing is cut")
	for _, part := range []string{"24 horas desde el primer uso", "hasta el 30 de junio de 2027", "dispositivos", "contraseña"} {
		require.Contains(t, strings.Join(strings.Fields(text), " "), part)
	}
}

// Each code leads to the log-in page with the ticket's own code.
func TestQRCodesOfTickets(t *testing.T) {
	_, file := readTickets(t, someTickets(10), "en")
	page := strings.TrimSuffix(file, ".pdf")
	require.NoError(t, exec.CommandContext(t.Context(), "pdftoppm", "-r", "200", "-png", file, page).Run())
	images, err := filepath.Glob(page + "*.png")
	require.NoError(t, err)
	require.Len(t, images, 1)
	out, err := exec.CommandContext(t.Context(), "zbarimg", "--raw", "-q", images[0]).Output()
	require.NoError(t, err)
	require.Len(t, strings.Fields(string(out)), 10)
	for i := range 10 {
		require.Contains(t, string(out), fmt.Sprintf("http://portal.sol.example/login?code=LOBBY-7K3QM-2XH%02d\n", i))
	}
}

func TestTicketsThatCannotBeDrawn(t *testing.T) {
	d := someTickets(1)
	require.Equal(t, licensing.CodeInvalid, licensing.CodeOf(Tickets(&bytes.Buffer{}, d, "de")))
	d.URL = strings.Repeat("x", maxCode+1)
	require.Equal(t, licensing.CodeInvalid, licensing.CodeOf(Tickets(&bytes.Buffer{}, d, "en")))
	d = someTickets(1)
	d.Headline, d.SSID, d.Tickets[0].Code = strings.Repeat("Very long name ", 20), strings.Repeat("W", 32), "CONGRESS26-7K3Q-2XH4-WWWW-7K3Q-2XH4"
	text, _ := readTickets(t, d, "es")
	require.Contains(t, text, d.Tickets[0].Code, "the code is never cut")
}
