package store

import (
	"database/sql/driver"
	"unsafe"
)

// boxes give a row's values as interfaces, without an allocation for each: a session has 37,
// and half of what a busy gateway leaves to the collector was theirs. An interface holds a
// pointer to its value; here it points to where the next row's will stand. So a value is good
// until empty, for whoever does not keep it: the driver binds it and forgets it. The zero value
// is ready; there is room for as many sessions as one statement writes.
type boxes struct {
	numbers [sessionsAtOnce * sessionWidth]int64
	texts   [sessionsAtOnce * sessionWidth]string
	blobs   [sessionsAtOnce * sessionWidth][]byte
	n, t, b int
	octets  []byte // what blobs are made of
}

// empty lets go of the rows before.
func (x *boxes) empty() {
	clear(x.texts[:x.t])
	clear(x.blobs[:x.b])
	x.n, x.t, x.b, x.octets = 0, 0, 0, x.octets[:0]
}

func (x *boxes) number(v int64) driver.Value {
	p := &x.numbers[x.n]
	*p = v
	x.n++
	return boxed(p)
}

func (x *boxes) text(v string) driver.Value {
	p := &x.texts[x.t]
	*p = v
	x.t++
	return boxed(p)
}

// blob keeps an empty value from becoming NULL.
func (x *boxes) blob(v []byte) driver.Value {
	p := &x.blobs[x.b]
	*p = blob(v)
	x.b++
	return boxed(p)
}

// boxed is the interface that *p would make, with p itself for its data. It is of the kinds
// whose interfaces point to their data, as all of those do that are not pointers themselves.
func boxed[T int64 | string | []byte](p *T) (v any) {
	var zero T
	v = zero
	(*[2]unsafe.Pointer)(unsafe.Pointer(&v))[1] = unsafe.Pointer(p)
	return v
}
