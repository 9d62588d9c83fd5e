package admin

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// Air is what the gateway hears from access points, and what it makes of it.
type Air interface {
	// Trace hands the history and, with Follow, what happens from then on to each, until
	// ctx ends or each fails.
	Trace(ctx context.Context, f macwatch.TraceFilter, each func(macwatch.TraceLine) error) error
	Strangers() []macwatch.Stranger
	SecretsThatDiffer() []macwatch.SecretDiffers
	// Rehearse tells what would become of a request that is made up. It changes nothing.
	Rehearse(macwatch.Trial) (macwatch.TrialReport, error)
}

// traceWait is how long a line of a trace may take to be read. Whoever is slower is cut
// off; events wait for it meanwhile, within bounds, and packets never.
const traceWait = 5 * time.Second

var traceQuery = []string{"mac", "ap", "client", "location", "result", "reason", "since", "follow", "live"}

// trace writes one JSON object a line, each sent at once.
func trace(air Air) endpoint {
	return func(w http.ResponseWriter, r *http.Request) error {
		f, err := parseTraceFilter(r.URL.Query())
		if err != nil {
			return err
		}
		// The reading deadline of the request would otherwise end a trace.
		control := http.NewResponseController(w)
		_ = control.SetReadDeadline(time.Time{})
		begun := false
		err = air.Trace(r.Context(), f, func(line macwatch.TraceLine) error {
			text, err := json.Marshal(line)
			if err != nil {
				return err
			}
			if !begun {
				begun = true
				w.Header().Set("Content-Type", "application/x-ndjson")
			}
			_ = control.SetWriteDeadline(time.Now().Add(traceWait))
			if _, err = w.Write(append(text, '\n')); err == nil {
				err = control.Flush()
			}
			return err
		})
		if err != nil && begun {
			return &cutShort{err}
		}
		return err
	}
}

// parseTraceFilter reads a filter as it stands in a query.
func parseTraceFilter(q url.Values) (f macwatch.TraceFilter, err error) {
	f.AP, f.Client, f.Location, f.Reason = q.Get("ap"), q.Get("client"), q.Get("location"), q.Get("reason")
	if v := q.Get("mac"); v != "" {
		if err := f.MAC.UnmarshalText([]byte(v)); err != nil || !f.MAC.Device() {
			return f, licensing.Errorf(licensing.CodeInvalid, "%.40q is not the MAC address of a device", v)
		}
	}
	if v := q.Get("result"); v != "" {
		if err := f.Result.UnmarshalText([]byte(v)); err != nil {
			return f, licensing.Errorf(licensing.CodeInvalid, "%w", err).WithHint("the results are accept, reject, drop, accounting")
		}
	}
	if v := q.Get("since"); v != "" {
		if f.Since, err = time.Parse(time.RFC3339Nano, v); err != nil {
			return f, licensing.Errorf(licensing.CodeInvalid, "since: %.40q is not a time", v).WithHint("for example 2027-01-31T21:00:00Z")
		}
	}
	for name, into := range map[string]*bool{"follow": &f.Follow, "live": &f.Live} {
		if v := q.Get(name); v != "" {
			if *into, err = strconv.ParseBool(v); err != nil {
				return f, licensing.Errorf(licensing.CodeInvalid, "%s=%.40s is neither 1 nor 0", name, v)
			}
		}
	}
	return f, nil
}

// formatTraceFilter is the way back.
func formatTraceFilter(f macwatch.TraceFilter) url.Values {
	q := url.Values{}
	for name, value := range map[string]string{"ap": f.AP, "client": f.Client, "location": f.Location, "result": string(f.Result), "reason": f.Reason} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if f.MAC != 0 {
		q.Set("mac", f.MAC.String())
	}
	if !f.Since.IsZero() {
		q.Set("since", f.Since.UTC().Format(time.RFC3339Nano))
	}
	for name, on := range map[string]bool{"follow": f.Follow, "live": f.Live} {
		if on {
			q.Set(name, "1")
		}
	}
	return q
}

// Trace hands the lines of a trace to each as they come. It ends without error when the
// gateway ends it, when the history is at its end, and when ctx ends.
func (c *Client) Trace(ctx context.Context, f macwatch.TraceFilter, each func(macwatch.TraceLine) error) error {
	resp, err := c.send(ctx, http.MethodGet, withQuery(path("trace"), formatTraceFilter(f)), licensing.Change{}, nil)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	for d := json.NewDecoder(resp.Body); ; {
		var line macwatch.TraceLine
		switch err := d.Decode(&line); {
		case ctx.Err() != nil, errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return brokenAnswer(err)
		}
		if err := each(line); err != nil {
			return err
		}
	}
}

func listStrangers(air Air) endpoint {
	return list(func(context.Context, request[none]) ([]macwatch.Stranger, error) { return air.Strangers(), nil })
}

func listDifferingSecrets(air Air) endpoint {
	return list(func(context.Context, request[none]) ([]macwatch.SecretDiffers, error) {
		return air.SecretsThatDiffer(), nil
	})
}

func rehearse(air Air) endpoint {
	return answer(func(_ context.Context, q request[macwatch.Trial]) (macwatch.TrialReport, error) {
		return air.Rehearse(q.Body)
	})
}

// Rehearse tells what would become of a request that is made up. It changes nothing.
func (c *Client) Rehearse(ctx context.Context, t macwatch.Trial) (macwatch.TrialReport, error) {
	return call[macwatch.TrialReport](ctx, c, http.MethodPost, path("rehearsals"), licensing.Change{}, t)
}

// Strangers lists who sends without being a client.
func (c *Client) Strangers(ctx context.Context) ([]macwatch.Stranger, error) {
	return getAll[macwatch.Stranger](ctx, c, path("strangers"))
}

// SecretsThatDiffer lists the sources that have another secret than their client.
func (c *Client) SecretsThatDiffer(ctx context.Context) ([]macwatch.SecretDiffers, error) {
	return getAll[macwatch.SecretDiffers](ctx, c, path("secrets-that-differ"))
}
