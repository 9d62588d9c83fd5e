package macwatch

import (
	"slices"
	"sync/atomic"
)

// Fanout of the two levels of Passes.
const passFan = 64

// Passes finds passes by Location and folded user name. One writer changes it, anybody
// reads it meanwhile, without a lock: a change copies the two small nodes and the one
// bucket that it touches, and the rest is shared, so that a first use among 100 000
// tickets costs what it costs among ten. A reader sees all of a change or nothing.
type Passes struct{ root atomic.Pointer[passRoot] }

type (
	passRoot [passFan]*passNode
	passNode [passFan][]*Pass
)

// passSlot spreads keys (FNV-1a). Nobody outside chooses keys to be kept.
func passSlot[T string | []byte](location int64, key T) (root, node uint32) {
	h := uint32(2166136261)
	for i := range len(key) {
		h = (h ^ uint32(key[i])) * 16777619
	}
	h = (h ^ uint32(location)) * 16777619
	h ^= h >> 15
	return h % passFan, h / passFan % passFan
}

// Find returns the pass with this folded user name at a Location; nil: there is none.
func (t *Passes) Find(location int64, key []byte) *Pass {
	root := t.root.Load()
	if root == nil {
		return nil
	}
	i, j := passSlot(location, key)
	if root[i] == nil {
		return nil
	}
	for _, p := range root[i][j] {
		if p.Location == location && p.Key == string(key) {
			return p
		}
	}
	return nil
}

// None reports whether there never was a pass.
func (t *Passes) None() bool { return t.root.Load() == nil }

// Change puts passes in, each in the place of the one with its Location and key, and
// takes others out.
func (t *Passes) Change(put, drop []*Pass) {
	if len(put)+len(drop) == 0 {
		return
	}
	var next passRoot
	if root := t.root.Load(); root != nil {
		next = *root
	}
	var own [passFan]bool // nodes that are copies already
	bucket := func(p *Pass) *[]*Pass {
		i, j := passSlot(p.Location, p.Key)
		switch {
		case next[i] == nil:
			next[i] = &passNode{}
		case !own[i]:
			c := *next[i]
			next[i] = &c
		}
		own[i] = true
		return &next[i][j]
	}
	others := func(list []*Pass, p *Pass) []*Pass {
		out := make([]*Pass, 0, len(list)+1)
		for _, q := range list {
			if q.Location != p.Location || q.Key != p.Key {
				out = append(out, q)
			}
		}
		return out
	}
	for _, p := range drop {
		b := bucket(p)
		*b = others(*b, p)
	}
	for _, p := range put {
		b := bucket(p)
		*b = append(others(*b, p), p)
	}
	t.root.Store(&next)
}

// All returns every pass, in no particular order.
func (t *Passes) All() (all []*Pass) {
	root := t.root.Load()
	if root == nil {
		return nil
	}
	for _, n := range root {
		if n != nil {
			all = append(all, slices.Concat(n[:]...)...)
		}
	}
	return all
}
