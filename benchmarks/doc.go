// Package benchmarks measures ghdeploy beside google/go-github. It holds only
// tests. docs/performance.md explains the rows and how to repeat them.
package benchmarks
