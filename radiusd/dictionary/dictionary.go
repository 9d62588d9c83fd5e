// Package dictionary knows the vendor-specific attributes that are read from packets
// (RFC 2865 section 5.26), and no others: the generated file is made from the
// dictionary.* files beside it, which are in the format of FreeRADIUS and hold what we
// read, from the vendors' own documents.
package dictionary

import (
	"strings"
)

//go:generate go run ./generate

// Form is how an attribute's value is to be read.
type Form uint8

const (
	Text    Form = iota // octets, mostly UTF-8
	Number              // four octets
	Address             // an IPv4 address
	Octets
)

// ID is an attribute's place in Attributes, so that a packet's can be kept in an array.
type ID uint8

// Attribute is a vendor-specific attribute.
type Attribute struct {
	Name   string // as FreeRADIUS spells it
	Vendor uint32 // IANA private enterprise number
	Type   uint8
	Form   Form
}

// String is the attribute's name.
func (id ID) String() string { return Attributes[id].Name }

// ByName finds an attribute by its name, whatever the case.
func ByName(name string) (ID, bool) {
	for id := range Attributes {
		if strings.EqualFold(Attributes[id].Name, name) {
			return ID(id), true
		}
	}
	return 0, false
}
