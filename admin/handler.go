package admin

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"go.uber.org/zap"

	"tallygate/licensing"
)

// maxBody is more than any body needs: a room map of thousands of rooms fits.
const maxBody = 1 << 20

// actorHeader says who asks, for the audit log. On the socket it is believed, since who
// may open that has every right; over TCP the gate writes it.
const actorHeader = "Tallygate-Actor"

// endpoint is a handler that returns its error; mux turns it into a problem.
type endpoint func(w http.ResponseWriter, r *http.Request) error

// request is one call, decoded.
type request[Body any] struct {
	*http.Request
	Change licensing.Change
	Body   Body
}

// none is the body of a call that takes none, and the answer of one that has none.
type none struct{}

// answer makes an endpoint of a function from a decoded request to a value.
func answer[Body, Out any](do func(context.Context, request[Body]) (Out, error)) endpoint {
	return func(w http.ResponseWriter, r *http.Request) error {
		q, err := decode[Body](r)
		if err != nil {
			return err
		}
		out, err := do(r.Context(), q)
		if err != nil {
			return err
		}
		return writeJSON(w, http.StatusOK, "application/json", out)
	}
}

// stream makes an endpoint of a function that hands over row by row, so that a list
// of millions never stands in memory.
func stream[Row any](do func(context.Context, request[none], func(Row) error) error) endpoint {
	return func(w http.ResponseWriter, r *http.Request) error {
		q, err := decode[none](r)
		if err != nil {
			return err
		}
		rows := rowWriter{w: w, out: bufio.NewWriterSize(w, rowBuffer)}
		if err := do(r.Context(), q, func(row Row) error { return rows.write(row) }); err != nil {
			if rows.sent {
				return &cutShort{err}
			}
			return err
		}
		return rows.close()
	}
}

// list makes an endpoint of a function that returns all rows at once.
func list[Row any](do func(context.Context, request[none]) ([]Row, error)) endpoint {
	return stream(func(ctx context.Context, q request[none], each func(Row) error) error {
		rows, err := do(ctx, q)
		for _, row := range rows {
			if err == nil {
				err = each(row)
			}
		}
		return err
	})
}

// decode reads everything that a request can say. Unknown fields are refused: a
// misspelt one would silently not be set.
func decode[Body any](r *http.Request) (request[Body], error) {
	q := request[Body]{Request: r}
	q.Change.By = actor(r.Header.Get(actorHeader))
	if v := r.URL.Query().Get("dry_run"); v != "" {
		dry, err := strconv.ParseBool(v)
		if err != nil {
			return q, licensing.Errorf(licensing.CodeInvalid, "dry_run=%s is neither 1 nor 0", v)
		}
		q.Change.DryRun = dry
	}
	if _, nothing := any(q.Body).(none); nothing {
		return q, nil
	}
	most := int64(maxBody)
	if large, ok := any(q.Body).(interface{ maxBody() int64 }); ok {
		most = large.maxBody()
	}
	return q, decodeStrictly(http.MaxBytesReader(nil, r.Body, most), &q.Body)
}

func decodeStrictly(body io.Reader, into any) error {
	d := json.NewDecoder(body)
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err == nil {
		if _, more := d.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("something follows the JSON value")
		}
	}
	var operator *licensing.Error
	var large *http.MaxBytesError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &operator): // from the UnmarshalText of one of our types
		return operator
	case errors.As(err, &large):
		return licensing.Errorf(licensing.CodeInvalid, "the body is larger than %d octets", large.Limit)
	case errors.Is(err, io.EOF):
		return licensing.Errorf(licensing.CodeInvalid, "the body is empty; it must be a JSON object")
	}
	return licensing.Errorf(licensing.CodeInvalid, "the body cannot be read: %s", strings.TrimPrefix(err.Error(), "json: "))
}

// actor is a name fit for the audit log.
func actor(header string) string {
	name := strings.Map(func(c rune) rune {
		if unicode.IsGraphic(c) {
			return c
		}
		return -1
	}, header)
	if name = strings.TrimSpace(name); name == "" {
		return "unknown@console"
	}
	return strings.ToValidUTF8(name[:min(len(name), 100)], "")
}

// knownQuery refuses query parameters that the route does not read: `?dryrun=1` must
// not do the thing.
func knownQuery(r *http.Request, known []string) error {
	if slices.Equal(known, anyQuery) {
		return nil
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return licensing.Errorf(licensing.CodeInvalid, "the query cannot be read: %w", err)
	}
	for name, values := range query {
		if len(values) > 1 {
			return licensing.Errorf(licensing.CodeInvalid, "the parameter %q is given %d times", name, len(values))
		}
		if !slices.Contains(known, name) && (name != "dry_run" || r.Method == http.MethodGet) {
			return licensing.Errorf(licensing.CodeInvalid, "unknown parameter %q", name)
		}
	}
	return nil
}

func writeJSON(w http.ResponseWriter, status int, contentType string, value any) error {
	body, err := json.Marshal(value)
	if err != nil {
		return err
	}
	extendDeadline(w)
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, err = w.Write(append(body, '\n'))
	if err != nil {
		return &cutShort{err}
	}
	return nil
}

// extendDeadline gives the peer a fresh time to read what is about to be written. A
// recorder in a test has no deadline, which is no fault.
func extendDeadline(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTimeout))
}

// cutShort is an error after the answer has begun: it can only be broken off, so that
// the peer does not take half an answer for a whole one.
type cutShort struct{ error }

func (c *cutShort) Unwrap() error { return c.error }

// mux serves a table of routes.
func mux(routes []route, log *zap.Logger) http.Handler {
	m := http.NewServeMux()
	serve := func(pattern string, run endpoint) {
		m.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if err := run(w, r); err != nil {
				writeProblem(w, r, err, log)
			}
		})
	}
	for _, t := range routes {
		serve(t.pattern, func(w http.ResponseWriter, r *http.Request) error {
			if err := knownQuery(r, t.query); err != nil {
				return err
			}
			return t.run(w, r)
		})
	}
	serve("/", nothingHere)
	return m
}

func nothingHere(_ http.ResponseWriter, r *http.Request) error {
	return licensing.Errorf(licensing.CodeNotFound, "there is nothing at %s %s", r.Method, r.URL.Path)
}
