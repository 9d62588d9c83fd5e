package main

import (
	"context"
	_ "embed" // the packets
	"fmt"
	"time"

	"layeh.com/radius"

	"tallygate/cmd/internal/simulate"
	"tallygate/licensing"
)

//go:embed demo_packets.txt
var demoPackets string

const demoLocation = "28DMO001"

// story is the venue and what is known about it while the demo is played.
type story struct {
	*stage
	gateway *throwaway
	packets map[string]simulate.Request
	aps     map[string]*simulate.NAS // a UDP port of its own for each
	license string                   // number
}

// playDemo plays the main job (DESIGN section 8). The error is a fault of the demo
// itself; what the gateway does is shown and judged on the stage.
func playDemo(ctx context.Context, stage *stage, g *throwaway) error {
	s := &story{stage: stage, gateway: g, packets: map[string]simulate.Request{}, aps: map[string]*simulate.NAS{}}
	captures, err := simulate.ParseCaptures(demoPackets)
	if err != nil {
		return fmt.Errorf("the demo's packets: %w", err)
	}
	for _, c := range captures {
		s.packets[c.Name] = c.Request
	}
	for _, ap := range []string{"UniFi", "Aruba", "MikroTik"} {
		nas, err := simulate.Dial(g.auth, g.acct, demoSecret)
		if err != nil {
			return err
		}
		defer nas.Close()
		s.aps[ap] = nas
	}
	s.step("a gateway on free loopback ports with a store of its own", "ready", "ready", nil)
	for _, scene := range []func(context.Context){s.setUp, s.oneGuest, s.fiveGuests, s.limit, s.denial} {
		if scene(ctx); ctx.Err() != nil {
			return nil
		}
	}
	return nil
}

// setUp is what a distributor and an operator enter, once.
func (s *story) setUp(ctx context.Context) {
	key := s.gateway.dir + "/license-key.txt"
	var id struct{ Key string }
	for _, c := range []struct {
		what string
		into any
		args []string
	}{
		{"operator: an Organization", nil, []string{"organization", "add", "Demo Hotels", "--realm", "demohotel", "--code", "DMO"}},
		{"operator: a Location of it", nil, []string{"location", "add", "Hotel Demo", "--realm", "demohotel", "--time-zone", "Europe/Madrid", "--id", demoLocation}},
		{"operator: its access points as RADIUS client", nil, []string{
			"client", "add", "access-points", "--address", "127.0.0.1/32", "--secret", demoSecret, "--location", demoLocation}},
		{"operator: the gateway's key, for the distributor", &id, []string{"gateway", "id"}},
	} {
		err := s.gateway.command(ctx, c.into, c.args...)
		s.step(c.what, "done", "done", err)
	}
	err := s.gateway.command(ctx, nil, "issuer", "grant", "--dir", s.gateway.issuer, "--organization", "Demo Hotels", "--realm", "demohotel",
		"--gateway", id.Key, "--location", demoLocation, "--years", "1", "--aps", "2", "--out", key)
	s.step("distributor: signs a license for 1 year, 2 APs, this gateway", "done", "done", err)

	var activation licensing.Activation
	err = s.gateway.command(ctx, &activation, "license", "activate", "@"+key, "--location", demoLocation)
	if len(activation.Licenses) > 0 {
		s.license = activation.Licenses[0].Number
	}
	s.step("operator: enters the signed key", "done", "done", err)
	s.count(ctx, "license: waits for its guests", "0 of 5, Pending Start, APs 0 of 2")
}

// oneGuest arrives through two access points, in three notations, over a bad line.
func (s *story) oneGuest(ctx context.Context) {
	s.access(ctx, "UniFi", "e4 at the UniFi AP", "guest 1 as E4-B2-FB-44-EF-D6: MAC login at the UniFi AP", "Access-Accept")
	s.account(ctx, "UniFi", "e4 starts at the UniFi AP", "guest 1: Start; two answers get lost, the AP sends it 3 times", 2)
	s.count(ctx, "license: counts the guest once", "1 of 5, Pending Start, APs 1 of 2")
	s.access(ctx, "Aruba", "e4 at the Aruba AP", "guest 1 as e4b2fb44efd6: moves to the Aruba AP, portal login", "Access-Accept")
	s.account(ctx, "Aruba", "e4 starts at the Aruba AP", "guest 1 as e4b2fb44efd6: Start at the Aruba AP", 0)
	s.account(ctx, "Aruba", "e4 in a third notation", "guest 1 as E4:B2:FB:44:EF:D6: Interim-Update, one answer lost", 1)
	s.count(ctx, "license: still one device, in three notations", "1 of 5, Pending Start, APs 2 of 2")
}

// fiveGuests is how the license starts.
func (s *story) fiveGuests(ctx context.Context) {
	s.access(ctx, "Aruba", "da at the Aruba AP", "guest 2: portal login at the Aruba AP", "Access-Accept")
	s.account(ctx, "Aruba", "da starts", "guest 2: Start", 0)
	s.count(ctx, "license", "2 of 5, Pending Start, APs 2 of 2")
	s.account(ctx, "UniFi", "84 starts", "guest 3: Start at the UniFi AP, whose clock is not set", 0)
	s.count(ctx, "license", "3 of 5, Pending Start, APs 2 of 2")
	s.account(ctx, "UniFi", "f8 stops", "guest 4: only the Stop gets through", 0)
	s.count(ctx, "license", "4 of 5, Pending Start, APs 2 of 2")
	s.access(ctx, "Aruba", "f2 at the Aruba AP", "guest 5: portal login from a randomised address", "Access-Accept")
	s.account(ctx, "Aruba", "f2 starts", "guest 5: Start, three answers lost", 3)
	s.count(ctx, "license: the fifth device starts it", "5 of 5, In Use, APs 2 of 2")

	var e licensing.Explanation
	err := s.gateway.command(ctx, &e, "license", "explain", s.license)
	got := "no start receipt"
	if e.Receipt != nil {
		got = fmt.Sprintf("%d devices in the start receipt", len(e.Receipt.Sightings))
	}
	s.step("license: explains its start", "5 devices in the start receipt", got, err)
}

// limit: the license covers two access points.
func (s *story) limit(ctx context.Context) {
	s.access(ctx, "MikroTik", "bc at the MikroTik hotspot", "guest 6: CHAP login at a third AP, a MikroTik hotspot",
		"Access-Reject: "+licensing.ReasonAPLimit.Text())
}

// denial: access is denied by hand, and given back.
func (s *story) denial(ctx context.Context) {
	err := s.gateway.command(ctx, nil, "license", "deny", s.license, "--reason", "invoice unpaid", "--yes")
	s.step("operator: denies access, invoice unpaid", "done", "done", err)
	s.count(ctx, "license", "5 of 5, Access denied, APs 2 of 2")
	s.access(ctx, "UniFi", "e4 at the UniFi AP", "guest 1: comes back to the UniFi AP", "Access-Reject: "+licensing.ReasonAccessDenied.Text())
	err = s.gateway.command(ctx, nil, "license", "restore", s.license, "--yes")
	s.step("operator: lifts the denial", "done", "done", err)
	s.count(ctx, "license", "5 of 5, In Use, APs 2 of 2")
	s.access(ctx, "UniFi", "e4 at the UniFi AP", "guest 1: tries again", "Access-Accept")

	var audit licensing.AuditReport
	err = s.gateway.command(ctx, &audit, "audit", "verify")
	s.step("audit log: unbroken", "true", fmt.Sprint(audit.OK), err)
}

// access sends an Access-Request.
func (s *story) access(ctx context.Context, ap, packet, what, expected string) {
	reply, err := s.send(ctx, ap, packet, 0)
	got := reply.Code.String()
	if reply.Code == radius.CodeAccessReject {
		got += ": " + reply.Message
	}
	s.step(what, expected, got, err)
}

// account sends an accounting record; the first answers to it get lost.
func (s *story) account(ctx context.Context, ap, packet, what string, lost int) {
	reply, err := s.send(ctx, ap, packet, lost)
	got := "acknowledged"
	if reply.Transmissions <= lost {
		got = "acknowledged too early"
	}
	s.step(what, "acknowledged", got, err)
}

func (s *story) send(ctx context.Context, ap, packet string, lost int) (simulate.Reply, error) {
	request, ok := s.packets[packet]
	if !ok {
		return simulate.Reply{}, fmt.Errorf("there is no packet %q", packet)
	}
	// Generous: a busy machine must not look like a gateway that does not answer.
	d := simulate.Delivery{Timeout: 10 * time.Second}
	if lost > 0 {
		// Each retransmission of accounting is a new packet: other Identifier, other authenticator.
		request.Delays = request.Code == radius.CodeAccountingRequest
		d = simulate.Delivery{Timeout: 300 * time.Millisecond, Retries: lost + 5, Fate: func(attempt int) simulate.Fate {
			return simulate.Fate{LoseReply: attempt < lost, Duplicate: true}
		}}
	}
	return s.aps[ap].Exchange(ctx, &request, d)
}

// count reads the license as an operator does.
func (s *story) count(ctx context.Context, what, expected string) {
	var all []licensing.Summary
	err := s.gateway.command(ctx, &all, "license", "list")
	got := fmt.Sprintf("%d licenses", len(all))
	if len(all) == 1 {
		l := all[0]
		got = fmt.Sprintf("%s, %s, APs %s", tally(l), l.State, usage(l.APs))
	}
	s.step(what, expected, got, err)
}
