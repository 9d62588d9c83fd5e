package load

import "math/rand/v2"

// mishaps make the network as bad as configured. The same seed draws the same ones.
type mishaps struct {
	loss, duplicate, reorder int
	rng                      *rand.Rand
}

func newMishaps(cfg Config) *mishaps {
	return &mishaps{
		loss: cfg.Loss, duplicate: cfg.Duplicate, reorder: cfg.Reorder,
		rng: rand.New(rand.NewPCG(cfg.Seed, 0)),
	}
}

// strikes is true in percent of 100 cases.
func (m *mishaps) strikes(percent int) bool {
	return percent > 0 && m.rng.IntN(100) < percent
}
