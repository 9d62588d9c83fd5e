package licensing

import (
	"bytes"
	"encoding/json"
)

// upgradeText is an Upgrade in JSON. A limit that is left out stays as it is, so that
// "not limited" needs a word of its own: null would be lost.
type upgradeText struct {
	APs           *limitText `json:"aps,omitempty"`
	Rooms         *limitText `json:"rooms,omitempty"`
	AddModules    []string   `json:"add_modules,omitempty"`
	RemoveModules []string   `json:"remove_modules,omitempty"`
}

// limitText is a Limit as a number or "not limited".
type limitText Limit

// MarshalJSON writes only what the upgrade changes.
func (u Upgrade) MarshalJSON() ([]byte, error) {
	return json.Marshal(upgradeText{(*limitText)(u.APs), (*limitText)(u.Rooms), u.AddModules, u.RemoveModules})
}

// UnmarshalJSON is strict, as the reader of the whole order is: it cannot hand that down.
func (u *Upgrade) UnmarshalJSON(b []byte) error {
	var t upgradeText
	decoder := json.NewDecoder(bytes.NewReader(b))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&t); err != nil {
		return err
	}
	*u = Upgrade{(*Limit)(t.APs), (*Limit)(t.Rooms), t.AddModules, t.RemoveModules}
	return nil
}

func (l limitText) MarshalJSON() ([]byte, error) {
	if Limit(l) == Unlimited {
		return json.Marshal(Unlimited.String())
	}
	return Limit(l).MarshalJSON()
}

func (l *limitText) UnmarshalJSON(b []byte) error {
	if string(b) == `"`+Unlimited.String()+`"` {
		*l = limitText(Unlimited)
		return nil
	}
	return (*Limit)(l).UnmarshalJSON(b)
}
