package store

import (
	"crypto/hmac"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// headFile is what the head file says: the log's last entry at some time. It is keyed
// like the entries are. Without that, who cuts the log's end could read the link of the
// new last entry in the database and write it into the file.
type headFile struct {
	found bool // there is one
	seq   int64
	link  []byte
	err   error // why it cannot be believed
}

var errNoHead = errors.New("the head file of the audit log is not readable as one")

func (c *chain) note() error {
	return writeFile(c.path, fmt.Appendf(nil, "%d %x %x\n", c.seq, c.head, c.headMAC(c.seq, c.head)))
}

func (c *chain) headMAC(seq int64, link []byte) []byte {
	return c.mac([]byte("tallygate audit head"), fmt.Appendf(nil, "%d", seq), link)
}

func (c *chain) readHead() headFile {
	text, err := os.ReadFile(c.path)
	if errors.Is(err, fs.ErrNotExist) {
		return headFile{}
	}
	if err != nil {
		return headFile{found: true, err: fmt.Errorf("the head file of the audit log cannot be read: %w", err)}
	}
	h := headFile{found: true}
	var link, mac string
	if n, _ := fmt.Sscanf(string(text), "%d %s %s", &h.seq, &link, &mac); n != 3 {
		return headFile{found: true, err: errNoHead}
	}
	var sum []byte
	if h.link, err = hex.DecodeString(link); err == nil {
		sum, err = hex.DecodeString(mac)
	}
	switch {
	case err != nil:
		h.err = errNoHead
	case !hmac.Equal(sum, c.headMAC(h.seq, h.link)):
		h.err = errors.New("the head file of the audit log was not written by this gateway")
	}
	return h
}
