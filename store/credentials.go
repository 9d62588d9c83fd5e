package store

import (
	"cmp"
	"context"
	"time"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// IssueCredential makes a credential for a guest whom a portal has let in. Portals wait
// for it, and a venue asks for thousands a day: it goes with the group commit, rebuilds
// nothing, and its row, which says who asked for whom, is its trace.
func (s *Store) IssueCredential(ctx context.Context, ch licensing.Change, location string, o macwatch.CredentialOrder) (made macwatch.Credential, err error) {
	l, err := s.Location(ctx, location)
	if err != nil {
		return made, err
	}
	o.Devices, o.LoginWithin = cmp.Or(o.Devices, 1), cmp.Or(o.LoginWithin, macwatch.DefaultLogin)
	if o.ValidFor == 0 && o.Until.IsZero() && o.Surname == "" {
		o.ValidFor = macwatch.DefaultVisit
	}
	if err := s.checkCredential(l, &o); err != nil {
		return made, err
	}
	if ch.DryRun {
		return made, nil // there is nothing that could still go wrong but the disk
	}
	err = s.with(ctx, func(b *batch) (refused, err error) {
		made, err = b.issue(l.ID, o, ch.By)
		return nil, err
	})
	return made, err
}

func (s *Store) checkCredential(l licensing.Location, o *macwatch.CredentialOrder) error {
	if l.Settings.Guests != licensing.GuestsLocal {
		return licensing.Errorf(licensing.CodeConflict, "%s lets in whom the portal sends, whatever the password: it is set to --guests open", l.Code).
			WithHint("`tallygate location set %s --guests local` lets this gateway check credentials", l.Code)
	}
	if o.Surname != "" {
		stay, known := s.stayOf(l.ID, o.Room, o.Surname, s.Now())
		if !known {
			return licensing.Errorf(licensing.CodeNotFound, "no guest of this name is in this room now").
				WithHint("let the guest try again, and not too often: surnames are easily guessed")
		}
		if o.Room = stay.Room; o.Until.IsZero() || stay.Until.Before(o.Until) {
			o.Until = stay.Until
		}
	}
	if o.MAC != 0 {
		if err := checkDevice(o.MAC); err != nil {
			return err
		}
		var err error
		if o.MAC, err = s.veils.name(l.Code, o.MAC); err != nil {
			return err
		}
	}
	if o.LoginWithin < 10*time.Second || o.LoginWithin > macwatch.MaxLogin {
		return licensing.Errorf(licensing.CodeInvalid, "a credential waits 10 seconds to 24 hours for its log-in, not %s", o.LoginWithin).WithHint("5 minutes are usual")
	}
	return checkPass(&macwatch.Pass{Devices: o.Devices, ValidFor: o.ValidFor, ExpiresAt: o.Until, Down: o.Down, Up: o.Up}, s.Now(), o.Room, o.UserID, o.Note)
}

// issue writes it.
func (b *batch) issue(location int64, o macwatch.CredentialOrder, by string) (macwatch.Credential, error) {
	for {
		name, password := macwatch.NewGuestName()
		p := &macwatch.Pass{
			Location: location, Key: string(macwatch.PassKey(nil, []byte(name))), Kind: macwatch.PassPortal, UserName: name, Password: password,
			Devices: o.Devices, ValidFor: o.ValidFor, UseBefore: b.now.Add(o.LoginWithin), ExpiresAt: o.Until, Down: o.Down, Up: o.Up, Room: o.Room,
		}
		if o.MAC != 0 {
			p.Bound = []macwatch.MAC{o.MAC}
		}
		fresh, err := insertPass(context.Background(), b.w.conn, passAccount{Pass: p, userID: o.UserID, note: o.Note, createdAt: b.now, createdBy: by})
		if err != nil {
			return macwatch.Credential{}, err
		}
		if fresh {
			b.passes.set(p)
			return macwatch.Credential{UserName: name, Password: password, LoginBefore: p.UseBefore,
				ValidFor: int64(p.ValidFor / time.Second), ExpiresAt: p.ExpiresAt}, nil
		}
	}
}

// Credentials lists what portals have asked for at a Location, oldest first, without passwords.
func (s *Store) Credentials(ctx context.Context, location string, each func(macwatch.PassInfo) error) error {
	l, err := s.Location(ctx, location)
	if err != nil {
		return err
	}
	return s.eachPass(ctx, each, `WHERE location_id = ? AND kind = ? ORDER BY id`, l.ID, string(macwatch.PassPortal))
}

// RevokeCredential takes a portal's credential back.
func (s *Store) RevokeCredential(ctx context.Context, ch licensing.Change, location, userName string) error {
	return s.revokePass(ctx, ch, location, userName, macwatch.PassPortal, func(name, location string) error {
		return licensing.Errorf(licensing.CodeNotFound, "there is no credential %q at %s", name, location).
			WithHint("`tallygate guest credential list --location %s` shows them", location)
	})
}
