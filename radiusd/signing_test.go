package radiusd

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tallygate/licensing"
)

// answerTo is an answer to a request, in words that differ from one length to the next.
func answerTo(request []byte, kind code, length int, withMA bool, buffer []byte) *reply {
	var p packet
	_ = p.parse(request)
	b := new(reply)
	b.begin(buffer, kind, &p.datagram, withMA)
	b.text(attrReplyMessage, strings.Repeat("w", length))
	return b
}

func TestAnswersSignedSideBySideAreThoseSignedAlone(t *testing.T) {
	o := newPostOffice(t)
	box := newLetterbox(t)
	rapid.Check(t, func(t *rapid.T) {
		secrets := []secret{newSecret(testSecret), newSecret("another"), newSecret(strings.Repeat("k", longestSecret))}
		cache := newReplyCache(batchSize, 1)
		var want [][]byte
		for i := range rapid.IntRange(1, batchSize).Draw(t, "n") {
			asked := access(byte(i), "")
			s := &secrets[rapid.IntRange(0, len(secrets)-1).Draw(t, "secret")]
			length := rapid.IntRange(0, 180).Draw(t, "length")
			withMA := rapid.Bool().Draw(t, "signed")
			_, tk, _ := cache.admit(cacheKey(i), accessRequest, asked[4:headerSize], 0, nil)
			alone := answerTo(asked, accessAccept, length, withMA, nil).sign(newHasher(nil), s)
			want = append(want, bytes.Clone(alone))
			q := &request{from: routeTo(box.at), client: &client{secret: *s}, socket: &socket{cache: cache}, ticket: tk}
			if rapid.IntRange(0, 3).Draw(t, "ready") == 0 { // one that is signed, as repeats are
				o.queue(&q.from, append(o.buffer(), alone...))
				continue
			}
			require.True(t, o.sign(q, answerTo(asked, accessAccept, length, withMA, o.buffer()), 0))
		}
		o.seal()
		require.Zero(t, o.signing.count)
		var got [][]byte
		for i := range o.queued {
			got = append(got, bytes.Clone(o.answer(i)))
		}
		require.Equal(t, want, got)
		o.queued = 0
	})
}

// While answers wait for their signatures a newer request may take the place of an older one:
// of Access-Requests only the newer is answered, of accounting records both are (RFC 5080
// section 2.2.2).
func TestAnAnswerDisplacedBeforeItIsSigned(t *testing.T) {
	for name, c := range map[string]struct {
		asks, answers code
		sent          []string
	}{
		"access":     {accessRequest, accessAccept, []string{"other", "newer"}},
		"accounting": {accountingRequest, accountingResponse, []string{"older", "other", "newer"}},
	} {
		for _, more := range []int{0, fewLanes} { // signed alone, and side by side
			t.Run(name, func(t *testing.T) {
				o := newPostOffice(t)
				box := newLetterbox(t)
				s := newSecret(testSecret)
				cache := newReplyCache(16, 1)
				add := func(place int, asked []byte) []byte {
					_, tk, _ := cache.admit(cacheKey(place), c.asks, asked[4:headerSize], 0, nil)
					q := &request{from: routeTo(box.at), client: &client{secret: s}, socket: &socket{cache: cache}, ticket: tk}
					require.True(t, o.sign(q, answerTo(asked, c.answers, 5, true, o.buffer()), 0))
					return answerTo(asked, c.answers, 5, true, nil).sign(newHasher(nil), &s)
				}
				requests := map[string][]byte{"older": access(1, "older"), "other": access(2, "other"), "newer": access(1, "newer")}
				answers := map[string][]byte{"older": add(1, requests["older"]), "other": add(2, requests["other"]), "newer": add(1, requests["newer"])}
				for _, one := range c.sent {
					box.want = append(box.want, answers[one])
				}
				for i := range more {
					box.want = append(box.want, add(3+i, access(byte(3+i), "")))
				}
				o.flush()
				box.collect(t)
				require.Equal(t, len(box.want), 0)
				require.Equal(t, len(c.sent)+more, o.sent(c.answers))

				result, _, repeat := cache.admit(cacheKey(1), c.asks, requests["newer"][4:headerSize], 0, nil)
				require.Equal(t, arrivalRepeated, result)
				require.Equal(t, answers["newer"], repeat)
			})
		}
	}
}

// What cannot wait for its signature says so: what is too long for the lanes, or for a packet.
func TestWhatIsSignedAtOnce(t *testing.T) {
	o := newPostOffice(t)
	s := newSecret(strings.Repeat("k", longestSecret+1))
	short := newSecret(testSecret)
	for name, c := range map[string]struct {
		secret secret
		length int
		full   bool
	}{
		"a long secret": {s, 5, false}, "a long answer": {short, smallReply, false}, "one that is full": {short, 5, true},
	} {
		b := answerTo(access(1, ""), accessAccept, min(c.length, 253), true, o.buffer())
		b.full = c.full
		q := &request{client: &client{secret: c.secret}, socket: &socket{}}
		require.False(t, o.sign(q, b, 0), name)
		require.Zero(t, o.queued, name)
	}
}

// A fault in signing costs those who wait for it their answers, until they ask again; what was
// signed before is sent, and the next are served.
func TestSigningThatBreaks(t *testing.T) {
	for _, n := range []int{1, fewLanes} {
		o := newPostOffice(t)
		faults := 0
		o.panicked = func(any) { faults++ }
		box := newLetterbox(t)
		s := newSecret(testSecret)
		cache := newReplyCache(16, 1)
		ask := func(place int) []byte {
			asked := access(byte(place), "")
			result, tk, _ := cache.admit(cacheKey(place), accessRequest, asked[4:headerSize], 0, nil)
			require.Equal(t, arrivalFresh, result)
			q := &request{from: routeTo(box.at), client: &client{secret: s}, socket: &socket{cache: cache}, ticket: tk}
			require.True(t, o.sign(q, answerTo(asked, accessAccept, 5, true, o.buffer()), 0))
			return answerTo(asked, accessAccept, 5, true, nil).sign(newHasher(nil), &s)
		}
		repeat := letter(accessReject, 20, 1)
		o.post(box.at, repeat)
		for place := range n {
			ask(place)
		}
		o.signing.of[1].at = maxPacket // beyond its end
		o.flush()
		require.Equal(t, 1, faults)
		require.Equal(t, n, o.counters.dropped(acctListener, licensing.ReasonInternalError))
		box.want = append(box.want, repeat)
		for place := range n {
			box.want = append(box.want, ask(place))
		}
		o.flush()
		box.collect(t)
	}
}
