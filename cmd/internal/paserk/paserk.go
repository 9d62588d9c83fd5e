// Package paserk encrypts an Ed25519 secret key with a passphrase: the type
// k4.secret-pw of PASERK, the text format for PASETO keys. Other programs read it.
//
// The passphrase goes through Argon2id, which is slow and needs memory on purpose;
// XChaCha20 hides the key and keyed BLAKE2b shows that passphrase and text are right:
//
//	k4.secret-pw. base64url(salt 16 | memory 8 | passes 4 | lanes 4 | nonce 24 | key 64 | tag 32)
package paserk

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/blake2b"
	"golang.org/x/crypto/chacha20"
)

const (
	plainHeader = "k4.secret."
	header      = "k4.secret-pw."

	saltSize  = 16
	costSize  = 8 + 4 + 4
	nonceSize = chacha20.NonceSizeX
	keySize   = 64
	tagSize   = blake2b.Size256
)

// Cost is what one guess of the passphrase costs.
type Cost struct {
	Memory uint32 // KiB
	Passes uint32
	Lanes  uint8
}

// DefaultCost is well above the least that RFC 9106 section 4 recommends where memory
// is scarce (64 MiB, 3 passes), and takes below a second.
func DefaultCost() Cost { return Cost{Memory: 128 << 10, Passes: 3, Lanes: 1} }

// What Unwrap is willing to spend: a damaged or hostile file must not eat the machine.
const (
	maxMemory = 1 << 20 // KiB
	maxPasses = 64
)

// What Unwrap finds wrong.
var (
	ErrFormat     = errors.New("not a key in the form k4.secret-pw")
	ErrPassphrase = errors.New("the passphrase is wrong, or the key is damaged")
)

// Wrapped reports whether text is a key that needs a passphrase.
func Wrapped(text string) bool { return strings.HasPrefix(strings.TrimSpace(text), header) }

// Wrap encrypts a key that is given as k4.secret.…; ErrFormat when it is not one.
func Wrap(secret string, passphrase []byte, cost Cost) (string, error) {
	body, found := strings.CutPrefix(strings.TrimSpace(secret), plainHeader)
	key, err := base64.RawURLEncoding.Strict().DecodeString(body)
	if !found || err != nil || len(key) != keySize {
		return "", ErrFormat
	}
	out := make([]byte, saltSize, saltSize+costSize+nonceSize+keySize+tagSize)
	rand.Read(out) // never fails: without random numbers the process ends
	out = binary.BigEndian.AppendUint64(out, uint64(cost.Memory)<<10)
	out = binary.BigEndian.AppendUint32(out, cost.Passes)
	out = binary.BigEndian.AppendUint32(out, uint32(cost.Lanes))
	nonce := make([]byte, nonceSize)
	rand.Read(nonce)
	out = append(out, nonce...)
	cipherKey, tagKey := derive(passphrase, out[:saltSize], cost)
	hidden, err := xor(cipherKey, nonce, key)
	if err != nil {
		return "", err
	}
	out = append(out, hidden...)
	mac, err := tag(tagKey, out)
	if err != nil {
		return "", err
	}
	return header + base64.RawURLEncoding.EncodeToString(append(out, mac...)), nil
}

// Unwrap returns the key as k4.secret.…; ErrFormat or ErrPassphrase otherwise.
func Unwrap(text string, passphrase []byte) (string, error) {
	body, found := strings.CutPrefix(strings.TrimSpace(text), header)
	raw, err := base64.RawURLEncoding.Strict().DecodeString(body)
	if !found || err != nil || len(raw) != saltSize+costSize+nonceSize+keySize+tagSize {
		return "", ErrFormat
	}
	cost, ok := readCost(raw[saltSize:])
	if !ok {
		return "", ErrFormat
	}
	cipherKey, tagKey := derive(passphrase, raw[:saltSize], cost)
	signed, mac := raw[:len(raw)-tagSize], raw[len(raw)-tagSize:]
	want, err := tag(tagKey, signed)
	if err != nil {
		return "", err
	}
	if subtle.ConstantTimeCompare(want, mac) != 1 {
		return "", ErrPassphrase
	}
	rest := signed[saltSize+costSize:]
	key, err := xor(cipherKey, rest[:nonceSize], rest[nonceSize:])
	if err != nil {
		return "", err
	}
	return plainHeader + base64.RawURLEncoding.EncodeToString(key), nil
}

func readCost(b []byte) (Cost, bool) {
	octets, passes, lanes := binary.BigEndian.Uint64(b), binary.BigEndian.Uint32(b[8:]), binary.BigEndian.Uint32(b[12:])
	kib := octets >> 10
	ok := octets%1024 == 0 && kib >= 8 && kib <= maxMemory && passes >= 1 && passes <= maxPasses && lanes >= 1 && lanes <= 255
	return Cost{uint32(kib), passes, uint8(lanes)}, ok
}

// derive makes the two keys of the format from the passphrase.
func derive(passphrase, salt []byte, c Cost) (cipherKey, tagKey [blake2b.Size256]byte) {
	k := argon2.IDKey(passphrase, salt, c.Passes, c.Memory, c.Lanes, 32)
	return blake2b.Sum256(append([]byte{0xff}, k...)), blake2b.Sum256(append([]byte{0xfe}, k...))
}

func xor(key [blake2b.Size256]byte, nonce, in []byte) ([]byte, error) {
	c, err := chacha20.NewUnauthenticatedCipher(key[:], nonce)
	if err != nil {
		return nil, err
	}
	out := make([]byte, len(in))
	c.XORKeyStream(out, in)
	return out, nil
}

func tag(key [blake2b.Size256]byte, text []byte) ([]byte, error) {
	h, err := blake2b.New256(key[:])
	if err != nil {
		return nil, err
	}
	h.Write([]byte(header))
	h.Write(text)
	return h.Sum(nil), nil
}
