package admin

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"tallygate/licensing"
)

// RFC 9457: the one place where errors become HTTP.
func TestProblems(t *testing.T) {
	refused := licensing.Errorf(licensing.CodeRefused, "the key is forged").WithHint("ask the distributor")
	internal := problem{Type: "about:blank", Title: "Internal Server Error", Status: 500,
		Detail: "the gateway failed on this request", Hint: "the gateway's log says more"}
	tests := []struct {
		name   string
		err    error
		want   problem
		logged bool
	}{
		{"invalid", licensing.Errorf(licensing.CodeInvalid, "no"), problem{Title: "Unprocessable Entity", Status: 422, Detail: "no"}, false},
		{"not found", licensing.Errorf(licensing.CodeNotFound, "no"), problem{Title: "Not Found", Status: 404, Detail: "no"}, false},
		{"conflict", licensing.Errorf(licensing.CodeConflict, "no"), problem{Title: "Conflict", Status: 409, Detail: "no"}, false},
		{"refused", refused, problem{Title: "Forbidden", Status: 403, Detail: "the key is forged", Hint: "ask the distributor"}, false},
		{"wrapped", fmt.Errorf("activate: %w", refused), problem{Title: "Forbidden", Status: 403, Detail: "the key is forged", Hint: "ask the distributor"}, false},
		{"unavailable", licensing.Errorf(licensing.CodeUnavailable, "no"), problem{Title: "Service Unavailable", Status: 503, Detail: "no"}, false},
		{"unknown", errors.New("disk I/O error at page 7 of /secret/path"), internal, true},
		{"ours", licensing.Errorf(licensing.CodeInternal, "SELECT failed"), internal, true},
	}
	core, logs := observer.New(zap.DebugLevel)
	store := &fakeStore{}
	s := serve(t, Options{Store: store, Log: zap.New(core)})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			store.err = tt.err
			tt.want.Type = "about:blank"
			status, p, header := s.raw(t, "GET", "/v1/organizations", "")
			require.Equal(t, tt.want, p)
			require.Equal(t, tt.want.Status, status)
			require.Equal(t, "application/problem+json", header.Get("Content-Type"))
			entries := logs.TakeAll()
			require.Equal(t, tt.logged, len(entries) == 1, "%v", entries)
			if tt.logged {
				require.Equal(t, tt.err.Error(), entries[0].ContextMap()["error"])
			}
		})
	}
}

// Every Code has a status of its own, so that the way back is without loss.
func TestStatusesAreDistinct(t *testing.T) {
	seen := map[int]licensing.Code{}
	for code := licensing.CodeInternal; code <= licensing.CodeUnavailable; code++ {
		status, ok := statuses[code]
		require.True(t, ok, "code %d has no status", code)
		require.NotContains(t, seen, status)
		seen[status] = code
		require.NotEmpty(t, http.StatusText(status))
	}
}
