package licensing

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func receipt(gateway string) Receipt {
	at := time.Date(2026, 11, 22, 12, 0, 0, 123456000, time.FixedZone("CET", 3600))
	return Receipt{Number: "TG-1", StartsAt: at, RecordedAt: at, Threshold: 1, Rule: "The <first> & only.", Location: "28N2S004",
		Sightings: []ReceiptSighting{{At: at, Device: "dev-1", AP: "lobby", SessionID: "s1"}}, AuditHead: "ff", GatewayKey: gateway, StartPolicy: StartFifthDevice}
}

// The text that is hashed stands here in full: whoever recomputes it elsewhere must
// get the same.
func TestReceiptHash(t *testing.T) {
	const text = `{"audit_head":"ff","gateway":"k4","location":"28N2S004","number":"TG-1","recorded_at":"2026-11-22T11:00:00.123456Z",` +
		`"rule":"The <first> & only.","sightings":[{"ap":"lobby","at":"2026-11-22T11:00:00.123456Z","device":"dev-1","session_id":"s1"}],` +
		`"start_policy":"fifth-device","starts_at":"2026-11-22T11:00:00.123456Z","threshold":1}`
	sum := sha256.Sum256([]byte(text))
	hash, err := receipt("k4").Hash()
	require.NoError(t, err)
	require.Equal(t, hex.EncodeToString(sum[:]), hash)

	// By way of a file it is the same.
	file, err := json.MarshalIndent(receipt("k4"), "", "   ")
	require.NoError(t, err)
	var read Receipt
	require.NoError(t, json.Unmarshal(file, &read))
	again, err := read.Hash()
	require.NoError(t, err)
	require.Equal(t, hash, again)

	for name, alter := range map[string]func(*Receipt){
		"start": func(r *Receipt) { r.StartsAt = r.StartsAt.Add(time.Microsecond) }, "device": func(r *Receipt) { r.Sightings[0].Device = "dev-2" },
		"rule": func(r *Receipt) { r.Rule = "" }, "number": func(r *Receipt) { r.Number = "TG-2" }, "head": func(r *Receipt) { r.AuditHead = "fe" },
	} {
		other := receipt("k4")
		alter(&other)
		differs, err := other.Hash()
		require.NoError(t, err)
		require.NotEqual(t, hash, differs, name)
	}
}

func evidenceOf(t *testing.T, k IssuerKey) Evidence {
	t.Helper()
	e := Evidence{Receipt: receipt(k.Public())}
	var err error
	e.Hash, err = e.Receipt.Hash()
	require.NoError(t, err)
	e.Signed, err = k.SignReceipt(e.Receipt)
	require.NoError(t, err)
	return e
}

func TestEvidence(t *testing.T) {
	gateway, other := NewIssuerKey(), NewIssuerKey()
	good := evidenceOf(t, gateway)
	require.Equal(t, EvidenceReport{OK: true, Number: "TG-1", StartsAt: good.Receipt.StartsAt, Hash: good.Hash, Gateway: gateway.Public(), Problems: []string{}},
		good.Check(gateway.Public()))
	require.True(t, good.Check("").OK, "by whomever it is")

	forged := evidenceOf(t, other)
	forged.Receipt.GatewayKey = gateway.Public()
	signedForOther := Evidence{Receipt: receipt(gateway.Public())}
	signedForOther.Hash, _ = signedForOther.Receipt.Hash()
	signedForOther.Signed, _ = other.SignReceipt(signedForOther.Receipt)
	for name, c := range map[string]struct {
		of   Evidence
		want string
	}{
		"altered":           {func() Evidence { e := good; e.Receipt.StartsAt = e.Receipt.StartsAt.AddDate(0, 0, 1); return e }(), "something else than the gateway has signed"},
		"hash":              {func() Evidence { e := good; e.Hash = strings.Repeat("0", 64); return e }(), "not its own"},
		"signature altered": {func() Evidence { e := good; e.Signed = e.Signed[:60] + "AAAA" + e.Signed[64:]; return e }(), "signature does not fit"},
		"no signature":      {func() Evidence { e := good; e.Signed = ""; return e }(), "signature does not fit"},
		"another gateway":   {evidenceOf(t, other), "another gateway has signed it"},
		"made up":           {signedForOther, "names another gateway than has signed it"},
		"forged":            {forged, "something else"},
	} {
		report := c.of.Check(gateway.Public())
		require.False(t, report.OK, name)
		require.Contains(t, strings.Join(report.Problems, "\n"), c.want, name)
	}
}

func TestASignedReceiptIsNothingElse(t *testing.T) {
	k := NewIssuerKey()
	e := evidenceOf(t, k)
	_, err := VerifyGrant(e.Signed, []string{k.Public()})
	require.Equal(t, CodeInvalid, CodeOf(err))
	_, err = VerifyOrder(e.Signed, []string{k.Public()})
	require.Equal(t, CodeInvalid, CodeOf(err))
	grant, err := k.SignGrant(Terms{GrantID: NewGrantID(), Organization: "Hotel Sol", Realm: "hotelsol", Term: Term{Years: 1}, Threshold: 5, Start: StartFifthDevice})
	require.NoError(t, err)
	_, _, err = VerifyReceipt(grant)
	require.Equal(t, CodeInvalid, CodeOf(err))
}
