package load

// Workload is what is asked of the server.
type Workload string

// The workloads.
const (
	AuthMAC Workload = "auth-mac" // Access-Requests; User-Name and password are the device's address
	AuthPAP Workload = "auth-pap" // Access-Requests of portal logins with User-Password
	Acct    Workload = "acct"     // Start, Interim-Update and Stop, 1:1:1, of interleaved sessions
	Mixed   Workload = "mixed"    // every second port auth-mac, the others acct
)

// Workloads are all of them.
func Workloads() []Workload { return []Workload{AuthMAC, AuthPAP, Acct, Mixed} }

// status is Acct-Status-Type (RFC 2866 section 5.1).
type status uint32

const (
	start   status = 1
	stop    status = 2
	interim status = 3
)

// statuses are the records of a session, in their order.
var statuses = [...]status{start, interim, stop}

// record is what the i-th accounting record says.
type record struct {
	session       uint64 // number of the session in this run
	status        status
	seconds       uint32 // Acct-Session-Time
	input, output uint32 // octets
}

// recordAt deals the records in rounds of so many sessions: first all their Starts, then
// all Interim-Updates, then all Stops. So a NAS has the answer to one record of a session,
// as a rule, before it sends the next.
func recordAt(i, sessions uint64) record {
	step := i / sessions % uint64(len(statuses))
	r := record{
		session: i/sessions/uint64(len(statuses))*sessions + i%sessions,
		status:  statuses[step],
		seconds: uint32(step),
	}
	r.input = uint32(step) * uint32(1000+r.session%1000)
	r.output = uint32(step) * uint32(9000+r.session%10_000)
	return r
}
