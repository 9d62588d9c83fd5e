package admin

import (
	"io"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// live says that the process answers. It asks nothing: a full disk is no reason to be
// restarted.
func live() endpoint {
	return func(w http.ResponseWriter, _ *http.Request) error {
		return plain(w, http.StatusOK, "live")
	}
}

// readiness answers 200 while requests can be served and accounting can be stored, with or
// without a license or clients; else 503 and why.
func readiness(ready func() error) endpoint {
	return func(w http.ResponseWriter, _ *http.Request) error {
		if err := ready(); err != nil {
			return plain(w, http.StatusServiceUnavailable, "not ready: "+err.Error())
		}
		return plain(w, http.StatusOK, "ready")
	}
}

func plain(w http.ResponseWriter, status int, text string) error {
	extendDeadline(w)
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if _, err := io.WriteString(w, text+"\n"); err != nil {
		return &cutShort{err}
	}
	return nil
}

func metrics(gatherer prometheus.Gatherer) endpoint {
	h := promhttp.HandlerFor(gatherer, promhttp.HandlerOpts{
		// One collector that fails must not hide the others.
		ErrorHandling:       promhttp.ContinueOnError,
		MaxRequestsInFlight: 4,
	})
	return func(w http.ResponseWriter, r *http.Request) error {
		extendDeadline(w)
		h.ServeHTTP(w, r)
		return nil
	}
}
