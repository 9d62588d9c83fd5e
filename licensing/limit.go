package licensing

import (
	"encoding/json"
	"strconv"
)

// Limit is a number of APs or rooms, or not limited. The zero value is 0: none at all.
// In JSON it is the number, or null when not limited.
type Limit int

// Unlimited is the Limit that never refuses.
const Unlimited Limit = -1

// Allows reports whether n things are within the limit.
func (l Limit) Allows(n int) bool { return l == Unlimited || n <= int(l) }

func (l Limit) String() string {
	if l == Unlimited {
		return "not limited"
	}
	return strconv.Itoa(int(l))
}

// MarshalJSON writes the number, or null for Unlimited.
func (l Limit) MarshalJSON() ([]byte, error) {
	if l == Unlimited {
		return []byte("null"), nil
	}
	return strconv.AppendInt(nil, int64(l), 10), nil
}

// UnmarshalJSON reads a number >= 0, or null.
func (l *Limit) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*l = Unlimited
		return nil
	}
	var n int
	if err := json.Unmarshal(b, &n); err != nil || n < 0 {
		return Errorf(CodeInvalid, "a limit is a number from 0 up, or null for not limited; got %s", b)
	}
	*l = Limit(n)
	return nil
}
