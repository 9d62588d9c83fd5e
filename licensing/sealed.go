package licensing

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/sha512"
	"math/big"
	"slices"
)

// sealedOverhead is what SealFor adds: the sender's key of the moment, and a tag.
const sealedOverhead = 32 + 16

// SealFor seals a secret so that nobody but the gateway with this key can read it. Its
// Ed25519 key serves as an X25519 key as well (RFC 7748 section 4.1 gives the map between
// the curves). seed makes the sender's key of the moment: 32 octets, secret, and another
// one for each secret; the same gives the same again. CodeInvalid for a key that is none.
func SealFor(gateway string, secret, seed []byte) ([]byte, error) {
	if err := CheckGateway(gateway); err != nil {
		return nil, err
	}
	raw, _ := decodeKey(gateway, publicHeader, ed25519.PublicKeySize)
	to, err := ecdh.X25519().NewPublicKey(montgomery(raw))
	if err != nil {
		return nil, Errorf(CodeInvalid, "nothing can be sealed for gateway %s: %w", gateway, err)
	}
	from, err := ecdh.X25519().NewPrivateKey(seed)
	if err != nil {
		return nil, Errorf(CodeInternal, "make a key to seal with: %w", err)
	}
	shared, err := from.ECDH(to)
	if err != nil {
		return nil, Errorf(CodeInvalid, "nothing can be sealed for gateway %s: %w", gateway, err)
	}
	box, err := sealer(shared, from.PublicKey(), to)
	if err != nil {
		return nil, err
	}
	// The key is used once, so that one nonce is enough.
	return box.Seal(from.PublicKey().Bytes(), make([]byte, box.NonceSize()), secret, nil), nil
}

// OpenSealed reads what was sealed for the gateway whose key k is: CodeRefused when it was
// sealed for another one, or altered.
func (k IssuerKey) OpenSealed(sealed []byte) ([]byte, error) {
	refused := Errorf(CodeRefused, "this was sealed for another gateway, or altered")
	if len(sealed) < sealedOverhead || k.secret == nil {
		return nil, refused
	}
	seed := sha512.Sum512(k.secret.Seed())
	own, err := ecdh.X25519().NewPrivateKey(seed[:32])
	if err != nil {
		return nil, Errorf(CodeInternal, "make a key to open with: %w", err)
	}
	from, err := ecdh.X25519().NewPublicKey(sealed[:32])
	if err != nil {
		return nil, refused
	}
	shared, err := own.ECDH(from)
	if err != nil {
		return nil, refused
	}
	box, err := sealer(shared, from, own.PublicKey())
	if err != nil {
		return nil, err
	}
	secret, err := box.Open(nil, make([]byte, box.NonceSize()), sealed[32:], nil)
	if err != nil {
		return nil, refused
	}
	return secret, nil
}

func sealer(shared []byte, from, to *ecdh.PublicKey) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, shared, slices.Concat(from.Bytes(), to.Bytes()), "tallygate sealed for a gateway", 32)
	if err != nil {
		return nil, Errorf(CodeInternal, "derive a key: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, Errorf(CodeInternal, "make a cipher: %w", err)
	}
	return cipher.NewGCM(block)
}

// montgomery maps an Ed25519 public key to X25519: u = (1+y)/(1-y) mod 2^255-19.
func montgomery(public []byte) []byte {
	p := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	octets := slices.Clone(public)
	octets[31] &= 0x7f // the sign of x
	slices.Reverse(octets)
	y, one := new(big.Int).SetBytes(octets), big.NewInt(1)
	u := new(big.Int).ModInverse(new(big.Int).Mod(new(big.Int).Sub(one, y), p), p)
	if u == nil {
		return make([]byte, 32) // y is 1: the neutral element, with which ECDH refuses to work
	}
	u.Mod(u.Mul(u, y.Add(y, one)), p)
	out := u.FillBytes(make([]byte, 32))
	slices.Reverse(out)
	return out
}
