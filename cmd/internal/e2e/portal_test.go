package e2e

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// portal is an external portal: it has a token, and asks for a credential when a guest
// has filled in its form.
type portal struct{ url, token string }

type credential struct {
	UserName string `json:"user_name"`
	Password string `json:"password"`
	ValidFor int    `json:"valid_for"`
	Response string `json:"response"`
}

func (g *gateway) portal(t *testing.T, role string) portal {
	t.Helper()
	var made struct{ Token string }
	g.json(t, &made, "token", "add", fmt.Sprintf("portal-%s-%d", role, len(made.Token)), "--role", role, "--location", location)
	return portal{"http://" + g.admin + "/v1/locations/" + location, made.Token}
}

// ask asks the API over TCP.
func (p portal) ask(t *testing.T, method, path, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, p.url+path, bytes.NewReader([]byte(body)))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+p.token)
	answer, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, string(text)
}

func (p portal) credential(t *testing.T, body string) (c credential) {
	t.Helper()
	status, text := p.ask(t, "POST", "/credentials", body)
	require.Equal(t, 200, status, text)
	require.NoError(t, json.Unmarshal([]byte(text), &c))
	return c
}

func named(user string) string { return fmt.Sprintf("User-Name = %q", user) }

func papOf(password string) string { return fmt.Sprintf("User-Password = %q", password) }

func device(mac string) string { return fmt.Sprintf("Calling-Station-Id = %q", mac) }

const deviceA, deviceB = "80-41-00-00-0A-01", "80-41-00-00-0A-02"

// TestPortal: a portal lets a guest in, and the access point's log-in with what it was
// given is accepted, by PAP and by CHAP, in the forms of MikroTik and CoovaChilli.
func TestPortal(t *testing.T) {
	t.Parallel()
	g := newVenue(t, site{guests: "local"})
	p := g.portal(t, "portal")

	t.Run("PAP, one device", func(t *testing.T) {
		c := p.credential(t, `{"valid_for": 3600, "user_id": "+34 600 000 000", "note": "SMS", "room": "412", "bandwidth_down": 5000000, "bandwidth_up": 1000000}`)
		answer := g.radclient(t, "auth", signed(named(c.UserName), device(deviceA), papOf(c.Password)))
		require.Contains(t, answer, "Access-Accept")
		require.Regexp(t, `Session-Timeout = (3600|359[0-9])\n`, answer)
		require.Contains(t, answer, "WISPr-Bandwidth-Max-Down = 5000000")
		require.Contains(t, answer, "WISPr-Bandwidth-Max-Up = 1000000")
		require.Contains(t, g.radclient(t, "auth", signed(named(strings.ToUpper(c.UserName)), device(deviceA), papOf(c.Password))), "Access-Accept", "it comes back")
		answer = g.radclient(t, "auth", signed(named(c.UserName), device(deviceB), papOf(c.Password)))
		require.Contains(t, answer, "Access-Reject")
		require.Contains(t, answer, "in use by other devices")
		require.Contains(t, g.radclient(t, "auth", signed(named(c.UserName), device(deviceA), papOf("wrong"))), "Access-Reject")
		var all []map[string]any
		g.json(t, &all, "guest", "credential", "list", "--location", location)
		require.Equal(t, "+34 600 000 000", all[0]["user_id"])
		require.Equal(t, "412", all[0]["room"])
		require.Equal(t, []any{"80:41:00:00:0a:01"}, all[0]["used_by"])
		require.Contains(t, all[0]["created_by"], "token portal")
		require.NotContains(t, all[0], "password")
	})
	t.Run("CHAP with the password", func(t *testing.T) {
		c := p.credential(t, `{}`)
		require.Contains(t, g.radclient(t, "auth", signed(named(c.UserName), device(deviceA), fmt.Sprintf("CHAP-Password = %q", c.Password))), "Access-Accept")
	})
	t.Run("MikroTik: the response is ready", func(t *testing.T) {
		// As hotspot pages write octets: \ooo, printable ones as they are. (radclient takes
		// 17 octets for a finished answer only if one is below 32, hence this identifier.)
		c := p.credential(t, `{"mac": "80:41:00:00:0A:01", "chap": {"id": "\\005", "challenge": "\\021\\327\\007k\\200\\001\\002\\003\\004\\005\\006\\007\\010\\011\\012\\013"}}`)
		challenge, err := hex.DecodeString("11d7076b80010203040506070809" + "0a0b")
		require.NoError(t, err)
		sum := md5.Sum(append(append([]byte{5}, c.Password...), challenge...))
		require.Equal(t, hex.EncodeToString(sum[:]), c.Response)
		// What the hotspot makes of it: identifier and response, and its challenge.
		answer := g.radclient(t, "auth", signed(named(c.UserName), device(deviceA), "CHAP-Password = 0x05"+c.Response, fmt.Sprintf("CHAP-Challenge = 0x%x", challenge)))
		require.Contains(t, answer, "Access-Accept")
		require.Contains(t, g.radclient(t, "auth", signed(named(c.UserName), device(deviceB), "CHAP-Password = 0x05"+c.Response, fmt.Sprintf("CHAP-Challenge = 0x%x", challenge))),
			"Access-Reject", "it was asked for for another device")
	})
	t.Run("CoovaChilli with uamsecret: the response is ready", func(t *testing.T) {
		const challenge = "00112233445566778899aabbccddeeff"
		c := p.credential(t, `{"uam": {"challenge": "`+challenge+`", "secret": "greatsecret"}}`)
		raw, err := hex.DecodeString(challenge)
		require.NoError(t, err)
		mixed := md5.Sum(append(raw, "greatsecret"...))
		// chilli sends identifier 0, the response of its logon URL and the mixed challenge.
		answer := g.radclient(t, "auth", signed(named(c.UserName), device(deviceA), "CHAP-Password = 0x00"+c.Response, fmt.Sprintf("CHAP-Challenge = 0x%x", mixed)))
		require.Contains(t, answer, "Access-Accept")
	})
	t.Run("what a portal may not", func(t *testing.T) {
		for path, method := range map[string]string{"/credentials": "GET", "/guests": "GET", "/tickets": "POST", "/sessions": "GET"} {
			status, _ := p.ask(t, method, path, `{}`)
			require.Equal(t, 403, status, path)
		}
		for _, body := range []string{`{"mac": "nonsense"}`, `{"valid_for": -1}`, `{"valid_for": 1}`, `{"until": "2001-01-01T00:00:00Z"}`, `{"devices": 1000}`, `{"unknown": 1}`, ``, `[]`,
			`{"chap": {"id": "", "challenge": "00"}}`, `{"chap": {"id": "\\9", "challenge": "00"}}`, `{"uam": {"challenge": "00"}}`, `{"login_within": 999999}`, `{"mac": "ff:ff:ff:ff:ff:ff"}`, `{"note": "a\nb"}`} {
			status, text := p.ask(t, "POST", "/credentials", body)
			require.Equal(t, 422, status, "%s: %s", body, text)
		}
	})
	t.Run("taken back", func(t *testing.T) {
		c := p.credential(t, `{}`)
		status, text := p.ask(t, "DELETE", "/credentials/"+c.UserName, "")
		require.Equal(t, 200, status, text)
		answer := g.radclient(t, "auth", signed(named(c.UserName), device(deviceA), papOf(c.Password)))
		require.Contains(t, answer, "was revoked")
	})
	t.Run("many at once", func(t *testing.T) {
		var wg sync.WaitGroup
		var mu sync.Mutex
		seen := map[string]bool{}
		for range 8 {
			wg.Go(func() {
				for range 10 {
					c := p.credential(t, `{}`)
					mu.Lock()
					seen[c.UserName] = true
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		require.Len(t, seen, 80)
	})
	t.Run("an open Location needs none", func(t *testing.T) {
		g.run(t, "location", "set", location, "--guests", "open")
		status, text := p.ask(t, "POST", "/credentials", `{}`)
		require.Equal(t, 409, status, text)
		require.Contains(t, text, "--guests local")
	})
}

// TestTicketsFromEndToEnd: codes typed in every way, validity from the first use, the
// first devices own it, and a kill -9 right after the Access-Accept forgets nothing.
func TestTicketsFromEndToEnd(t *testing.T) {
	t.Parallel()
	g := newVenue(t, site{guests: "local"})
	var made struct {
		Batch int64 `json:"batch"`
		List  []struct {
			Code string `json:"user_name"`
		} `json:"list"`
	}
	g.json(t, &made, "ticket", "create", "--location", location, "--count", "5", "--valid", "2h", "--devices", "2", "--down", "5M", "--prefix", "lobby", "--note", "fair")
	require.Len(t, made.List, 5)
	code := made.List[0].Code
	require.Regexp(t, `^LOBBY-[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}$`, code)
	bare := strings.ReplaceAll(code, "-", "")
	small := strings.ToLower(bare)
	alike := strings.NewReplacer("0", "o", "1", "l").Replace(small)

	show := func() (state struct {
		State      string
		UsedBy     []string `json:"used_by"`
		FirstUseAt string   `json:"first_use_at"`
		ExpiresAt  string   `json:"expires_at"`
	}) {
		g.json(t, &state, "ticket", "show", "--location", location, small)
		return state
	}
	require.Equal(t, "unused", show().State)
	require.Contains(t, g.radclient(t, "auth", signed(named(code), device(deviceA), papOf("something else"))), "Access-Reject")
	require.Equal(t, "unused", show().State, "a wrong password is no use")

	answer := g.radclient(t, "auth", signed(named(code), device(deviceA), papOf(code)))
	require.Contains(t, answer, "Access-Accept")
	require.Regexp(t, `Session-Timeout = (7200|719[0-9])\n`, answer)
	require.Contains(t, answer, "WISPr-Bandwidth-Max-Down = 5000000")
	before := show()
	g.crash(t)
	require.Equal(t, before, show(), "the first use and its device were durable before the Access-Accept left")
	require.Equal(t, "in-use", before.State)
	require.Equal(t, []string{"80:41:00:00:0a:01"}, before.UsedBy)

	for _, credentials := range [][]string{
		{named(code), papOf(code)}, {named(bare), papOf(code)}, {named(small), papOf(alike)}, {named(strings.ReplaceAll(code, "-", " ")), papOf(bare)},
		{named(small + "@hotelsol"), papOf(small)},
		{named(code), `User-Password = ""`}, // the code alone
		{named(code), fmt.Sprintf("CHAP-Password = %q", code)}, {named(small), fmt.Sprintf("CHAP-Password = %q", small)},
		{named(code), fmt.Sprintf("CHAP-Password = %q", small)}, {named(bare), fmt.Sprintf("CHAP-Password = %q", bare)},
	} {
		require.Contains(t, g.radclient(t, "auth", signed(append(credentials, device(deviceA))...)), "Access-Accept", "%v", credentials)
	}
	require.Contains(t, g.radclient(t, "auth", signed(named(code), device(deviceB), papOf(code))), "Access-Accept")
	answer = g.radclient(t, "auth", signed(named(code), device("80-41-00-00-0A-03"), papOf(code)))
	require.Contains(t, answer, "Access-Reject")
	require.Contains(t, answer, "in use by other devices")
	require.Equal(t, 1, g.metrics(t).value(t, `access_decisions_total{reason="credential-taken",result="reject"}`))
	require.Contains(t, g.radclient(t, "auth", signed(named(made.List[1].Code), papOf(made.List[1].Code))), "Access-Accept", "a NAS that names no device")

	g.run(t, "ticket", "revoke", "--location", location, bare)
	require.Contains(t, g.radclient(t, "auth", signed(named(code), device(deviceA), papOf(code))), "was revoked")
	g.restart(t)
	require.Contains(t, g.radclient(t, "auth", signed(named(code), device(deviceA), papOf(code))), "was revoked")
	g.run(t, "ticket", "batch", "revoke", "--location", location, fmt.Sprint(made.Batch))
	require.Contains(t, g.radclient(t, "auth", signed(named(made.List[2].Code), device(deviceA), papOf(made.List[2].Code))), "was revoked")
	var batches []map[string]any
	g.json(t, &batches, "ticket", "batch", "list", "--location", location)
	require.Equal(t, 5.0, batches[0]["revoked"])

	g.json(t, &made, "ticket", "create", "--location", location, "--count", "1", "--until", "2s")
	code = made.List[0].Code
	require.Eventually(t, func() bool {
		return strings.Contains(g.radclient(t, "auth", signed(named(code), device(deviceA), papOf(code))), "has expired")
	}, patience, 100*time.Millisecond)
}

// TestOnlySoManyDevices: of many devices that show a ticket at the same moment exactly as
// many are let in as it allows.
func TestOnlySoManyDevices(t *testing.T) {
	t.Parallel()
	g := newVenue(t, site{guests: "local"})
	var made struct {
		List []struct {
			Code string `json:"user_name"`
		} `json:"list"`
	}
	g.json(t, &made, "ticket", "create", "--location", location, "--count", "1", "--valid", "2h", "--devices", "3")
	code := made.List[0].Code
	accepted := make(chan bool, 12)
	var wg sync.WaitGroup
	for n := range cap(accepted) {
		wg.Go(func() {
			answer := g.radclient(t, "auth", signed(named(code), device(fmt.Sprintf("80-41-00-00-0B-%02x", n)), papOf(code)))
			accepted <- strings.Contains(answer, "Access-Accept")
		})
	}
	wg.Wait()
	close(accepted)
	n := 0
	for ok := range accepted {
		if ok {
			n++
		}
	}
	require.Equal(t, 3, n)
}
