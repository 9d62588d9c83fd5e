package main

import "strings"

// nearest finds the key that was probably meant by name; "" when none is close. A key
// is compared by its last part, so that one in the wrong section is found too.
func nearest(name string, keys []string) string {
	best, bestDistance := "", max(1, len(name)/3)+1
	for _, key := range keys {
		last := key[strings.LastIndexByte(key, '.')+1:]
		if d := distance(strings.ToLower(name), last); d < bestDistance {
			best, bestDistance = key, d
		}
	}
	return best
}

// distance is how many letters to change, add, drop, or swap with their neighbour, to
// make b of a (optimal string alignment).
func distance(a, b string) int {
	d := make([][]int, len(a)+1)
	for i := range d {
		d[i] = make([]int, len(b)+1)
		d[i][0] = i
	}
	for j := range d[0] {
		d[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			same := 1
			if a[i-1] == b[j-1] {
				same = 0
			}
			d[i][j] = min(d[i-1][j]+1, d[i][j-1]+1, d[i-1][j-1]+same)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d[i][j] = min(d[i][j], d[i-2][j-2]+1)
			}
		}
	}
	return d[len(a)][len(b)]
}
