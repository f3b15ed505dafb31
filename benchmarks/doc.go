// Package benchmarks compares ghdeploy with google/go-github. It contains only
// tests. docs/performance.md explains the rows and how to repeat them.
package benchmarks
