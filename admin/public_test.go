package admin

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"tallygate/licensing"
)

// fetch asks the TCP listener.
func (s *testServer) fetch(t *testing.T, method, path string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.Addr()+path, nil)
	require.NoError(t, err)
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(text)
}

func TestHealth(t *testing.T) {
	var failing error
	s := serve(t, Options{Store: &fakeStore{}, Ready: func() error { return failing }})
	status, text := s.fetch(t, "GET", "/readyz")
	require.Equal(t, 200, status)
	require.Equal(t, "ready\n", text)

	failing = errors.New("the store cannot be written")
	status, text = s.fetch(t, "GET", "/readyz?probe=1")
	require.Equal(t, 503, status)
	require.Equal(t, "not ready: the store cannot be written\n", text)

	status, text = s.fetch(t, "GET", "/livez")
	require.Equal(t, 200, status, "a full disk is no reason to be restarted")
	require.Equal(t, "live\n", text)
}

func TestMetrics(t *testing.T) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(prometheus.NewGauge(prometheus.GaugeOpts{Name: "tallygate_test", Help: "x"}))
	s := serve(t, Options{Store: &fakeStore{}, Metrics: registry})
	status, text := s.fetch(t, "GET", "/metrics")
	require.Equal(t, 200, status)
	require.Contains(t, text, "tallygate_test 0")
}

// Without a token nothing that changes or shows anything of the store is reachable over TCP.
func TestAPIIsNotOnTCPWithoutAToken(t *testing.T) {
	store := &fakeStore{}
	s := serve(t, Options{Store: store})
	for _, route := range apiRoutes(Options{Store: store, Courier: fakeCourier{store}, Ender: fakeEnder{store}, Air: fakeAir{}}) {
		method, path, _ := strings.Cut(route.pattern, " ")
		status, _ := s.fetch(t, method, strings.NewReplacer("{", "", "}", "").Replace(path))
		require.Equal(t, 401, status, route.pattern)
	}
	require.Empty(t, store.called())
}

func TestTakenPort(t *testing.T) {
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = taken.Close() }()
	socket := filepath.Join(t.TempDir(), "admin.sock")
	_, err = Listen(Options{Socket: socket, Listen: taken.Addr().String(), Store: &fakeStore{}})
	var got *licensing.Error
	require.ErrorAs(t, err, &got)
	require.Contains(t, got.Message, "cannot listen on "+taken.Addr().String())
	require.Contains(t, got.Hint, "another program has the port")
	require.NoFileExists(t, socket, "what was bound before must be taken back")
}

// Close lets a request in hand finish, and cuts it off when its time is up.
func TestCloseWaits(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	s, err := Listen(Options{Socket: filepath.Join(t.TempDir(), "admin.sock"), Listen: "127.0.0.1:0", Store: &fakeStore{},
		Metrics: prometheus.NewRegistry(),
		Ready:   func() error { close(entered); <-release; return nil }})
	require.NoError(t, err)
	s.Serve()
	answer := make(chan int)
	ts := &testServer{Server: s}
	go func() {
		status, _ := ts.fetch(t, "GET", "/readyz")
		answer <- status
	}()
	<-entered
	closed := make(chan error)
	go func() { closed <- s.Close(context.Background()) }()
	close(release)
	require.Equal(t, 200, <-answer)
	require.NoError(t, <-closed)
}
