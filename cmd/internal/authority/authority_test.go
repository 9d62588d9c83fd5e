package authority

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What it makes works on both ends of a TLS connection, and only there where it belongs.
func TestCertificatesWork(t *testing.T) {
	dir, now := filepath.Join(t.TempDir(), "radsec"), time.Now()
	_, err := Init(dir, "gateway.example", now, false, true)
	require.NoError(t, err)
	require.NoDirExists(t, dir, "a dry run")
	server, err := Init(dir, "gateway.example", now, false, false)
	require.NoError(t, err)
	client, err := Client(dir, "ap1.example", now, false, false)
	require.NoError(t, err)
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, files, 6)
	for _, f := range files {
		info, err := f.Info()
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode(), f.Name())
	}

	pool := x509.NewCertPool()
	text, err := os.ReadFile(server.CA)
	require.NoError(t, err)
	require.True(t, pool.AppendCertsFromPEM(text))
	load := func(m Made) tls.Certificate {
		pair, err := tls.LoadX509KeyPair(m.Certificate, m.Key)
		require.NoError(t, err)
		return pair
	}
	meet := func(server, client Made, name string) (serverErr, clientErr error) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer func() { _ = l.Close() }()
		b, err := net.Dial("tcp", l.Addr().String())
		require.NoError(t, err)
		a, err := l.Accept()
		require.NoError(t, err)
		defer func() { _, _ = a.Close(), b.Close() }()
		config := &tls.Config{Certificates: []tls.Certificate{load(server)}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool, MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12}
		done := make(chan error, 1)
		go func() {
			err := tls.Server(a, config).Handshake()
			if err != nil {
				_ = a.Close()
			}
			done <- err
		}()
		clientErr = tls.Client(b, &tls.Config{Certificates: []tls.Certificate{load(client)}, RootCAs: pool, ServerName: name, MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12}).Handshake()
		if clientErr != nil {
			_ = b.Close()
		}
		return <-done, clientErr
	}
	serverErr, clientErr := meet(server, client, "gateway.example")
	require.NoError(t, serverErr)
	require.NoError(t, clientErr)
	_, clientErr = meet(server, client, "another.example")
	require.Error(t, clientErr)
	serverErr, _ = meet(server, server, "gateway.example")
	require.ErrorContains(t, serverErr, "incompatible key usage", "the gateway's certificate is no client's")

	_, err = Init(dir, "gateway.example", now, false, false)
	require.ErrorContains(t, err, "holds an authority already")
	renewed, err := Init(dir, "10.20.0.2", now, true, false)
	require.NoError(t, err)
	require.NotEqual(t, server.SHA256, renewed.SHA256)
	serverErr, clientErr = meet(renewed, client, "10.20.0.2")
	require.NoError(t, serverErr)
	require.NoError(t, clientErr)
	_, err = Client(dir, "ap1.example", now, false, false)
	require.ErrorContains(t, err, "already")
	_, err = Client(dir, "ap1.example", now, true, false)
	require.NoError(t, err)
}

func TestNames(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"", "a b", "../x", "a/b", "-a", "a..b", "$(x)", "fe80::1%eth0", "*.example"} {
		_, err := Init(dir, name, time.Now(), false, true)
		require.Error(t, err, name)
	}
	for _, name := range []string{"gateway", "ap-1.lobby.example", "10.0.0.1", "2001:db8::1"} {
		_, err := Init(dir, name, time.Now(), false, true)
		require.NoError(t, err, name)
	}
	_, err := Client(dir, "ap1.example", time.Now(), false, false)
	require.ErrorContains(t, err, "there is no authority")
}
