package notice

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"tallygate/licensing"
)

// receiver is a real HTTP server that keeps what it got.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	status []int // of the next answers; then 200
	calls  []call
}

type call struct {
	header http.Header
	body   []byte
}

func newReceiver(t *testing.T, status ...int) *receiver {
	t.Helper()
	r := &receiver{status: status}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, call{req.Header, body})
	if len(r.status) > 0 {
		w.WriteHeader(r.status[0])
		r.status = r.status[1:]
	}
	_, _ = io.WriteString(w, "said\n  so")
}

func (r *receiver) got() []call {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.calls
}

func aHook(address string) licensing.Delivery {
	d := Sample(licensing.EventStart, licensing.LanguageEnglish, "", nil, noon)
	d.Recipient.Channel, d.Recipient.Address, d.Recipient.Secret = licensing.ChannelWebhook, address, licensing.NewWebhookSecret()
	return d
}

// verify checks a call with the reference library of Standard Webhooks.
func verify(t *testing.T, secret string, c call) error {
	t.Helper()
	w, err := standardwebhooks.NewWebhook(secret)
	require.NoError(t, err)
	return w.Verify(c.body, c.header)
}

func TestTheSignature(t *testing.T) {
	r := newReceiver(t)
	d := aHook(r.URL)
	require.Equal(t, licensing.Outcome{Result: licensing.AttemptSent, Answer: "200 OK: said so"}, newHook(true).carry(t.Context(), d))
	got := r.got()[0]
	require.NoError(t, verify(t, d.Recipient.Secret, got))
	require.Error(t, verify(t, licensing.NewWebhookSecret(), got))
	require.Equal(t, d.Event.ID, got.header.Get("webhook-id"))
	require.Equal(t, "application/json", got.header.Get("Content-Type"))
	want, err := payload(d)
	require.NoError(t, err)
	require.JSONEq(t, string(want), string(got.body))
	got.body[0]++
	require.Error(t, verify(t, d.Recipient.Secret, got), "an altered body")

	// A repeat has the same id and the same body.
	d.Attempt++
	newHook(true).carry(t.Context(), d)
	require.Equal(t, d.Event.ID, r.got()[1].header.Get("webhook-id"))
	require.Equal(t, want, r.got()[1].body)
}

// While a secret is replaced, who has either of the two accepts what comes.
func TestTwoSecretsDuringRotation(t *testing.T) {
	r := newReceiver(t)
	d := aHook(r.URL)
	d.Recipient.OldSecret, d.Recipient.OldUntil = licensing.NewWebhookSecret(), time.Now().Add(time.Hour)
	newHook(true).carry(t.Context(), d)
	require.NoError(t, verify(t, d.Recipient.Secret, r.got()[0]))
	require.NoError(t, verify(t, d.Recipient.OldSecret, r.got()[0]))
	d.Recipient.OldUntil = time.Now().Add(-time.Hour)
	newHook(true).carry(t.Context(), d)
	require.NoError(t, verify(t, d.Recipient.Secret, r.got()[1]))
	require.Error(t, verify(t, d.Recipient.OldSecret, r.got()[1]))
}

func TestWhatAReceiverAnswers(t *testing.T) {
	for status, want := range map[int]licensing.Outcome{
		204: {Result: licensing.AttemptSent, Answer: "204 No Content"},
		400: {Result: licensing.AttemptRetry, Answer: "400 Bad Request: said so"},
		410: {Result: licensing.AttemptFailed, Answer: "410 Gone: said so", Gone: true},
		429: {Result: licensing.AttemptRetry, Answer: "429 Too Many Requests: said so"},
		500: {Result: licensing.AttemptRetry, Answer: "500 Internal Server Error: said so"},
		304: {Result: licensing.AttemptFailed, Answer: "304: redirects are not followed; it points to "},
	} {
		r := newReceiver(t, status)
		require.Equal(t, want, newHook(true).carry(t.Context(), aHook(r.URL)))
	}
	r := newReceiver(t, 503)
	h, d := newHook(true), aHook(r.URL)
	require.Equal(t, licensing.AttemptRetry, h.carry(t.Context(), d).Result)
	require.Equal(t, licensing.AttemptSent, h.carry(t.Context(), d).Result)
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	elsewhere := newReceiver(t)
	r := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	defer r.Close()
	o := newHook(true).carry(t.Context(), aHook(r.URL))
	require.Equal(t, licensing.AttemptFailed, o.Result)
	require.Equal(t, "307: redirects are not followed; it points to "+elsewhere.URL, o.Answer)
	require.Empty(t, elsewhere.got())
}

// Unless it is allowed, nothing is dialled in a private network, whatever name leads there.
func TestPrivateTargets(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1") // no way around either
	r := newReceiver(t)
	u, err := url.Parse(r.URL)
	require.NoError(t, err)
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "127.1.2.3", "0.0.0.0", "[::]"} {
		o := newHook(false).carry(t.Context(), aHook("http://"+host+":"+u.Port()+"/token-in-the-path"))
		require.NotEqual(t, licensing.AttemptSent, o.Result, host)
		require.NotContains(t, o.Answer, "token-in-the-path")
		if host == "127.0.0.1" {
			require.Equal(t, licensing.AttemptFailed, o.Result)
			require.Equal(t, "dial tcp 127.0.0.1:"+u.Port()+": 127.0.0.1 is a private address, and notices.webhooks.allow_private is not set", o.Answer)
		}
	}
	require.Empty(t, r.got())
	require.Equal(t, licensing.AttemptSent, newHook(true).carry(t.Context(), aHook(r.URL)).Result)
}

func TestWhichAddressesArePrivate(t *testing.T) {
	for text, want := range map[string]bool{
		"127.0.0.1": true, "::1": true, "0.0.0.0": true, "0.1.2.3": true, "::": true,
		"10.1.2.3": true, "172.16.0.1": true, "172.31.255.255": true, "192.168.1.1": true,
		"169.254.169.254": true, "fe80::1": true, "fc00::1": true, "fd12:3456::1": true, "fec0::1": true,
		"100.64.0.1": true, "100.127.255.255": true, "192.0.0.1": true, "198.18.0.1": true, "198.19.255.255": true,
		"224.0.0.1": true, "ff02::1": true, "240.0.0.1": true, "255.255.255.255": true,
		"::ffff:10.0.0.1": true, "::127.0.0.1": true, "64:ff9b::10.0.0.1": true, "2002:7f00:1::": true, "2002:c0a8:101::1": true, "::ffff:0:10.0.0.1": true,
		"8.8.8.8": false, "100.63.255.255": false, "100.128.0.0": false, "172.32.0.1": false, "192.0.2.1": false,
		"2606:4700::1": false, "64:ff9b::8.8.8.8": false, "2002:808:808::1": false, "::ffff:8.8.8.8": false,
	} {
		require.Equal(t, want, isPrivate(netip.MustParseAddr(text)), text)
	}
}

// An answer that does not come, or does not end, is given up.
func TestAReceiverThatDoesNotAnswer(t *testing.T) {
	called, release := make(chan struct{}, 1), make(chan struct{})
	r := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		called <- struct{}{}
		<-release
	}))
	defer r.Close()
	defer close(release)
	h := newHook(true)
	h.http.Timeout = 50 * time.Millisecond
	o := h.carry(t.Context(), aHook(r.URL))
	require.Equal(t, licensing.AttemptRetry, o.Result)
	require.Contains(t, o.Answer, "exceeded")
	<-called

	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-called
		cancel()
	}()
	require.Equal(t, licensing.AttemptRetry, newHook(true).carry(ctx, aHook(r.URL)).Result)

	gone, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := gone.Addr().String()
	require.NoError(t, gone.Close())
	o = newHook(true).carry(t.Context(), aHook("http://"+address+"/"))
	require.Equal(t, licensing.AttemptRetry, o.Result)
	require.Contains(t, o.Answer, "connection refused")
}

// Of an answer without end only the beginning is read.
func TestAnEndlessAnswer(t *testing.T) {
	r := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := io.WriteString(w, strings.Repeat("x", 1<<10)); err != nil {
				return
			}
		}
	}))
	defer r.Close()
	o := newHook(true).carry(t.Context(), aHook(r.URL))
	require.Equal(t, licensing.AttemptSent, o.Result)
	require.LessOrEqual(t, len(o.Answer), maxHookAnswer+10)
}
