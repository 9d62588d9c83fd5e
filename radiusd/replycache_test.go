package radiusd

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func cacheKey(n int) replyKey { return replyKey{identifier: byte(n), port: uint16(n >> 8)} }

func cacheAuthenticator(n int) []byte { return append(make([]byte, 15), byte(n)) }

func TestReplyCacheGivesTheSameOctetsForReplyLifetime(t *testing.T) {
	c := newReplyCache(4, 1)
	buffer := make([]byte, maxPacket)
	at := instant(0)
	admit := func(authenticator int) (arrival, ticket, []byte) {
		return c.admit(cacheKey(1), accessRequest, cacheAuthenticator(authenticator), at, buffer)
	}
	result, tk, _ := admit(1)
	require.Equal(t, arrivalFresh, result)
	result, _, _ = admit(1)
	require.Equal(t, arrivalInProgress, result)
	at += instant(time.Hour)
	result, _, _ = admit(1)
	require.Equal(t, arrivalInProgress, result, "what has no answer yet never expires")

	kept, stale := c.answer(tk, []byte("answer"), 0, at)
	require.True(t, kept)
	require.False(t, stale)
	at += instant(replyLifetime) - 1
	result, _, reply := admit(1)
	require.Equal(t, arrivalRepeated, result)
	require.Equal(t, "answer", string(reply))
	at++
	result, _, _ = admit(1)
	require.Equal(t, arrivalFresh, result)
	_, stale = c.answer(tk, []byte("answer"), 0, at)
	require.True(t, stale, "the old ticket")
}

func TestReplyCacheTellsCodesApart(t *testing.T) {
	c := newReplyCache(4, 1)
	_, _, _ = c.admit(cacheKey(1), accessRequest, cacheAuthenticator(1), 0, nil)
	result, _, _ := c.admit(cacheKey(1), accountingRequest, cacheAuthenticator(1), 0, nil)
	require.Equal(t, arrivalReplaced, result)
}

func TestReplyCacheForgets(t *testing.T) {
	c := newReplyCache(1, 1)
	_, tk, _ := c.admit(cacheKey(1), accessRequest, cacheAuthenticator(1), 0, nil)
	result, _, _ := c.admit(cacheKey(2), accessRequest, cacheAuthenticator(1), 0, nil)
	require.Equal(t, arrivalRefused, result)
	c.forget(tk)
	c.forget(tk)
	c.forget(ticket{})
	result, _, _ = c.admit(cacheKey(2), accessRequest, cacheAuthenticator(1), 0, nil)
	require.Equal(t, arrivalFresh, result)
	c.forget(tk) // stale: of the other one
	result, _, _ = c.admit(cacheKey(2), accessRequest, cacheAuthenticator(1), 0, nil)
	require.Equal(t, arrivalInProgress, result)
}

func TestReplyCacheMakesRoomByTheLongestAnswered(t *testing.T) {
	c := newReplyCache(2, 1)
	buffer := make([]byte, maxPacket)
	keep := func(n int, due instant) arrival {
		result, tk, _ := c.admit(cacheKey(n), accessRequest, cacheAuthenticator(1), 0, buffer)
		if result == arrivalFresh {
			_, _ = c.answer(tk, []byte("answer"), due, 0)
		}
		return result
	}
	require.Equal(t, arrivalFresh, keep(1, 0))
	require.Equal(t, arrivalFresh, keep(2, 100))
	require.Equal(t, arrivalFresh, keep(3, 200), "in the place of 1")
	require.Equal(t, arrivalRefused, keep(4, 0), "what has yet to be sent stays")
	_ = c.fetch(ticket{1, 1}, buffer)
	require.Equal(t, arrivalFresh, keep(4, 0), "in the place of 2, which has been sent now")
}

func TestReplyCacheHoldsALateAnswerBack(t *testing.T) {
	c := newReplyCache(4, 1)
	buffer := make([]byte, maxPacket)
	_, tk, _ := c.admit(cacheKey(1), accessRequest, cacheAuthenticator(1), 0, nil)
	kept, _ := c.answer(tk, []byte("no"), 100, 0)
	require.True(t, kept)
	result, _, _ := c.admit(cacheKey(1), accessRequest, cacheAuthenticator(1), 99, buffer)
	require.Equal(t, arrivalInProgress, result)
	require.Equal(t, "no", string(c.fetch(tk, buffer)))
	result, _, reply := c.admit(cacheKey(1), accessRequest, cacheAuthenticator(1), 99, buffer)
	require.Equal(t, arrivalRepeated, result, "once it has been sent")
	require.Equal(t, "no", string(reply))
	require.Nil(t, c.fetch(ticket{}, buffer))
}

func TestReplyCacheBoundsLongReplies(t *testing.T) {
	const places = 3 * largeShare
	c := newReplyCache(places, places/largeShare)
	long := bytes.Repeat([]byte("x"), maxPacket)
	buffer := make([]byte, maxPacket)
	keep := func(n int, reply []byte, now instant) (ticket, bool) {
		_, tk, _ := c.admit(cacheKey(n), accessRequest, cacheAuthenticator(1), now, nil)
		kept, _ := c.answer(tk, reply, 0, now)
		return tk, kept
	}
	for n := range 3 {
		_, kept := keep(n, long, 0)
		require.True(t, kept)
	}
	_, kept := keep(3, long, 0)
	require.True(t, kept, "there is room for three: the longest answered makes room")
	result, tk, _ := c.admit(cacheKey(0), accessRequest, cacheAuthenticator(1), 0, nil)
	require.Equal(t, arrivalFresh, result, "it is gone")
	for n := 2; n <= 3; n++ {
		_, _, reply := c.admit(cacheKey(n), accessRequest, cacheAuthenticator(1), 0, buffer)
		require.Equal(t, long, reply)
	}
	c.forget(tk)

	late := instant(replyLifetime)
	var waiting []ticket
	for n := range 3 {
		_, tk, _ := c.admit(cacheKey(10+n), accessRequest, cacheAuthenticator(1), late, nil)
		kept, _ := c.answer(tk, long, late+1, late)
		require.True(t, kept, "after the others have expired")
		waiting = append(waiting, tk)
	}
	tk, kept = keep(3, long, late)
	require.False(t, kept, "all three have yet to be sent")
	require.False(t, c.valid(tk), "its place is free again")
	require.Equal(t, long, c.fetch(waiting[0], buffer))
	_, kept = keep(3, long, late)
	require.True(t, kept)
	late += instant(replyLifetime)
	_, kept = keep(4, long[:smallReply], late)
	require.True(t, kept)
}

// The cache against a map and a list.
func TestReplyCacheAgainstAModel(t *testing.T) {
	type entry struct {
		authenticator int
		ticket        ticket
		answered      bool
		reply         string
		expires       instant
		order         int // of the answers
	}
	rapid.Check(t, func(t *rapid.T) {
		const places = 6
		c := newReplyCache(places, places/largeShare)
		model := map[int]*entry{}
		now, answers := instant(0), 0
		buffer := make([]byte, maxPacket)
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			key := rapid.IntRange(0, 7).Draw(t, "key")
			e := model[key]
			switch rapid.IntRange(0, 4).Draw(t, "step") {
			case 0, 1:
				authenticator := rapid.IntRange(0, 1).Draw(t, "authenticator")
				// The cache clears at most four a time, and only where it looks; so
				// does the model, but it may not refuse what has room.
				result, tk, reply := c.admit(cacheKey(key), accessRequest, cacheAuthenticator(authenticator), now, buffer)
				live := 0
				for k, e := range model {
					if e.answered && e.expires <= now {
						delete(model, k)
						continue
					}
					live++
				}
				e = model[key]
				want := arrivalFresh
				switch {
				case e == nil && live == places:
					want = arrivalRefused
					longest := -1
					for k, e := range model {
						if e.answered && (longest < 0 || e.order < model[longest].order) {
							longest = k
						}
					}
					if longest >= 0 {
						want = arrivalFresh
						delete(model, longest)
					}
				case e == nil:
				case e.authenticator == authenticator && e.answered:
					want = arrivalRepeated
				case e.authenticator == authenticator:
					want = arrivalInProgress
				case !e.answered:
					want = arrivalReplaced
				}
				if want != result {
					t.Fatalf("key %d: got %d, want %d", key, result, want)
				}
				switch result {
				case arrivalFresh, arrivalReplaced:
					model[key] = &entry{authenticator: authenticator, ticket: tk}
				case arrivalRepeated:
					if string(reply) != e.reply {
						t.Fatalf("reply %q, want %q", reply, e.reply)
					}
				}
			case 2:
				if e != nil && !e.answered {
					e.reply = fmt.Sprint(key, now, strings.Repeat("x", rapid.IntRange(0, 300).Draw(t, "reply")))
					kept, stale := c.answer(e.ticket, []byte(e.reply), 0, now)
					if stale {
						t.Fatal("stale")
					}
					if !kept {
						t.Fatal("not kept")
					}
					if len(e.reply) > smallReply { // one at most, at this size
						for k, other := range model {
							if other.answered && len(other.reply) > smallReply {
								delete(model, k)
							}
						}
					}
					answers++
					e.answered, e.expires, e.order = true, now+instant(replyLifetime), answers
				}
			case 3:
				if e != nil && !e.answered {
					c.forget(e.ticket)
					delete(model, key)
				}
			case 4:
				now += instant(rapid.IntRange(0, int(replyLifetime)/2).Draw(t, "later"))
			}
		}
	})
}
