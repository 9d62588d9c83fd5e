package licensing

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const aGateway = "k4.public.Hrnbu7wEfAP9cGBOAHHwmH4Wsot1ciXBHwBBXQ4gsaI"

func aRequest() Request {
	r := NewRequest(Location{
		Code: "28N2S004", Name: "Peñón & Sol", Organization: "Hotel Sol", Realm: "hotelsol", Sector: "hospitality",
		Settings: Settings{Timezone: "Europe/Madrid"},
	}, aGateway, time.Date(2026, time.November, 22, 10, 0, 0, 999, time.UTC))
	r.Term, r.APs, r.Modules = Term{Years: 3}, 20, []string{"guest", "spa"}
	r.Partner, r.Distributor, r.Payment = "Redes del Sur", "Peñalver", PaymentAnnual
	return r
}

// What a request holds survives its file, also one that an editor has touched.
func TestRequestFile(t *testing.T) {
	want := aRequest()
	text := string(want.Text())
	for _, file := range []string{text, "\ufeff" + text, strings.ReplaceAll(text, "\n", "\r\n"), "\n\n" + text + "\n"} {
		got, err := ReadRequest([]byte(file))
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	require.True(t, strings.HasPrefix(text, "{\n  \"format\": \"tallygate license request\",\n  \"version\": 1,\n"), "it says first what it is")
	require.Contains(t, text, `"name": "Peñón & Sol"`)
	require.Contains(t, text, `"rooms": null`)

	// Limits that somebody deleted are not limits of none.
	short := strings.Replace(strings.Replace(text, "  \"aps\": 20,\n", "", 1), "  \"quantity\": 1,\n", "", 1)
	got, err := ReadRequest([]byte(short))
	require.NoError(t, err)
	require.Equal(t, Unlimited, got.APs)
	require.Equal(t, 1, got.Quantity)
}

func TestForeignRequests(t *testing.T) {
	good := string(aRequest().Text())
	key, err := NewIssuerKey().SignGrant(testTerms())
	require.NoError(t, err)
	for _, tt := range []struct{ text, message, hint string }{
		{"", "the license request is empty", "license request"},
		{" \n", "the license request is empty", "license request"},
		{key, "this is a signed key, not a license request", "license activate"},
		{"%PDF-1.3", "this is no license request: line 1", "license request"},
		{"{\n\"format\":\n oops}", "this is no license request: line 3", "license request"},
		{"[]", "it does not begin with", "license request"},
		{`{"format": "invoice"}`, "it does not begin with", "license request"},
		{strings.Replace(good, `"version": 1`, `"version": 2`, 1), "has version 2, and this program knows version 1", "update"},
		{strings.Replace(good, `"partner"`, `"partnr"`, 1), `unknown field "partnr"`, "correct the field"},
		{strings.Replace(good, `"aps": 20`, `"aps": -3`, 1), "a limit is a number from 0 up", "correct the field"},
		{strings.Replace(good, `"aps": 20`, `"aps": "many"`, 1), "not understood", "correct the field"},
		{good + good, "after top-level value", "license request"},
		{good + strings.Repeat(" x", RequestMax/2), "longer than 65536 octets", "license request"},
		{good[:len(good)/2], "this is no license request: line", "license request"},
	} {
		_, err := ReadRequest([]byte(tt.text))
		var e *Error
		require.ErrorAs(t, err, &e, "%.80s", tt.text)
		require.Equal(t, CodeInvalid, e.Code)
		require.Contains(t, e.Message, tt.message)
		require.Contains(t, e.Hint, tt.hint)
	}
}

func TestRequestValidate(t *testing.T) {
	require.NoError(t, aRequest().Validate())
	for message, spoil := range map[string]func(*Request){
		"a quantity of 0 licenses":           func(r *Request) { r.Quantity = 0 },
		"a pool of 1001 licenses":            func(r *Request) { r.Quantity = 1001 },
		"is not a Location id":               func(r *Request) { r.Location.ID = "madrid" },
		"the Location needs a name":          func(r *Request) { r.Location.Name = " " },
		`sector "Hotels" is not one word`:    func(r *Request) { r.Location.Sector = "Hotels" },
		`time zone "Europe/Atlantis"`:        func(r *Request) { r.Location.TimeZone = "Europe/Atlantis" },
		"the Organization needs a name":      func(r *Request) { r.Organization.Name = "" },
		`realm "x" is not`:                   func(r *Request) { r.Organization.Realm = "x" },
		"the name of the partner":            func(r *Request) { r.Partner = strings.Repeat("x", 201) },
		"the name of the distributor":        func(r *Request) { r.Distributor = "a\nb" },
		`payment "weekly" is not known`:      func(r *Request) { r.Payment = "weekly" },
		"exactly one term":                   func(r *Request) { r.Term = Term{} },
		`module "spa"`:                       func(r *Request) { r.Modules = append(r.Modules, "spa") },
		`"gateway-1" is not a gateway's key`: func(r *Request) { r.Gateway = "gateway-1" },
		"is not a gateway's key":             func(r *Request) { r.Gateway = aGateway + "\n" },
	} {
		r := aRequest()
		spoil(&r)
		err := r.Validate()
		require.ErrorContains(t, err, message)
		require.Equal(t, CodeInvalid, CodeOf(err))
		var e *Error
		require.ErrorAs(t, err, &e)
		require.NotEmpty(t, e.Hint)
	}
}

// Whatever stands in a file, reading it ends, and what is taken is valid.
func FuzzReadRequest(f *testing.F) {
	f.Add(aRequest().Text())
	f.Add([]byte(`{"format":"tallygate license request","version":1,"aps":null,"modules":[""]}`))
	f.Add([]byte("v4.public."))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := ReadRequest(text)
		if err != nil {
			if CodeOf(err) != CodeInvalid {
				t.Fatal(err)
			}
			return
		}
		again, err := ReadRequest(r.Text())
		if err != nil {
			t.Fatal(err)
		}
		want, _ := json.Marshal(r)
		got, _ := json.Marshal(again)
		if string(want) != string(got) {
			t.Fatalf("%s became %s", want, got)
		}
	})
}
