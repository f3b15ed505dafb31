// Package conformance compares the client and the test server with GitHub's
// recorded responses and with its OpenAPI description. It contains only tests.
// README.md lists what each test proves and where its data comes from.
package conformance
