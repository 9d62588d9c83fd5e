package lanes

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestSums(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b Batch
		var messages [Lanes][]byte
		for lane := range messages {
			if rapid.Bool().Draw(t, "empty") {
				continue
			}
			messages[lane] = rapid.SliceOfN(rapid.Byte(), 0, Longest).Draw(t, "message")
			cut := rapid.IntRange(0, len(messages[lane])).Draw(t, "cut")
			b.Put(lane, Start(), messages[lane][:cut], messages[lane][cut:])
		}
		b.Sum()
		for lane, message := range messages {
			if message != nil {
				require.Equal(t, md5.Sum(message), b.Digest(lane), "lane %d", lane)
			}
		}
	})
}

// Every length, and with it every number of blocks, beside one of another length.
func TestLengths(t *testing.T) {
	var b Batch
	message := make([]byte, Longest)
	for n := range Longest + 1 {
		b.Clear()
		b.Put(3, Start(), message[:n])
		b.Put(4, Start(), message[:Longest-n])
		b.Sum()
		require.Equal(t, md5.Sum(message[:n]), b.Digest(3), "%d octets", n)
		require.Equal(t, md5.Sum(message[:Longest-n]), b.Digest(4), "%d octets", Longest-n)
	}
}

// RFC 2104 section 2: a key of more than a block is hashed first.
func TestHMAC(t *testing.T) {
	message := []byte("what is signed")
	for _, length := range []int{0, 5, md5.BlockSize, md5.BlockSize + 1} {
		key := bytes.Repeat([]byte("k"), length)
		k := NewKey(key)
		var b Batch
		b.Put(0, &k.Inner, message)
		b.Sum()
		sum := b.Digest(0)
		b.Put(0, &k.Outer, sum[:])
		b.Sum()
		want := hmac.New(md5.New, key)
		want.Write(message)
		sum = b.Digest(0)
		require.Equal(t, want.Sum(nil), sum[:], "a key of %d octets", length)
	}
}

// BenchmarkSums is of replies of 120 octets, as an Access-Accept and the secret.
func BenchmarkSums(b *testing.B) {
	message := make([]byte, 120)
	b.Run("sixteen at a time", func(b *testing.B) {
		var batch Batch
		for i := 0; b.Loop(); i++ {
			batch.Put(i%Lanes, Start(), message)
			if i%Lanes == Lanes-1 {
				batch.Sum()
			}
		}
	})
	b.Run("one by one", func(b *testing.B) {
		for b.Loop() {
			_ = md5.Sum(message)
		}
	})
}
