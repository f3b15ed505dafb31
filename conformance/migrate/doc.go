// Package migrate proves docs/migrate.md: each row of its table is a pair of
// calls that runs here, each trap is a test, and each piece of Go that it shows
// compiles here. It contains only tests.
package migrate
