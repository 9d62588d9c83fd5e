package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"runtime"
	"strconv"
	"time"

	"tallygate/cmd/internal/load"
)

// Overload is what becomes of a gateway that is offered far more accounting than it can
// store. Server and generator have a core each.
type Overload struct {
	Sustainable float64            // answers a second, before
	Offered     float64            // datagrams a second that were sent
	Answered    float64            // answers a second, meanwhile
	Recovered   float64            // answers a second, right after
	Resident    []int64            // octets: before, and at the end of each of the two floods
	Drops       map[string]float64 // requests that the gateway or its kernel buffer dropped, by reason
}

// overload floods a gateway.
func (b *bench) overload(ctx context.Context) error {
	if runtime.NumCPU() < 2 {
		return errors.New("needs two processors")
	}
	g, err := b.gateway(ctx, b.venue, 0)
	if err != nil {
		return err
	}
	defer g.close()
	pinned := b.load(load.Acct, windows[len(windows)-1], 600_000)
	pinned.CPUs = []int{1}
	before, err := measure(ctx, &g.server, pinned)
	if err != nil {
		return err
	}
	o := &Overload{Sustainable: before.PerSecond, Resident: []int64{before.Resident}, Drops: map[string]float64{}}
	had, err := drops(ctx, g.admin)
	if err != nil {
		return err
	}

	flood := pinned
	flood.Rate, flood.Ports, flood.Window = 3*before.PerSecond, 1024, 256
	flood.Timeout, flood.Retries = time.Second, -1 // who gets no answer makes room for the next
	flood.Duration = max(b.times.run, 2*time.Second)
	flood.Prepare = 1_500_000
	// Two of them: by the second, every queue and cache is as full as it gets.
	for range 2 {
		meanwhile, err := run(ctx, &g.server, flood)
		if err != nil {
			return err
		}
		// An answer that comes late is an answer: the generator gives up sooner than a NAS.
		o.Answered = float64(meanwhile.Acct.Answered+meanwhile.Acct.Late) / meanwhile.Seconds
		o.Offered = float64(meanwhile.Acct.Sent) / (flood.WarmUp + flood.Duration).Seconds()
		o.Resident = append(o.Resident, meanwhile.Resident)
	}
	have, err := drops(ctx, g.admin)
	if err != nil {
		return err
	}
	for reason, n := range have {
		if n > had[reason] {
			o.Drops[reason] = n - had[reason]
		}
	}

	// Late answers may still come, to ports that the system has given out anew: from there
	// they look forged. So here the replies are not judged.
	after, err := run(ctx, &g.server, pinned)
	if err != nil {
		return fmt.Errorf("after the flood: %w", err)
	}
	o.Recovered = after.PerSecond
	b.result.Overload = o
	return nil
}

// drops reads from a gateway's metrics what its accounting port has dropped, by reason.
func drops(ctx context.Context, admin string) (map[string]float64, error) {
	page, err := metrics(ctx, admin)
	if err != nil {
		return nil, err
	}
	out := map[string]float64{}
	for _, m := range dropped.FindAllStringSubmatch(page, -1) {
		reason := m[1]
		if reason == "" {
			reason = "kernel buffer full"
		}
		if n, err := strconv.ParseFloat(m[2], 64); err == nil {
			out[reason] += n
		}
	}
	return out, nil
}

// metrics reads a gateway's metrics.
func metrics(ctx context.Context, admin string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+admin+"/metrics", nil)
	if err != nil {
		return "", err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", fmt.Errorf("read the gateway's metrics: %w", err)
	}
	defer func() { _ = answer.Body.Close() }()
	page, err := io.ReadAll(answer.Body)
	if err != nil {
		return "", fmt.Errorf("read the gateway's metrics: %w", err)
	}
	return string(page), nil
}

// dropped finds a counter of drops and its value. Labels come in alphabetical order.
var dropped = regexp.MustCompile(`(?m)^tallygate_radius_(?:kernel_)?dropped_total{listener="acct"(?:,reason="([^"]*)")?} (\S+)$`)
