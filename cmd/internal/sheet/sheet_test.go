package sheet

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tallygate/licensing"
)

// signed makes the sheet's data of terms, with a real key.
func signed(t *testing.T, terms licensing.Terms, location licensing.RequestLocation) LicenseData {
	t.Helper()
	issuer := licensing.NewIssuerKey()
	terms.GrantID, terms.Issuer = licensing.NewGrantID(), issuer.Public()
	terms.IssuedAt = time.Date(2026, time.November, 22, 23, 30, 0, 0, time.UTC)
	key, err := issuer.SignGrant(terms)
	require.NoError(t, err)
	data := LicenseData{Terms: terms, Location: location, Key: key}
	for i := range max(terms.Quantity, 1) {
		data.Numbers = append(data.Numbers, licensing.LicenseNumber(terms.GrantID, i))
	}
	return data
}

func hotel() licensing.Terms {
	return licensing.Terms{
		Organization: "Hotel Sol, S.A.", Realm: "hotelsol", Location: "28N2S004", Gateway: licensing.NewIssuerKey().Public(),
		Term: licensing.Term{Years: 3}, APs: 20, Rooms: 150, Modules: []string{"guest", "business"}, Threshold: 5,
		Start: licensing.StartFifthDevice, Distributor: "Distribuciones Peñalver", Partner: "Redes del Sur", Payment: licensing.PaymentAnnual,
		ActivateBy: licensing.Date{Year: 2027, Month: 1, Day: 31},
	}
}

func centro() licensing.RequestLocation {
	return licensing.RequestLocation{ID: "28N2S004", Name: "Sol Centro", Sector: "hospitality", TimeZone: "Europe/Madrid"}
}

// tool runs a program that somebody else wrote: it is the judge.
func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	require.NoError(t, cmd.Run(), "%s %v: %s (.ci/peers installs it)", name, args, complaint.String())
	return out.String()
}

// printed is what the tools of poppler and zbar see on a sheet.
type printed struct{ text, code, fonts, info string }

func (p printed) flat() string { return strings.Join(strings.Fields(p.text), " ") }

func inspect(t *testing.T, pdf []byte) printed {
	t.Helper()
	dir := t.TempDir()
	file, image := filepath.Join(dir, "sheet.pdf"), filepath.Join(dir, "sheet")
	require.NoError(t, os.WriteFile(file, pdf, 0o600))
	tool(t, "pdftoppm", "-r", "200", "-gray", "-singlefile", file, image)
	return printed{
		text:  tool(t, "pdftotext", "-layout", file, "-"),
		code:  image + ".pgm",
		fonts: tool(t, "pdffonts", file),
		info:  tool(t, "pdfinfo", file),
	}
}

// scan reads the QR code from the rendered page, as a telephone would.
func (p printed) scan(t *testing.T) string {
	t.Helper()
	return strings.TrimSuffix(tool(t, "zbarimg", "--nodbus", "--quiet", "--raw", p.code), "\n")
}

// onePage checks what holds for every sheet: one A4 page, every font embedded, no box
// where a letter is missing.
func (p printed) onePage(t *testing.T) {
	t.Helper()
	require.Regexp(t, `(?m)^Pages:\s+1$`, p.info)
	require.Regexp(t, `(?m)^Page size:.*\(A4\)$`, p.info)
	rows := strings.Split(strings.TrimSpace(p.fonts), "\n")[2:]
	require.NotEmpty(t, rows)
	for _, row := range rows {
		require.Regexp(t, `TrueType\s+Identity-H\s+yes`, row, "embedded")
	}
	require.NotContains(t, p.text, "\ufffd")
}

func TestLicense(t *testing.T) {
	organization := hotel()
	organization.Location, organization.Gateway, organization.Distributor, organization.Partner, organization.Payment = "", "", "", "", ""
	organization.APs, organization.Rooms, organization.Modules = licensing.Unlimited, licensing.Unlimited, nil
	pool := organization
	pool.Quantity = 100
	few := organization
	few.Quantity = 4
	names := hotel()
	names.Organization = "Ñandú & Søn – Übernachtung für 5 €, Đà Nẵng, Łódź, İstanbul"
	names.Distributor, names.Partner = "Ξενοδοχείο Ἀθῆναι", "Гостиница «Їжак»"
	decomposed := hotel()
	decomposed.Organization = "N\u0303andu\u0301"
	foreign := hotel()
	foreign.Organization, foreign.Partner = "東京ホテル", "فندق"
	monthly := hotel()
	monthly.Payment, monthly.ConfirmEvery, monthly.ConfirmStart = licensing.PaymentMonthly, 31, 24*time.Hour
	trial := hotel()
	trial.Trial, trial.Term = true, licensing.TrialTerm
	late := hotel()
	late.Renews, late.Start = licensing.LicenseNumber(licensing.NewGrantID(), 0), licensing.StartOnProvision
	dated := hotel()
	dated.Start, dated.StartDate = licensing.StartFixedDate, licensing.Date{Year: 2027, Month: 3, Day: 1}

	tests := map[string]struct {
		terms    licensing.Terms
		location licensing.RequestLocation
		lang     string
		has      []string
	}{
		"English": {hotel(), centro(), "en", []string{
			"LICENSE FOR ONE LOCATION", "Sol Centro", "Hotel Sol, S.A. · realm hotelsol", "Issued by", "Distribuciones Peñalver",
			"28N2S004", "hospitality", "Europe/Madrid", "Redes del Sur", "3 years", "at guest device no. 5", "Access points 20", "Rooms 150",
			"guest, business", "annual", "22 November 2026", "31 January 2027", "license activate @FILE --location 28N2S004",
		}},
		"Spanish": {hotel(), centro(), "es", []string{
			"LICENCIA PARA UNA UBICACIÓN", "Emitida por", "hostelería", "3 años", "con el dispositivo n.º 5", "Puntos de acceso 20",
			"Habitaciones 150", "22 de noviembre de 2026", "31 de enero de 2027", "CLAVE DE ACTIVACIÓN",
		}},
		"an Organization": {organization, licensing.RequestLocation{}, "en", []string{
			"LICENSE FOR THE LOCATIONS OF AN ORGANIZATION", "Hotel Sol, S.A.", "Any Location of the Organization", "not limited", "none", "any gateway of the venue",
		}},
		"four":           {few, licensing.RequestLocation{}, "en", []string{"POOL OF 4 LICENSES"}},
		"a hundred":      {pool, licensing.RequestLocation{}, "es", []string{"LOTE DE 100 LICENCIAS", "y 85 más, hasta"}},
		"all of Europe":  {names, centro(), "en", []string{names.Organization, names.Distributor, names.Partner}},
		"decomposed":     {decomposed, centro(), "en", []string{"Ñandú"}},
		"other scripts":  {foreign, centro(), "en", []string{"[U+6771 U+4EAC U+30DB U+30C6 U+30EB]", "[U+0641 U+0646 U+062F U+0642]", "stand in brackets as Unicode numbers"}},
		"monthly":        {monthly, centro(), "en", []string{"monthly, confirmed every 31 days", "proposed to the operator for 24 h"}},
		"trial":          {trial, centro(), "es", []string{"LICENCIA DE PRUEBA", "3 meses"}},
		"a late renewal": {late, centro(), "en", []string{"RENEWAL THAT FOLLOWS " + late.Renews, "when it is given to a Location"}},
		"a fixed date":   {dated, centro(), "en", []string{"on 1 March 2027"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := signed(t, tt.terms, tt.location)
			var pdf bytes.Buffer
			require.NoError(t, License(&pdf, data, tt.lang))
			p := inspect(t, pdf.Bytes())
			p.onePage(t)
			require.Equal(t, data.Key, p.scan(t), "the code holds the exact key")
			require.Contains(t, strings.Join(strings.Fields(p.text), ""), data.Key, "the key stands there whole, to be copied")
			for _, number := range data.Numbers[:min(len(data.Numbers), 15)] {
				require.Contains(t, p.text, number)
			}
			require.Contains(t, p.text, data.Terms.GrantID)
			for _, text := range tt.has {
				// Columns stand side by side: words of one line are looked for one by one.
				for _, word := range strings.Fields(text) {
					require.Contains(t, p.text, word, text)
				}
			}

			if tt.lang != "es" {
				return
			}
			var again bytes.Buffer
			require.NoError(t, License(&again, data, tt.lang))
			require.True(t, bytes.Equal(pdf.Bytes(), again.Bytes()), "the same data make the same octets")
		})
	}
}

// The longest key that a QR code can hold still fits, and still scans, beside names of
// the greatest length; one octet more is refused.
func TestLongestKey(t *testing.T) {
	terms := hotel()
	terms.Organization = strings.TrimSpace(strings.Repeat("Übernachtungen Ñ ", 10))
	terms.Distributor, terms.Partner = strings.TrimSpace(strings.Repeat("Ξενοδοχείο ", 9)), strings.TrimSpace(strings.Repeat("Гостиница ", 10))
	terms.ConfirmEvery, terms.ConfirmStart, terms.LatestEnd = 31, time.Hour, licensing.Date{Year: 2031, Month: 9, Day: 30}
	location := centro()
	location.Name = strings.Repeat("Khách sạn ", 15)
	data := signed(t, terms, location)
	for len(data.Key) < maxCode {
		data.Terms.Modules = append(data.Terms.Modules, "a-module-with-a-name")
		data.Key += data.Key
	}
	data.Key = data.Key[:maxCode]
	for _, lang := range Languages() {
		var pdf bytes.Buffer
		require.NoError(t, License(&pdf, data, lang))
		p := inspect(t, pdf.Bytes())
		p.onePage(t)
		require.Equal(t, data.Key, p.scan(t))
		require.Contains(t, strings.Join(strings.Fields(p.text), ""), data.Key)
	}
	data.Key += "x"
	var pdf bytes.Buffer
	err := License(&pdf, data, "en")
	require.Equal(t, licensing.CodeInvalid, licensing.CodeOf(err))
	require.ErrorContains(t, err, "2954 characters")
	require.Zero(t, pdf.Len(), "nothing is written of a sheet that failed")
}

func TestUnknownLanguage(t *testing.T) {
	var pdf bytes.Buffer
	err := License(&pdf, signed(t, hotel(), centro()), "fr")
	require.Equal(t, licensing.CodeInvalid, licensing.CodeOf(err))
	require.Error(t, Receipt(&pdf, ReceiptData{}, "fr"))
	require.Zero(t, pdf.Len())
}

func TestReceipt(t *testing.T) {
	zone, err := licensing.LoadZone("Europe/Madrid")
	require.NoError(t, err)
	at := time.Date(2026, time.November, 22, 23, 15, 23, 0, time.UTC)
	receipt := licensing.Receipt{
		Number: "TG-EJKD-MEBK-FP34", StartsAt: at, RecordedAt: at.Add(2500 * time.Millisecond), Threshold: 5,
		Rule: "the fifth distinct device", Location: "28N2S004", AuditHead: strings.Repeat("0f9e", 16), GatewayKey: licensing.NewIssuerKey().Public(),
	}
	for i, ap := range []string{"00:17:0f:20:18:40", "Lobby – Ñ", "東", "", strings.Repeat("long", 20)} {
		receipt.Sightings = append(receipt.Sightings, licensing.ReceiptSighting{
			At: at.Add(time.Duration(i-4) * time.Minute), Device: "dev-0123456789abcde" + string(rune('0'+i)), AP: ap, SessionID: "5F3A-" + string(rune('A'+i)),
		})
	}
	hash, err := receipt.Hash()
	require.NoError(t, err)
	data := ReceiptData{Receipt: receipt, Hash: hash, Organization: "Hotel Sol", LocationName: "Peñón", Zone: zone}
	for lang, has := range map[string][]string{
		"en": {"START RECEIPT", "23 November 2026, 00:15:23 CET (+01:00)", "First seen", "Devices needed"},
		"es": {"RECIBO DE INICIO", "23 de noviembre de 2026, 00:15:23 CET (+01:00)", "Visto por primera vez", "Dispositivos necesarios"},
	} {
		var pdf, again bytes.Buffer
		require.NoError(t, Receipt(&pdf, data, lang))
		require.NoError(t, Receipt(&again, data, lang))
		require.True(t, bytes.Equal(pdf.Bytes(), again.Bytes()))
		p := inspect(t, pdf.Bytes())
		p.onePage(t)
		for _, text := range append(has, "Peñón", "Hotel Sol", "28N2S004", receipt.Number, receipt.Rule, "00:15:25.5 CET", receipt.AuditHead,
			receipt.GatewayKey, hash, "2026-11-23 00:11:23 +01:00", "[U+6771]", "Lobby – Ñ") {
			require.Contains(t, p.flat(), text)
		}
		for _, s := range receipt.Sightings {
			require.Contains(t, p.text, s.Device)
			require.Contains(t, p.text, s.SessionID)
		}
	}

	// A license may need more devices than a page has room for.
	for range 60 {
		data.Receipt.Sightings = append(data.Receipt.Sightings, receipt.Sightings[4])
	}
	data.Zone, data.LocationName = nil, ""
	var pdf bytes.Buffer
	require.NoError(t, Receipt(&pdf, data, ""))
	p := inspect(t, pdf.Bytes())
	p.onePage(t)
	require.Regexp(t, `and \d+ more`, p.text)
	require.Contains(t, p.text, "22 November 2026, 23:15:23 UTC")
	require.Contains(t, p.text, receipt.AuditHead)
}
