package admin

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"go.uber.org/zap"

	"tallygate/licensing"
)

const problemType = "application/problem+json"

// problem is an error on the wire (RFC 9457), with what to do next as an extension.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Hint   string `json:"hint,omitempty"`
}

// statuses pairs each Code with the HTTP status that carries it; Client reads it backwards.
var statuses = map[licensing.Code]int{
	licensing.CodeInternal:    http.StatusInternalServerError,
	licensing.CodeInvalid:     http.StatusUnprocessableEntity,
	licensing.CodeNotFound:    http.StatusNotFound,
	licensing.CodeConflict:    http.StatusConflict,
	licensing.CodeRefused:     http.StatusForbidden,
	licensing.CodeUnavailable: http.StatusServiceUnavailable,
}

// writeProblem is the one place that turns an error into HTTP. What is not a
// licensing.Error, or is an internal one, goes into the log and tells the outside nothing.
func writeProblem(w http.ResponseWriter, r *http.Request, err error, log *zap.Logger) {
	var cut *cutShort
	if errors.As(err, &cut) {
		if r.Context().Err() == nil {
			log.Warn("admin answer broken off", zap.String("path", r.URL.Path), zap.Error(err))
		}
		panic(http.ErrAbortHandler) // net/http's way to cut the connection
	}
	p := problem{
		Type:   "about:blank",
		Detail: "the gateway failed on this request",
		Hint:   "the gateway's log says more",
	}
	code := licensing.CodeOf(err)
	var known *licensing.Error
	switch {
	case errors.As(err, &known) && code != licensing.CodeInternal:
		p.Detail, p.Hint = known.Message, known.Hint
	case errors.Is(err, context.Canceled) && r.Context().Err() != nil:
		// The caller has gone; there is nothing to tell and nobody to tell it to.
	default:
		log.Error("admin request failed", zap.String("method", r.Method), zap.String("path", r.URL.Path), zap.Error(err))
	}
	p.Status = statuses[code]
	p.deny(w, err)
	p.Title = http.StatusText(p.Status)
	if err := writeJSON(w, p.Status, problemType, p); err != nil {
		log.Debug("admin problem not delivered", zap.Error(err))
	}
}

// readProblem is the way back: the error that an answer stands for.
func readProblem(resp *http.Response) error {
	var p problem
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err == nil {
		err = json.Unmarshal(body, &p)
	}
	if err != nil || p.Detail == "" {
		return licensing.Errorf(licensing.CodeInternal, "the gateway answered %s", resp.Status).
			WithHint("check with `tallygate version` that gateway and command are of the same version")
	}
	known := &licensing.Error{Message: p.Detail, Hint: p.Hint}
	for code, status := range statuses {
		if status == resp.StatusCode {
			known.Code = code
		}
	}
	return known
}
