package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"

	"tallygate/licensing"
)

// Client calls the API of a running gateway over its unix socket. Its methods are
// those of the store behind the API, so whoever uses one can use the other.
type Client struct {
	socket string
	http   *http.Client
}

// NewClient makes a Client for the socket at this path; nothing is opened before the
// first call. It is safe for concurrent use.
func NewClient(socket string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}
	return &Client{socket: socket, http: &http.Client{Transport: &http.Transport{DialContext: dial}}}
}

// Close closes idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// path joins segments, escaped, into a path of the API.
func path(segments ...string) string {
	var p strings.Builder
	p.WriteString("/v1")
	for _, s := range segments {
		p.WriteByte('/')
		p.WriteString(url.PathEscape(s))
	}
	return p.String()
}

func withQuery(path string, query url.Values) string {
	if len(query) == 0 {
		return path
	}
	return path + "?" + query.Encode()
}

func get[Out any](ctx context.Context, c *Client, path string) (Out, error) {
	return call[Out](ctx, c, http.MethodGet, path, licensing.Change{}, nil)
}

// call sends a request and reads one value.
func call[Out any](ctx context.Context, c *Client, method, path string, ch licensing.Change, body any) (Out, error) {
	var out Out
	resp, err := c.send(ctx, method, path, ch, body)
	if err != nil {
		return out, err
	}
	defer func() { _ = resp.Body.Close() }()
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		return out, brokenAnswer(err)
	}
	return out, nil
}

// change is call for what has no answer but that it was done.
func change(ctx context.Context, c *Client, method, path string, ch licensing.Change, body any) error {
	_, err := call[none](ctx, c, method, path, ch, body)
	return err
}

// getEach reads a list row by row, as it arrives.
func getEach[Row any](ctx context.Context, c *Client, path string, each func(Row) error) error {
	return eachRow(ctx, c, http.MethodGet, path, licensing.Change{}, nil, each)
}

// eachRow is getEach for any request.
func eachRow[Row any](ctx context.Context, c *Client, method, path string, ch licensing.Change, body any, each func(Row) error) error {
	resp, err := c.send(ctx, method, path, ch, body)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	d := json.NewDecoder(resp.Body)
	if _, err := d.Token(); err != nil {
		return brokenAnswer(err)
	}
	for d.More() {
		var row Row
		if err := d.Decode(&row); err != nil {
			return brokenAnswer(err)
		}
		if err := each(row); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil { // the closing bracket: the list is whole
		return brokenAnswer(err)
	}
	return nil
}

// getAll reads a list of rows that fits in memory; it is never nil.
func getAll[Row any](ctx context.Context, c *Client, path string) ([]Row, error) {
	rows := []Row{}
	err := getEach(ctx, c, path, func(row Row) error {
		rows = append(rows, row)
		return nil
	})
	return rows, err
}

// send returns the answer if it is a success, with its body open.
func (c *Client) send(ctx context.Context, method, path string, ch licensing.Change, body any) (*http.Response, error) {
	var payload io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		payload = bytes.NewReader(text)
	}
	if ch.DryRun {
		path = withQuery(path, url.Values{"dry_run": {"1"}})
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://gateway"+path, payload)
	if err != nil {
		return nil, err
	}
	req.Header.Set(actorHeader, ch.By)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.callError(err)
	}
	if resp.StatusCode >= http.StatusBadRequest {
		defer func() { _ = resp.Body.Close() }()
		return nil, readProblem(resp)
	}
	return resp, nil
}

func (c *Client) callError(err error) error {
	e := &licensing.Error{Code: licensing.CodeUnavailable, Err: err}
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		e.Message = "the gateway is not running: nothing answers at " + c.socket
		return e.WithHint("start it with `tallygate serve`, or say which one with --config FILE or TALLYGATE_CONFIG")
	case errors.Is(err, fs.ErrPermission):
		e.Message = "you may not open " + c.socket
		return e.WithHint("run the command as the user of the gateway, or as root (sudo)")
	case errors.Is(err, syscall.EINVAL):
		e.Message = fmt.Sprintf("the path of the admin socket is too long for a unix socket: %s", c.socket)
		return e.WithHint("choose a data_dir with a shorter path")
	}
	return brokenAnswer(err)
}

func brokenAnswer(err error) error {
	e := &licensing.Error{Message: fmt.Sprintf("the gateway's answer broke off: %v", err), Err: err}
	return e.WithHint("look into the gateway's log; whether the change was made shows in the list")
}
