package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// callAPI asks the API over TCP, with a token.
func (v *venue) callAPI(t *testing.T, client *http.Client, method, url, token, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader([]byte(body)))
	require.NoError(t, err)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := client.Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(text)
}

// token makes one.
func (v *venue) token(t *testing.T, args ...string) string {
	t.Helper()
	var made struct{ Token string }
	v.read(t, &made, append([]string{"token", "add"}, args...)...)
	return made.Token
}

// A token opens the API over TCP, as far as role and scope go, until it is revoked.
func TestTokens(t *testing.T) {
	v := newVenue(t)
	v.serve(t)
	v.furnish(t)
	base := "http://" + v.Admin
	require.Contains(t, v.do(t, "token", "list"), "there are no tokens")
	viewer := v.token(t, "watcher", "--role", "viewer", "--location", "28N2S004", "--expires", "90d")
	status, text := v.callAPI(t, http.DefaultClient, "GET", base+"/v1/locations", viewer, "")
	require.Equal(t, 200, status, text)
	require.Contains(t, text, "28N2S004")
	require.NotContains(t, text, "28N2S005")
	status, _ = v.callAPI(t, http.DefaultClient, "GET", base+"/v1/locations/28N2S005", viewer, "")
	require.Equal(t, 403, status)
	status, _ = v.callAPI(t, http.DefaultClient, "PATCH", base+"/v1/locations/28N2S004/settings", viewer, `{"guests":"local"}`)
	require.Equal(t, 403, status)
	status, _ = v.callAPI(t, http.DefaultClient, "GET", base+"/v1/locations", "", "")
	require.Equal(t, 401, status)

	operator := v.token(t, "console", "--role", "operator", "--organization", "hotelsol")
	status, text = v.callAPI(t, http.DefaultClient, "PATCH", base+"/v1/locations/28N2S004/settings", operator, `{"guests":"local"}`)
	require.Equal(t, 200, status, text)
	require.Contains(t, v.do(t, "audit", "list"), "token console")
	require.Regexp(t, `watcher\s+viewer\s+Location 28N2S004`, v.do(t, "token", "list"))

	v.do(t, "token", "revoke", "console")
	status, text = v.callAPI(t, http.DefaultClient, "GET", base+"/v1/locations", operator, "")
	require.Equal(t, 401, status)
	require.Contains(t, text, "revoked")

	require.Equal(t, exitUsage, v.command(t, "token", "add", "x").status, "without a role")
	require.Equal(t, exitUsage, v.command(t, "token", "add", "x", "--role", "god").status)
	require.Equal(t, exitUsage, v.command(t, "token", "add", "x", "--role", "owner", "--expires", "0d").status)
	require.Equal(t, exitFailed, v.command(t, "token", "add", "x", "--role", "owner", "--location", "28N2S099").status)
	require.Contains(t, v.do(t, "token", "add", "x", "--role", "owner", "--dry-run"), "rehearsal")
	require.NotContains(t, v.do(t, "token", "list"), "x  ")
}

// certify writes a certificate for 127.0.0.1 and its key.
func (v *venue) certify(t *testing.T, name string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	write := func(file, kind string, octets []byte) {
		path := filepath.Join(v.dir, file)
		require.NoError(t, os.WriteFile(path+".new", pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: octets}), 0o600))
		require.NoError(t, os.Rename(path+".new", path))
	}
	write("cert.pem", "CERTIFICATE", der)
	write("key.pem", "PRIVATE KEY", private)
	pool := x509.NewCertPool()
	leaf, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	pool.AddCert(leaf)
	return pool
}

// The listener serves HTTPS with a certificate that SIGHUP replaces; a broken one
// replaces nothing.
func TestTLS(t *testing.T) {
	v := newVenue(t)
	first := v.certify(t, "first")
	text, err := os.ReadFile(filepath.Join(v.dir, "tallygate.yaml"))
	require.NoError(t, err)
	text = bytes.Replace(text, []byte(`listen: "127.0.0.1:0"}`), []byte(`listen: "127.0.0.1:0", tls: {certificate: cert.pem, key: key.pem}}`), 1)
	require.NoError(t, os.WriteFile(filepath.Join(v.dir, "tallygate.yaml"), text, 0o600))
	v.serve(t)
	trusting := func(pool *x509.CertPool) *http.Client {
		return &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}}
	}
	token := v.token(t, "root", "--role", "owner")
	status, _ := v.callAPI(t, trusting(first), "GET", "https://"+v.Admin+"/v1/gateway", token, "")
	require.Equal(t, 200, status)
	status, _ = v.callAPI(t, trusting(first), "GET", "https://"+v.Admin+"/readyz", "", "")
	require.Equal(t, 200, status)

	second := v.certify(t, "second")
	require.NoError(t, v.gateway.Process.Signal(syscall.SIGHUP))
	v.awaitLog(t, "configuration re-read")
	status, _ = v.callAPI(t, trusting(second), "GET", "https://"+v.Admin+"/v1/gateway", token, "")
	require.Equal(t, 200, status)

	require.NoError(t, os.WriteFile(filepath.Join(v.dir, "cert.pem"), []byte("nothing"), 0o600))
	require.NoError(t, v.gateway.Process.Signal(syscall.SIGHUP))
	v.awaitLog(t, "certificate not re-read")
	status, _ = v.callAPI(t, trusting(second), "GET", "https://"+v.Admin+"/v1/gateway", token, "")
	require.Equal(t, 200, status)
	require.NoError(t, v.stop(t, syscall.SIGTERM))

	r := v.command(t, "serve")
	require.Equal(t, exitFailed, r.status)
	require.Contains(t, r.err, "admin.tls.certificate", fmt.Sprint("a start with a broken certificate says what to do: ", r.err))
}
