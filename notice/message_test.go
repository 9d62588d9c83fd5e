package notice

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"text/template/parse"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"tallygate/licensing"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2027, 2, 10, 12, 0, 0, 0, time.UTC)

// Every kind has words in every language, and they say what matters.
func TestEveryKindInEveryLanguage(t *testing.T) {
	for _, language := range licensing.Languages() {
		subjects := map[string]string{}
		for _, kind := range append(licensing.EventKinds(), licensing.EventTest) {
			m, err := Render(Sample(kind, language, "", nil, noon))
			require.NoError(t, err)
			require.NotContains(t, m.Text+m.HTML+m.Subject, "<no value>", kind)
			require.NotContains(t, m.Text+m.HTML+m.Subject, "{{", kind)
			require.NotContains(t, m.Subject, "\n")
			require.NotContains(t, strings.ToLower(m.Text), "licence", "DESIGN 2.1: license")
			require.NotNil(t, phrases[language].Lookup(kind+".subject"), "%s has no words of its own in %s", kind, language)
			require.NotNil(t, phrases[language].Lookup(kind+".text"), kind)
			require.Contains(t, m.HTML, `<html lang="`+string(language)+`">`)
			require.Contains(t, m.HTML, "<title>")
			if kind != licensing.EventTest {
				require.Contains(t, m.Text, "Hotel Sol")
				require.Contains(t, m.Text, "Sol Centro (28N2S004)")
			}
			subjects[m.Subject] = kind
			require.True(t, json.Valid(m.Webhook))
		}
		require.GreaterOrEqual(t, len(subjects), len(licensing.EventKinds())-2, "the first three of the ladder share a subject")
	}
}

// Both files have the same phrases: none is forgotten in one language.
func TestBothLanguagesHaveTheSamePhrases(t *testing.T) {
	names := func(l licensing.Language) map[string]bool {
		found := map[string]bool{}
		for _, p := range phrases[l].Templates() {
			if p.Tree != nil && !parse.IsEmptyTree(p.Root) {
				found[strings.TrimSuffix(p.Name(), "en.tmpl")] = true
			}
		}
		delete(found, "es.tmpl")
		delete(found, "")
		return found
	}
	require.Equal(t, names(licensing.LanguageEnglish), names(licensing.LanguageSpanish))
}

func TestWhatTheLadderSays(t *testing.T) {
	d := Sample(licensing.Event7Days, licensing.LanguageEnglish, "", nil, noon)
	m, err := Render(d)
	require.NoError(t, err)
	require.Equal(t, "License TG-XXXX-XXXX-XXXX ends on 17 February 2027", m.Subject)
	require.Contains(t, m.Text, "the cut-off is on 18 February 2027, 00:00 (Europe/Madrid)")
	require.Contains(t, m.Text, "ask your partner or distributor for a renewal")

	d.Recipient.Language = licensing.LanguageSpanish
	m, err = Render(d)
	require.NoError(t, err)
	require.Equal(t, "La licencia TG-XXXX-XXXX-XXXX termina el 17 de febrero de 2027", m.Subject)
	require.Contains(t, m.Text, "el corte es el 18 de febrero de 2027, 00:00 (Europe/Madrid)")

	// Where another license waits, nobody is sent to ask for one.
	d.Context.Next = "TG-NEXT"
	m, err = Render(d)
	require.NoError(t, err)
	require.Contains(t, m.Text, "La licencia TG-NEXT toma el relevo")
	require.NotContains(t, m.Text, "renovación a su partner")
}

func TestWhatADenialAndAProposalSay(t *testing.T) {
	m, err := Render(Sample(licensing.EventDeny, licensing.LanguageSpanish, "", nil, noon))
	require.NoError(t, err)
	require.Contains(t, m.Text, "Por: operador")
	require.Contains(t, m.Text, "Motivo: invoice 4711 unpaid")
	require.Contains(t, string(m.Webhook), `"by":"operator"`, "programs read the word itself")
	m, err = Render(Sample(licensing.EventProposed, licensing.LanguageEnglish, "", nil, noon))
	require.NoError(t, err)
	require.Contains(t, m.Text, "starts by itself on 12 February 2027, 13:00 (Europe/Madrid), as of 10 February 2027, 13:00 (Europe/Madrid)")
	require.Contains(t, m.Text, "tallygate license decline-start TG-XXXX-XXXX-XXXX --reason")
}

// Names that people have entered are text, never markup, headers or templates.
func TestNamesAreOnlyText(t *testing.T) {
	d := Sample(licensing.EventDeny, licensing.LanguageEnglish, "", nil, noon)
	d.Context.Organization = `<script>alert(1)</script> & Co {{.License}}`
	d.Context.Locations[0].Name = "Lobby\r\nBcc: x@y.example\r\n\r\n<b>"
	d.Event.License = "TG-1\r\nBcc: a@b.example"
	m, err := Render(d)
	require.NoError(t, err)
	require.NotContains(t, m.HTML, "<script>")
	require.Contains(t, m.HTML, "&lt;script&gt;alert(1)&lt;/script&gt; &amp; Co {{.License}}")
	require.NotContains(t, m.Subject, "\n")
	require.NotContains(t, m.Subject, "\r")
	require.NotContains(t, m.HTML, "<b>")
}

// An event that has no words yet is told by its name, not lost.
func TestAKindWithoutWords(t *testing.T) {
	d := Sample("license.transfer", licensing.LanguageSpanish, "", nil, noon)
	m, err := Render(d)
	require.NoError(t, err)
	require.Equal(t, "license.transfer: licencia TG-XXXX-XXXX-XXXX", m.Subject)
	d.Recipient.Language = "xx"
	m, err = Render(d)
	require.NoError(t, err)
	require.Equal(t, "license.transfer: license TG-XXXX-XXXX-XXXX", m.Subject)
}

func TestPayload(t *testing.T) {
	d := Sample(licensing.EventAP80, licensing.LanguageEnglish, "", nil, noon)
	body, err := payload(d)
	require.NoError(t, err)
	require.JSONEq(t, `{"type": "ap-limit.80", "timestamp": "2027-02-10T12:00:00Z", "data": {"license": "TG-XXXX-XXXX-XXXX",
		"organization": "Hotel Sol", "realm": "hotelsol", "locations": [{"id": "28N2S004", "name": "Sol Centro"}], "state": "In Use",
		"time_zone": "Europe/Madrid", "last_day": "2028-02-10", "ends_at": "2028-02-11T00:00:00+01:00", "limit": 20, "in_use": 16}}`, string(body))
}

// Golden files of one mail in each language: what a reader sees changes on purpose only.
// UPDATE=1 writes them anew.
func TestGoldenMails(t *testing.T) {
	for _, language := range licensing.Languages() {
		m, err := Render(Sample(licensing.Event1Day, language, "", nil, noon))
		require.NoError(t, err)
		for ending, got := range map[string]string{".txt": m.Text, ".html": m.HTML} {
			path := filepath.Join("testdata", "notice.1-day."+string(language)+ending)
			if os.Getenv("UPDATE") != "" {
				require.NoError(t, os.MkdirAll("testdata", 0o755))
				require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
			}
			want, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, string(want), got)
		}
	}
}
