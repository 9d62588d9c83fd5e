// Package licensing knows what a license is and what it allows. It is pure: facts
// and a time go in, a decision comes out. It reads no clock, no file but time zone
// data, and no network; it keeps nothing between calls.
//
// # Derived state
//
// The state of a license is never stored. A [License] holds facts: when it was
// activated, provisioned and started, who denies it, what its key grants. From
// these and an instant, [License.StateAt] derives one of five states:
//
//	Pending Provision   issued, not yet assigned to a Location
//	Pending Start       assigned; guests are served, and counted
//	In Use              the contract period runs, from License.Starts on
//	Access denied       an authority says no
//	Contract finalized  from License.End on, for good
//
// So nothing has to run at midnight for a contract to end, a gateway that was off
// is right the moment it is on, and "what will happen on that date" is the same
// question with another time. Of the licenses of a Location, [Governing] picks
// the one that decides; [Decide] says whether a guest gets in, and
// [License.Counts] whether a sighting counts towards the start. [Plan] works out
// who follows whom in the queue of a Location, and what comes from the pool.
//
// # Days and instants
//
// A contract is written in days of its zone. [Date] does their arithmetic,
// [Date.Start] finds the instant at which a day begins, which is not always
// midnight. [Clock] is why the instants can be relied on.
//
// # Keys
//
// A distributor's [IssuerKey] signs [Terms] and each [Order]; [VerifyGrant] and
// [VerifyOrder] read them back without any network. [License.Apply] says what an order
// makes of a license. token.go is the only file that knows the token library.
package licensing
