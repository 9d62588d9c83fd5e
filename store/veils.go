package store

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// veilKeySize is the size of the master key, and of the key of one Location.
const veilKeySize = 32

// veils is privacy.key: what pseudonyms are made with. It stands outside the database, so
// that a copy of that alone turns no pseudonym into an address. Each Location has a key of
// its own, derived from the master key, so that nobody is followed from venue to venue:
// every Location counts on its own, and nothing needs a device to have the same name at
// two of them. A Location whose devices came with a release keeps the key of that.
//
// Where addresses are stored in clear there is no such file until a device is erased: its
// pseudonym then stays in the count in its place.
type veils struct {
	path      string
	master    []byte            // nil: there is no file yet
	carried   map[string][]byte // keys that came with a release, by Location
	concealed bool              // mac_storage: hmac
	box       *box              // nil while addresses are stored in clear
}

// loadVeils reads DIR/privacy.key, if it is there.
func loadVeils(dir string) (*veils, error) {
	v := &veils{path: filepath.Join(dir, "privacy.key"), carried: map[string][]byte{}}
	text, err := os.ReadFile(v.path)
	if errors.Is(err, fs.ErrNotExist) {
		return v, nil
	}
	if err != nil {
		return nil, licensing.Errorf(licensing.CodeInternal, "cannot read the key of pseudonyms: %w", err).
			WithHint("check who owns %s", v.path)
	}
	for i, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		location, key := "", strings.TrimSpace(line)
		if i > 0 {
			location, key, _ = strings.Cut(key, " ")
		}
		raw, err := hex.DecodeString(key)
		if err != nil || len(raw) != veilKeySize {
			return nil, licensing.Errorf(licensing.CodeInvalid, "%s does not hold a key of pseudonyms", v.path).
				WithHint("restore the file from a backup: without it no stored device is recognised")
		}
		if i == 0 {
			v.master = raw
		} else {
			v.carried[strings.ToUpper(location)] = raw
		}
	}
	return v, nil
}

// create makes the master key, if there is none.
func (v *veils) create() error {
	if v.master != nil {
		return nil
	}
	master := make([]byte, veilKeySize)
	rand.Read(master) // never fails: without random numbers the process ends
	if err := v.write(master, v.carried); err != nil {
		return err
	}
	v.master = master
	return nil
}

func (v *veils) write(master []byte, carried map[string][]byte) error {
	text := hex.EncodeToString(master) + "\n"
	for _, location := range slices.Sorted(maps.Keys(carried)) {
		text += fmt.Sprintf("%s %x\n", location, carried[location])
	}
	if err := writeFile(v.path, []byte(text)); err != nil {
		return licensing.Errorf(licensing.CodeInternal, "cannot write the key of pseudonyms: %w", err).
			WithHint("check that this user may write to %s, and that the disk has room", filepath.Dir(v.path))
	}
	return nil
}

// carry keeps the key of a Location whose devices came with a release.
func (v *veils) carry(location string, key []byte) error {
	if err := v.create(); err != nil {
		return err
	}
	next := maps.Clone(v.carried)
	next[strings.ToUpper(location)] = key
	if err := v.write(v.master, next); err != nil {
		return err
	}
	v.carried = next
	return nil
}

// key is what the pseudonyms of a Location are made with; nil without a master key.
func (v *veils) key(location string) []byte {
	location = strings.ToUpper(location)
	if key, ok := v.carried[location]; ok || v.master == nil {
		return key
	}
	return v.derive("tallygate location " + location)
}

// derive never fails: HKDF gives so few octets with any key.
func (v *veils) derive(purpose string) []byte {
	key, err := hkdf.Key(sha256.New, v.master, nil, purpose, veilKeySize)
	if err != nil {
		panic(err)
	}
	return key
}

// of is a Location's Veil where addresses are not kept, else nil.
func (v *veils) of(location string) *macwatch.Veil {
	if v == nil || !v.concealed {
		return nil
	}
	return macwatch.NewVeil(v.key(location))
}

// tombstones names devices that were erased, whatever is stored of the others; nil
// while there is no key, and so no such device.
func (v *veils) tombstones(location string) *macwatch.Veil {
	if key := v.key(location); key != nil {
		return macwatch.NewVeil(key)
	}
	return nil
}

// name is what a device that a command has named is called here: itself, or its
// pseudonym. Where addresses are kept there are no pseudonyms to ask for.
func (v *veils) name(location string, m macwatch.MAC) (macwatch.MAC, error) {
	switch {
	case v.concealed:
		return v.of(location).Name(m), nil
	case m.Veiled():
		return 0, licensing.Errorf(licensing.CodeInvalid, "%s is a pseudonym, but this gateway stores addresses", m).
			WithHint("name the device by its MAC address; the pseudonym is of before, or of another gateway")
	}
	return m, nil
}

// fingerprint is how the database knows its key again.
func (v *veils) fingerprint() string { return macwatch.Fingerprint(v.master) }
