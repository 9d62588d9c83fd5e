package admin

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// A list arrives while the store still reads it: neither side holds it all.
func TestListsAreStreamed(t *testing.T) {
	const rows = 5000 // several buffers
	arrived := make(chan struct{})
	store := &fakeStore{devices: func(each func(macwatch.DeviceInfo) error) error {
		for i := range rows {
			if i == rows-1 {
				<-arrived // the first row must reach the client before the last one is read
			}
			if err := each(macwatch.DeviceInfo{MAC: macwatch.MAC(i + 1)}); err != nil {
				return err
			}
		}
		return nil
	}}
	s := serve(t, Options{Store: store})
	n := 0
	err := s.client.Devices(context.Background(), "L1", func(d macwatch.DeviceInfo) error {
		if n == 0 {
			close(arrived)
		}
		n++
		require.Equal(t, macwatch.MAC(n), d.MAC)
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, rows, n)
}

func TestEmptyListIsAnArray(t *testing.T) {
	s := serve(t, Options{Store: &fakeStore{}})
	all, err := s.client.Organizations(context.Background())
	require.NoError(t, err)
	require.NotNil(t, all)
	require.Empty(t, all)
}

// A fault before anything was sent is a problem like any other; one after that breaks the
// answer off, so that nobody takes part of a list for all of it.
func TestFaultInAList(t *testing.T) {
	fault := licensing.Errorf(licensing.CodeUnavailable, "the store cannot be read")
	for _, tt := range []struct {
		name  string
		after int
		want  string
	}{
		{"before the first row", 0, "the store cannot be read"},
		{"within the first buffer", 10, "the store cannot be read"},
		{"after rows were sent", 5000, "broke off"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			core, logs := observer.New(zap.WarnLevel)
			store := &fakeStore{devices: func(each func(macwatch.DeviceInfo) error) error {
				for i := range tt.after {
					if err := each(macwatch.DeviceInfo{MAC: macwatch.MAC(i + 1)}); err != nil {
						return err
					}
				}
				return fault
			}}
			s := serve(t, Options{Store: store, Log: zap.New(core)})
			err := s.client.Devices(context.Background(), "L1", func(macwatch.DeviceInfo) error { return nil })
			require.ErrorContains(t, err, tt.want)
			require.Equal(t, tt.want == "broke off", logs.FilterMessage("admin answer broken off").Len() == 1)
		})
	}
}

// The caller's own error ends the reading and comes back as it is.
func TestCallerStopsReading(t *testing.T) {
	store := &fakeStore{devices: func(each func(macwatch.DeviceInfo) error) error {
		for i := range 100 {
			if err := each(macwatch.DeviceInfo{MAC: macwatch.MAC(i + 1)}); err != nil {
				return err
			}
		}
		return nil
	}}
	s := serve(t, Options{Store: store})
	enough := errors.New("enough")
	require.ErrorIs(t, s.client.Devices(context.Background(), "L1", func(macwatch.DeviceInfo) error { return enough }), enough)
}

// A list that is cut off between two rows is not taken for whole either.
func TestListCutOffBetweenRows(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "admin.sock")
	l, err := new(net.ListenConfig).Listen(t.Context(), "unix", socket)
	require.NoError(t, err)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "[\n{\"session_id\":\"a\"}")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}))
	server.Listener = l
	server.Start()
	defer server.Close()
	c := NewClient(socket)
	defer c.Close()
	rows := 0
	err = c.Sessions(context.Background(), macwatch.SessionFilter{Location: "L1"}, func(macwatch.SessionInfo) error { rows++; return nil })
	require.ErrorContains(t, err, "broke off")
	require.Equal(t, 1, rows)
}
