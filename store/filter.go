package store

import "math/bits"

// filter says of most keys that were never added that they were not: a Bloom filter
// whose bits for one key lie in one cache line, since each line that is not at hand
// costs as much as all the rest. Keys are uniform already (they come from SHA-256).
//
// With filterBits bits for each key, about one key in 8000 that was never added passes: each
// costs a search in sixteen generations, with pages that are not at hand.
type filter struct{ lines []filterLine }

type filterLine [8]uint64

const (
	filterBits   = 24 // for each key
	filterProbes = 7
)

// newFilter makes room for so many keys: 3 octets each.
func newFilter(keys int) filter {
	return filter{make([]filterLine, (keys*filterBits+511)/512)}
}

func (f filter) line(key uint64) *filterLine {
	hi, _ := bits.Mul64(key, uint64(len(f.lines)))
	return &f.lines[hi]
}

// probes are where a key's bits lie in its line: 9 bits of position each, from a product
// of the key, since its upper bits have chosen the line.
func probes(key uint64) uint64 { return key * 0x9e3779b97f4a7c15 }

func (f filter) add(key uint64) {
	line := f.line(key)
	for p, i := probes(key), 0; i < filterProbes; p, i = p>>9, i+1 {
		line[p>>6&7] |= 1 << (p & 63)
	}
}

// may reports false only for a key that was never added. All bits are looked at, whatever the first
// ones say: nobody could foretell where to stop, and then no filter's line would be fetched before
// that of the one before has come.
func (f filter) may(key uint64) bool {
	line := f.line(key)
	all := ^uint64(0)
	for p, i := probes(key), 0; i < filterProbes; p, i = p>>9, i+1 {
		all &= line[p>>6&7] >> (p & 63)
	}
	return all&1 != 0
}
