package notice

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"tallygate/licensing"
)

const (
	// hookTimeout bounds a whole call of a webhook, as Standard Webhooks proposes (15-30 s).
	hookTimeout = 20 * time.Second
	// maxHookAnswer is how much of an answer is read; only its beginning is kept.
	maxHookAnswer = 4 << 10
)

// hook sends by webhook, as Standard Webhooks says.
type hook struct {
	http         *http.Client
	allowPrivate bool
}

func newHook(allowPrivate bool) *hook {
	return &hook{allowPrivate: allowPrivate, http: &http.Client{
		Timeout: hookTimeout,
		// A receiver that has moved says so; following it would take the signed message
		// wherever somebody else points to.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:                  nil, // a proxy would dial in our place, and where it likes
			DialContext:            dialer(allowPrivate).DialContext,
			DisableKeepAlives:      true, // calls are rare: no connection is worth keeping
			TLSHandshakeTimeout:    hookTimeout,
			MaxResponseHeaderBytes: 32 << 10,
		},
	}}
}

func (h *hook) carry(ctx context.Context, d licensing.Delivery) licensing.Outcome {
	body, err := payload(d)
	if err != nil {
		return licensing.Outcome{Result: licensing.AttemptFailed, Answer: err.Error()}
	}
	req, err := h.request(ctx, d, body)
	if err != nil {
		return licensing.Outcome{Result: licensing.AttemptFailed, Answer: err.Error()}
	}
	resp, err := h.http.Do(req)
	if err != nil {
		return notReached(err)
	}
	defer func() { _ = resp.Body.Close() }()
	said, _ := io.ReadAll(io.LimitReader(resp.Body, maxHookAnswer))
	return answered(resp.StatusCode, resp.Header.Get("Location"), said)
}

func (h *hook) request(ctx context.Context, d licensing.Delivery, body []byte) (*http.Request, error) {
	// The receiver holds the time of the signature against its own clock, so that it is
	// the wall clock's, whatever the gateway believes about contracts.
	at := time.Now()
	signature, err := sign(d.Recipient.Secrets(at), d.Event.ID, at, body)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.Recipient.Address, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "tallygate")
	// Lower case in the standard; HTTP does not mind.
	req.Header.Set("webhook-id", d.Event.ID)
	req.Header.Set("webhook-timestamp", strconv.FormatInt(at.Unix(), 10))
	req.Header.Set("webhook-signature", signature)
	return req, nil
}

// notReached is a call without an answer. One that leads where it must not is not
// worth repeating.
func notReached(err error) licensing.Outcome {
	if broken := (*url.Error)(nil); errors.As(err, &broken) {
		err = broken.Err // without the URL, which may hold a token
	}
	if errors.Is(err, errPrivate) {
		return licensing.Outcome{Result: licensing.AttemptFailed, Answer: err.Error()}
	}
	return licensing.Outcome{Result: licensing.AttemptRetry, Answer: err.Error()}
}

// answered is what an answer means: 2xx taken, 410 nothing more is wanted, 3xx given
// up, the rest tried again.
func answered(status int, location string, body []byte) licensing.Outcome {
	o := licensing.Outcome{Answer: strings.TrimSpace(strconv.Itoa(status) + " " + http.StatusText(status))}
	if text := strings.Join(strings.Fields(string(body)), " "); text != "" {
		o.Answer += ": " + text
	}
	switch {
	case status >= 200 && status < 300:
		o.Result = licensing.AttemptSent
	case status == http.StatusGone:
		o.Result, o.Gone = licensing.AttemptFailed, true
	case status >= 300 && status < 400:
		o.Result = licensing.AttemptFailed
		o.Answer = strconv.Itoa(status) + ": redirects are not followed; it points to " + location
	default:
		o.Result = licensing.AttemptRetry
	}
	return o
}
