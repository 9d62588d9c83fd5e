package store

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tallygate/licensing"
	"tallygate/macwatch"
)

func (v *venue) local() *venue {
	v.t.Helper()
	s := v.location.Settings
	s.Guests = licensing.GuestsLocal
	l, err := v.s.SetLocation(ctx, by, v.location.Code, s)
	require.NoError(v.t, err)
	v.location = l
	return v
}

// tickets makes some and returns their codes.
func (v *venue) tickets(n, devices int, validFor time.Duration) (codes []string) {
	v.t.Helper()
	made, err := v.s.CreateTickets(ctx, by, v.location.Code, macwatch.TicketOrder{Count: n, Devices: devices, ValidFor: validFor})
	require.NoError(v.t, err)
	for _, i := range made.List {
		codes = append(codes, i.UserName)
	}
	return codes
}

// pass is what a log-in finds.
func (v *venue) pass(name string) *macwatch.Pass {
	return v.s.Passes().Find(v.location.ID, macwatch.PassKey(nil, []byte(name)))
}

// use claims a place on the pass, for a device.
func (v *venue) use(p *macwatch.Pass, device macwatch.MAC, change ...func(*macwatch.Claim)) *macwatch.Claim {
	v.t.Helper()
	c := collector{make(chan struct{}, 1)}
	claim := &macwatch.Claim{Location: v.location.ID, Pass: p, MAC: device, At: v.clock.now(), Done: c}
	for _, f := range change {
		f(claim)
	}
	require.True(v.t, v.s.Claim(claim))
	<-c.done
	return claim
}

func TestFirstUseIsDurableAndOnce(t *testing.T) {
	v := openVenue(t)
	code := v.tickets(1, 2, time.Hour)[0]
	first := v.use(v.pass(code), guest(1))
	require.NoError(t, first.Err)
	require.Equal(t, macwatch.ClaimGranted, first.Result)
	require.Equal(t, v.clock.now().Add(time.Hour), first.PassEnd)
	require.Equal(t, []macwatch.MAC{guest(1)}, v.pass(code).Bound, "published before the claim came back")

	v.crash(t.TempDir())
	require.Equal(t, []macwatch.MAC{guest(1)}, v.pass(code).Bound)
	v.clock.advance(30 * time.Minute)
	second := v.use(v.pass(code), guest(2))
	require.Equal(t, first.PassEnd, second.PassEnd, "the first use counts, whoever comes later")
	require.Equal(t, macwatch.ClaimPassFull, v.use(v.pass(code), guest(3)).Result)
	require.Equal(t, macwatch.ClaimGranted, v.use(v.pass(code), guest(1)).Result)

	v.clock.advance(30 * time.Minute)
	require.Equal(t, macwatch.ClaimPassOver, v.use(v.pass(code), guest(1)).Result)
	info, err := v.s.Ticket(ctx, v.location.Code, code)
	require.NoError(t, err)
	require.Equal(t, macwatch.PassExpired, info.State)
	require.Equal(t, []macwatch.MAC{guest(1), guest(2)}, info.UsedBy)
}

// Many devices at once want the last places of many tickets: each ticket lets in as many
// as it allows, and rows and memory agree.
func TestManyDevicesForTheLastPlaces(t *testing.T) {
	v := openVenue(t)
	const tickets, devices, crowd = 5, 3, 20
	codes := v.tickets(tickets, devices, time.Hour)
	granted := make([][crowd]bool, tickets)
	var wg sync.WaitGroup
	for n := range tickets {
		stale := v.pass(codes[n]) // all decide with what they saw before anybody came
		for d := range crowd {
			wg.Go(func() { granted[n][d] = v.use(stale, guest(n*crowd+d)).Result == macwatch.ClaimGranted })
		}
	}
	wg.Wait()
	for n := range tickets {
		in := 0
		for _, ok := range granted[n] {
			if ok {
				in++
			}
		}
		require.Equal(t, devices, in)
		info, err := v.s.Ticket(ctx, v.location.Code, codes[n])
		require.NoError(t, err)
		require.Equal(t, v.pass(codes[n]).Bound, info.UsedBy)
		for _, m := range info.UsedBy {
			require.True(t, granted[n][int(m-guest(0))-n*crowd])
		}
	}
}

// A claim is granted as a whole or not at all: without a slot for its AP, a guest's
// ticket stays unused.
func TestAPassIsNotUsedWithoutASlot(t *testing.T) {
	v := openVenue(t)
	terms := v.terms()
	terms.APs = 1
	v.activate(terms)
	require.Equal(t, macwatch.ClaimGranted, v.claim("ap-1"))
	code := v.tickets(1, 1, time.Hour)[0]
	onAP := func(name string) func(*macwatch.Claim) { return func(c *macwatch.Claim) { c.AP = name } }
	require.Equal(t, macwatch.ClaimAPFull, v.use(v.pass(code), guest(1), onAP("ap-2")).Result)
	require.True(t, v.pass(code).FirstUse.IsZero())
	require.Equal(t, macwatch.ClaimGranted, v.use(v.pass(code), guest(2), onAP("ap-1")).Result)
	roster, err := v.s.Slots(ctx, v.location.Code, macwatch.KindAP)
	require.NoError(t, err)
	taken := v.use(v.pass(code), guest(1), onAP("ap-3"))
	require.Equal(t, macwatch.ClaimPassFull, taken.Result)
	after, err := v.s.Slots(ctx, v.location.Code, macwatch.KindAP)
	require.NoError(t, err)
	require.Equal(t, roster, after, "nor is a slot taken without a place on the ticket")
}

// Revoking, restarting, using, letting time pass, in any order: memory says what the
// rows say, and both what a plain model says.
func TestPassesFollowAModel(t *testing.T) {
	v := openVenue(t)
	rapid.Check(t, func(r *rapid.T) {
		type model struct {
			first   time.Time
			bound   []macwatch.MAC
			revoked bool
		}
		codes := v.tickets(3, 2, time.Hour)
		truth := map[string]*model{}
		for _, c := range codes {
			truth[c] = &model{}
		}
		r.Repeat(map[string]func(*rapid.T){
			"use": func(r *rapid.T) {
				code, device := rapid.SampledFrom(codes).Draw(r, "code"), guest(rapid.IntRange(1, 4).Draw(r, "device"))
				m, now := truth[code], v.clock.now()
				p := v.pass(code)
				want := macwatch.ClaimGranted
				switch known := contains(m.bound, device); {
				case m.revoked || !m.first.IsZero() && !now.Before(m.first.Add(time.Hour)):
					want = macwatch.ClaimPassOver
				case !known && len(m.bound) == 2:
					want = macwatch.ClaimPassFull
				default:
					if m.first.IsZero() {
						m.first = now
					}
					if !known {
						m.bound = append(m.bound, device)
					}
				}
				require.Equal(r, want, v.use(p, device).Result)
			},
			"revoke": func(r *rapid.T) {
				code := rapid.SampledFrom(codes).Draw(r, "code")
				err := v.s.RevokeTicket(ctx, by, v.location.Code, code)
				require.Equal(r, truth[code].revoked, licensing.CodeOf(err) == licensing.CodeNotFound && err != nil)
				truth[code].revoked = true
			},
			"rehearse": func(*rapid.T) {
				_ = v.s.RevokeTicket(ctx, licensing.Change{By: "x", DryRun: true}, v.location.Code, codes[0])
			},
			"restart": func(r *rapid.T) {
				if rapid.IntRange(0, 9).Draw(r, "one in ten") == 0 { // it takes longer than all the rest
					v.restart()
				}
			},
			"wait": func(*rapid.T) { v.clock.advance(20 * time.Minute) },
			"": func(r *rapid.T) {
				for _, code := range codes {
					m, p := truth[code], v.pass(code)
					require.Equal(r, m.first, p.FirstUse)
					require.Equal(r, m.revoked, !p.RevokedAt.IsZero())
					require.Equal(r, m.bound, p.Bound)
					info, err := v.s.Ticket(ctx, v.location.Code, code)
					require.NoError(r, err)
					require.Equal(r, p.State(v.s.Now()), info.State)
				}
			},
		})
	})
}

func contains(list []macwatch.MAC, m macwatch.MAC) bool {
	for _, x := range list {
		if x == m {
			return true
		}
	}
	return false
}

func TestTicketsThatCannotBe(t *testing.T) {
	v := openVenue(t)
	good := macwatch.TicketOrder{Count: 1, Devices: 1, ValidFor: time.Hour}
	for name, change := range map[string]func(*macwatch.TicketOrder){
		"none":                  func(o *macwatch.TicketOrder) { o.Count = 0 },
		"too many":              func(o *macwatch.TicketOrder) { o.Count = macwatch.MaxTickets + 1 },
		"without an end":        func(o *macwatch.TicketOrder) { o.ValidFor = 0 },
		"over already":          func(o *macwatch.TicketOrder) { o.ExpiresAt = v.clock.now() },
		"negative":              func(o *macwatch.TicketOrder) { o.ValidFor = -time.Hour },
		"for ever":              func(o *macwatch.TicketOrder) { o.ValidFor = 1 << 62 },
		"no device":             func(o *macwatch.TicketOrder) { o.Devices = 0 },
		"any number of devices": func(o *macwatch.TicketOrder) { o.Devices = 1000 },
		"bandwidth":             func(o *macwatch.TicketOrder) { o.Down = -1 },
		"prefix":                func(o *macwatch.TicketOrder) { o.Prefix = "a b" },
		"short":                 func(o *macwatch.TicketOrder) { o.Length = 3 },
		"long":                  func(o *macwatch.TicketOrder) { o.Length = 30 },
		"short for so many":     func(o *macwatch.TicketOrder) { o.Count, o.Length = 1000, 6 },
		"note":                  func(o *macwatch.TicketOrder) { o.Note = "a\nb" },
	} {
		o := good
		change(&o)
		_, err := v.s.CreateTickets(ctx, by, v.location.Code, o)
		require.Equal(t, licensing.CodeInvalid, licensing.CodeOf(err), name)
	}
	_, err := v.s.CreateTickets(ctx, by, "28N2S999", good)
	require.Equal(t, licensing.CodeNotFound, licensing.CodeOf(err))
	made, err := v.s.CreateTickets(ctx, licensing.Change{By: "x", DryRun: true}, v.location.Code, good)
	require.NoError(t, err)
	require.Nil(t, v.pass(made.List[0].UserName), "a rehearsal makes nothing")
	batches, err := v.s.TicketBatches(ctx, v.location.Code)
	require.NoError(t, err)
	require.Empty(t, batches)
}

// The codes of tickets and the passwords of credentials are secrets: the audit log does
// not hold them, nor the addresses of devices.
func TestTheAuditLogHoldsNoCodes(t *testing.T) {
	v := openVenue(t).local()
	code := v.tickets(1, 1, time.Hour)[0]
	require.Equal(t, macwatch.ClaimGranted, v.use(v.pass(code), guest(1)).Result)
	require.NoError(t, v.s.RevokeTicket(ctx, by, v.location.Code, code))
	made, err := v.s.IssueCredential(ctx, licensing.Change{By: "token portal"}, v.location.Code, macwatch.CredentialOrder{MAC: guest(2), UserID: "anna"})
	require.NoError(t, err)
	require.NoError(t, v.s.RevokeCredential(ctx, by, v.location.Code, made.UserName))
	text := ""
	require.NoError(t, v.s.AuditEntries(ctx, licensing.AuditFilter{}, func(e licensing.AuditEntry) error {
		text += fmt.Sprintf("%+v %s\n", e, e.Detail)
		return nil
	}))
	for _, secret := range []string{code, made.Password, guest(1).String(), guest(2).String()} {
		require.NotContains(t, text, secret)
	}
	require.Contains(t, text, "ticket.create")
	require.Contains(t, text, "ticket.revoke")
	require.Contains(t, text, "portal.revoke")
}

func TestPortalCredentials(t *testing.T) {
	v := openVenue(t).local()
	made, err := v.s.IssueCredential(ctx, licensing.Change{By: "token lobby"}, v.location.Code,
		macwatch.CredentialOrder{ValidFor: 2 * time.Hour, LoginWithin: time.Minute, UserID: "+34 600", Room: "412", Down: 1000})
	require.NoError(t, err)
	require.Equal(t, v.clock.now().Add(time.Minute), made.LoginBefore)
	v.crash(t.TempDir()) // what was answered is durable
	p := v.pass(made.UserName)
	require.Equal(t, made.Password, p.Password)
	v.clock.advance(time.Minute)
	require.Equal(t, macwatch.ClaimPassOver, v.use(p, guest(1)).Result, "nobody came in time")

	made, err = v.s.IssueCredential(ctx, by, v.location.Code, macwatch.CredentialOrder{MAC: guest(7)})
	require.NoError(t, err)
	require.Equal(t, macwatch.ClaimPassFull, v.use(v.pass(made.UserName), guest(8)).Result, "it is another device's")
	used := v.use(v.pass(made.UserName), guest(7))
	require.Equal(t, macwatch.ClaimGranted, used.Result)
	require.Equal(t, v.clock.now().Add(macwatch.DefaultVisit), used.PassEnd)
	var all []macwatch.PassInfo
	require.NoError(t, v.s.Credentials(ctx, v.location.Code, func(i macwatch.PassInfo) error { all = append(all, i); return nil }))
	require.Len(t, all, 2)
	require.Equal(t, "token lobby", all[0].CreatedBy)
	require.Equal(t, "+34 600", all[0].UserID)
	require.Equal(t, macwatch.PassExpired, all[0].State)
}

// A credential that cannot be written is an error, and nobody can log in with it.
func TestACredentialThatCannotBeWritten(t *testing.T) {
	v := openVenue(t).local()
	require.NoError(t, v.s.Close())
	_, err := v.s.IssueCredential(ctx, by, v.location.Code, macwatch.CredentialOrder{})
	require.Equal(t, licensing.CodeUnavailable, licensing.CodeOf(err))
	require.Empty(t, v.s.Passes().All())
	v.open()
}

// What is over leaves memory after a week, and the rows with the sessions of its time.
func TestPassesThatAreOverAreForgotten(t *testing.T) {
	v := openVenue(t, func(o *Options) { o.KeepSessions = 30 * 24 * time.Hour }).local()
	lasting := v.tickets(1, 1, time.Hour)[0]
	made, err := v.s.IssueCredential(ctx, by, v.location.Code, macwatch.CredentialOrder{MAC: guest(1)})
	require.NoError(t, err)
	require.Equal(t, macwatch.ClaimGranted, v.use(v.pass(made.UserName), guest(1)).Result)
	listed := func() (n int) {
		require.NoError(t, v.s.Credentials(ctx, v.location.Code, func(macwatch.PassInfo) error { n++; return nil }))
		return n
	}
	v.set(v.clock.advance, 7*24*time.Hour)
	require.NotNil(t, v.pass(made.UserName), "its guest is told that it has expired")
	v.set(v.clock.advance, 25*time.Hour)
	require.Nil(t, v.pass(made.UserName))
	require.NotNil(t, v.pass(lasting), "a ticket that nobody has used yet is good for ever")
	require.Equal(t, 1, listed())
	v.restart()
	require.Nil(t, v.pass(made.UserName))
	v.set(v.clock.advance, 24*24*time.Hour)
	require.Zero(t, listed())
	require.NotNil(t, v.pass(lasting))
}
