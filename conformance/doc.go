// Package conformance holds this SDK, its client and its test server, against
// what GitHub sends and what GitHub describes. It is nothing but tests; see
// README.md for what they prove and where their data comes from.
package conformance
