package store

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"

	"tallygate/macwatch"
)

// box seals what must be kept and not be read in a copy of the database: the raw texts of
// open sessions, raw packets, the identities of sessions (which are hashes that could be
// tried). It belongs to the writer; open alone may be used by others.
type box struct {
	aead  cipher.AEAD
	ident cipher.Block
	nonce [12]byte // 8 random octets of this start, 4 that count
}

func newBox(v *veils) (*box, error) {
	block, err := aes.NewCipher(v.derive("tallygate sealed texts"))
	if err != nil {
		return nil, faultf("cannot make a cipher: %w", err)
	}
	b := &box{}
	if b.aead, err = cipher.NewGCM(block); err != nil {
		return nil, faultf("cannot make a cipher: %w", err)
	}
	if b.ident, err = aes.NewCipher(v.derive("tallygate session identities")); err != nil {
		return nil, faultf("cannot make a cipher: %w", err)
	}
	rand.Read(b.nonce[:8])
	return b, nil
}

// seal appends the sealed text to dst: nonce, text, tag. A counter makes the nonces: it
// costs less than random ones, and 2^32 of those would be too many under one key.
func (b *box) seal(dst, text []byte) []byte {
	count := binary.BigEndian.Uint32(b.nonce[8:]) + 1
	if count == 0 {
		rand.Read(b.nonce[:8])
	}
	binary.BigEndian.PutUint32(b.nonce[8:], count)
	return b.aead.Seal(append(dst, b.nonce[:]...), b.nonce[:], text, nil)
}

// open returns what was sealed.
func (b *box) open(sealed []byte) ([]byte, error) {
	if len(sealed) < len(b.nonce) {
		return nil, errImage
	}
	text, err := b.aead.Open(nil, sealed[:len(b.nonce)], sealed[len(b.nonce):], nil)
	if err != nil {
		return nil, errImage
	}
	return text, nil
}

// hide turns an identity into one that cannot be tried without the key. It is a
// permutation: what differs stays different.
func (b *box) hide(ident *macwatch.Ident) { b.ident.Encrypt(ident[:], ident[:]) }

// sealedTexts appends what Session.Hide would change, as it stands.
func sealedTexts(dst []byte, s *macwatch.Session) []byte {
	dst = binary.AppendUvarint(dst, uint64(s.Address))
	for _, t := range []string{s.SessionID, s.UserName, s.Calling, s.Called, s.Room} {
		dst = append(binary.AppendUvarint(dst, uint64(len(t))), t...)
	}
	for _, o := range [][]byte{s.Class, s.Origin.MultiID, s.Origin.AuditID} {
		dst = append(binary.AppendUvarint(dst, uint64(len(o))), o...)
	}
	return dst
}

// unseal gives an open session back what the NAS calls it.
func (b *box) unseal(s *macwatch.Session, sealed []byte) error {
	text, err := b.open(sealed)
	if err != nil {
		return err
	}
	r := imageReader{b: text}
	address, size := binary.Uvarint(r.b)
	if size <= 0 {
		return errImage
	}
	r.b, s.Address = r.b[size:], macwatch.MAC(address)
	s.SessionID, s.UserName, s.Calling, s.Called, s.Room = r.text(), r.text(), r.text(), r.text(), r.text()
	s.Class, s.Origin.MultiID, s.Origin.AuditID = []byte(r.text()), []byte(r.text()), []byte(r.text())
	if r.bad {
		return errImage
	}
	return nil
}
