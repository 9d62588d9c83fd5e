package licensing

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDecide(t *testing.T) {
	now := instant(t, "2026-06-01T12:00:00Z")
	lab := now.Add(time.Hour)
	l := yearLicense(t)
	l.Terms.Modules = []string{"guest", "business"}
	end, _ := l.End()

	pending := yearLicense(t)
	pending.StartedAt = time.Time{}
	denied := yearLicense(t)
	denied.Operator.At = now
	over := yearLicense(t)
	over.StartedAt = now.AddDate(-2, 0, 0)
	overEnd, _ := over.End()
	unassigned := &License{Zone: "UTC"}

	for _, c := range []struct {
		why   string
		facts Facts
		want  Verdict
	}{
		{"in use", Facts{License: l}, Verdict{Allowed: true, State: InUse, Until: end}},
		{"pending start", Facts{License: pending}, Verdict{Allowed: true, State: PendingStart}},
		{"claims what is free", Facts{License: l, AP: SlotFree, Room: SlotFree}, Verdict{Allowed: true, State: InUse, Until: end, ClaimAP: true, ClaimRoom: true}},
		{"claims the AP only", Facts{License: l, AP: SlotFree, Room: SlotNotNeeded}, Verdict{Allowed: true, State: InUse, Until: end, ClaimAP: true}},
		{"a module that it has", Facts{License: l, Module: "business"}, Verdict{Allowed: true, State: InUse, Until: end}},

		{"no license", Facts{}, Verdict{Reason: ReasonNoLicense}},
		{"not allotted here", Facts{Unallotted: true}, Verdict{Reason: ReasonPendingProvision}},
		{"not assigned", Facts{License: unassigned}, Verdict{Reason: ReasonPendingProvision, State: PendingProvision}},
		{"denied", Facts{License: denied}, Verdict{Reason: ReasonAccessDenied, State: AccessDenied, Until: end}},
		{"over", Facts{License: over}, Verdict{Reason: ReasonContractFinalized, State: ContractFinalized, Until: overEnd}},
		{"a module that it lacks", Facts{License: l, Module: "pms"}, Verdict{Reason: ReasonModuleNotLicensed, State: InUse, Until: end}},
		{"no slot for the AP", Facts{License: l, AP: SlotFull}, Verdict{Reason: ReasonAPLimit, State: InUse, Until: end}},
		{"AP not declared", Facts{License: l, AP: SlotUnknown}, Verdict{Reason: ReasonAPUnknown, State: InUse, Until: end}},
		{"no slot for the room", Facts{License: l, AP: SlotFree, Room: SlotFull}, Verdict{Reason: ReasonRoomLimit, State: InUse, Until: end}},
		{"room not declared", Facts{License: l, Room: SlotUnknown}, Verdict{Reason: ReasonRoomUnknown, State: InUse, Until: end}},

		{"order: blocked before license", Facts{License: over, Blocked: true}, Verdict{Reason: ReasonDeviceBlocked, State: ContractFinalized, Until: overEnd}},
		{"order: license before module", Facts{License: denied, Module: "pms"}, Verdict{Reason: ReasonAccessDenied, State: AccessDenied, Until: end}},
		{"order: module before AP", Facts{License: l, Module: "pms", AP: SlotFull}, Verdict{Reason: ReasonModuleNotLicensed, State: InUse, Until: end}},
		{"order: AP before room", Facts{License: l, AP: SlotFull, Room: SlotFull}, Verdict{Reason: ReasonAPLimit, State: InUse, Until: end}},

		{"lab passes limits and claims nothing", Facts{License: l, Lab: true, LabUntil: lab, Module: "pms", AP: SlotFull, Room: SlotFree}, Verdict{Allowed: true, Lab: true, State: InUse, Until: lab}},
		{"lab without a license", Facts{Lab: true, LabUntil: lab}, Verdict{Allowed: true, Lab: true, Until: lab}},
		{"lab before the assignment", Facts{License: unassigned, Lab: true, LabUntil: lab}, Verdict{Allowed: true, Lab: true, Until: lab}},
		{"lab never outlasts the contract", Facts{License: l, Lab: true, LabUntil: end.Add(1)}, Verdict{Allowed: true, Lab: true, State: InUse, Until: end}},
		{"lab that is over", Facts{License: l, Lab: true, LabUntil: now, AP: SlotFull}, Verdict{Reason: ReasonAPLimit, State: InUse, Until: end}},
		{"lab does not pass a blocked device", Facts{License: l, Lab: true, LabUntil: lab, Blocked: true}, Verdict{Reason: ReasonDeviceBlocked, State: InUse, Until: end}},
		{"lab does not pass a denial", Facts{License: denied, Lab: true, LabUntil: lab}, Verdict{Reason: ReasonAccessDenied, State: AccessDenied, Until: end}},
		{"lab does not pass the end", Facts{License: over, Lab: true, LabUntil: lab}, Verdict{Reason: ReasonContractFinalized, State: ContractFinalized, Until: overEnd}},
	} {
		t.Run(c.why, func(t *testing.T) { require.Equal(t, c.want, Decide(c.facts, now)) })
	}
}

func TestDecideAllocatesNothing(t *testing.T) {
	l := yearLicense(t)
	require.NoError(t, l.ResolveZone())
	l.Terms.LatestEnd = Date{2030, 1, 1}
	now := l.StartedAt.Add(time.Hour)
	require.Zero(t, testing.AllocsPerRun(100, func() { Decide(Facts{License: l, AP: SlotFree}, now) }))
}

func BenchmarkDecide(b *testing.B) {
	l := yearLicense(b)
	now := l.StartedAt.Add(time.Hour)
	b.Run("zone resolved", func(b *testing.B) {
		resolved := *l
		require.NoError(b, resolved.ResolveZone())
		b.ReportAllocs()
		for b.Loop() {
			Decide(Facts{License: &resolved}, now)
		}
	})
	b.Run("zone not resolved", func(b *testing.B) {
		for b.Loop() {
			Decide(Facts{License: l}, now)
		}
	})
}
