package admin

import (
	"context"
	"net/http"
	"time"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// Credentials makes guests' credentials for portals, named by their user names.
type Credentials interface {
	IssueCredential(ctx context.Context, ch licensing.Change, location string, o macwatch.CredentialOrder) (macwatch.Credential, error)
	Credentials(ctx context.Context, location string, each func(macwatch.PassInfo) error) error
	RevokeCredential(ctx context.Context, ch licensing.Change, location, userName string) error
}

type credentialBody struct {
	MAC         string    `json:"mac,omitempty"`            // of the device that may use it, in any notation; absent: the first that does
	Devices     int       `json:"devices,omitempty"`        // default 1
	LoginWithin int64     `json:"login_within,omitempty"`   // seconds; default 300
	ValidFor    int64     `json:"valid_for,omitempty"`      // seconds from the first log-in; default 86400
	Until       time.Time `json:"until,omitzero"`           // over at the latest
	Down        int       `json:"bandwidth_down,omitempty"` // bit/s
	Up          int       `json:"bandwidth_up,omitempty"`   // bit/s
	Room        string    `json:"room,omitempty"`
	Surname     string    `json:"surname,omitempty"` // with room: a stay that must be known
	UserID      string    `json:"user_id,omitempty"` // whom the portal knows the guest as
	Note        string    `json:"note,omitempty"`
	CHAP        *chapBody `json:"chap,omitempty"` // MikroTik's challenge
	UAM         *uamBody  `json:"uam,omitempty"`  // CoovaChilli's challenge
}

// issued is a credential, and the answer to the challenge that came with the request.
type issued struct {
	macwatch.Credential
	Response string `json:"response,omitempty"`
}

func issueCredential(book Credentials) endpoint {
	return answer(func(ctx context.Context, q request[credentialBody]) (out issued, err error) {
		b := q.Body
		o := macwatch.CredentialOrder{
			Devices: b.Devices, LoginWithin: seconds(b.LoginWithin), ValidFor: seconds(b.ValidFor), Until: b.Until,
			Down: b.Down, Up: b.Up, Room: b.Room, Surname: b.Surname, UserID: b.UserID, Note: b.Note,
		}
		if b.MAC != "" {
			var ok bool
			if o.MAC, ok = macwatch.ParseMAC([]byte(b.MAC)); !ok {
				return out, licensing.Errorf(licensing.CodeInvalid, "%.40q is not a MAC address", b.MAC).
					WithHint("pass on the parameter of the make: mac, clientMac, client_mac, id; or leave it out")
			}
		}
		respond, err := b.challenge()
		if err != nil {
			return out, err // before there is a credential that nobody gets
		}
		if out.Credential, err = book.IssueCredential(ctx, q.Change, q.PathValue("location"), o); err == nil && respond != nil {
			out.Response = respond(out.Password)
		}
		return out, err
	})
}

func listCredentials(book Credentials) endpoint {
	return stream(func(ctx context.Context, q request[none], each func(macwatch.PassInfo) error) error {
		return book.Credentials(ctx, q.PathValue("location"), each)
	})
}

func revokeCredential(book Credentials) endpoint {
	return answer(func(ctx context.Context, q request[none]) (none, error) {
		return none{}, book.RevokeCredential(ctx, q.Change, q.PathValue("location"), q.PathValue("user"))
	})
}

// IssueCredential makes one.
func (c *Client) IssueCredential(ctx context.Context, ch licensing.Change, location string, o macwatch.CredentialOrder) (macwatch.Credential, error) {
	b := credentialBody{
		Devices: o.Devices, LoginWithin: int64(o.LoginWithin / time.Second), ValidFor: int64(o.ValidFor / time.Second), Until: o.Until,
		Down: o.Down, Up: o.Up, Room: o.Room, Surname: o.Surname, UserID: o.UserID, Note: o.Note,
	}
	if o.MAC != 0 {
		b.MAC = o.MAC.String()
	}
	return call[macwatch.Credential](ctx, c, http.MethodPost, path("locations", location, "credentials"), ch, b)
}

// Credentials lists them, oldest first, without passwords.
func (c *Client) Credentials(ctx context.Context, location string, each func(macwatch.PassInfo) error) error {
	return getEach(ctx, c, path("locations", location, "credentials"), each)
}

// RevokeCredential takes one back.
func (c *Client) RevokeCredential(ctx context.Context, ch licensing.Change, location, userName string) error {
	return change(ctx, c, http.MethodDelete, path("locations", location, "credentials", userName), ch, nil)
}
