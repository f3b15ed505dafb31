package benchmarks

import (
	"context"
	"net/http"
	"os"
	"runtime"
	"testing"
	"time"
)

// TestMain prints the Go release in the form that benchstat groups by.
func TestMain(m *testing.M) {
	if rows := os.Getenv(walkEnv); rows != "" {
		walkAlone(rows)
		return
	}
	if _, err := os.Stdout.WriteString("go: " + runtime.Version() + "\n"); err != nil {
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// compare runs work for each side. rows is the number of rows that each call of
// work must return.
func compare(b *testing.B, a *api, transport http.RoundTripper, rows int, work func(client, context.Context) (int, error)) {
	for _, side := range sides {
		b.Run("client="+side.name, func(b *testing.B) {
			c := side.make(b, a.root, transport)
			check(b, rows, work, c) // connect, and fill the caches
			b.ReportAllocs()
			for b.Loop() {
				check(b, rows, work, c)
			}
		})
	}
}

func check(b *testing.B, rows int, work func(client, context.Context) (int, error), c client) {
	b.Helper()
	if n, err := work(c, b.Context()); err != nil || n != rows {
		b.Fatalf("%d rows and the error %v, want %d rows", n, err, rows)
	}
}

// BenchmarkPage lists one page of 100 deployments in process, end to end.
func BenchmarkPage(b *testing.B) {
	for _, v := range variants {
		b.Run("rows="+v.name, func(b *testing.B) {
			a := newAPI(v, 1)
			a.pages = newAPI(v, 8).pages
			compare(b, a, rotating{a, new(int)}, rowsPerPage, client.page)
		})
	}
}

// rotating returns the next page each time, so that responses differ.
type rotating struct {
	*api
	n *int
}

func (t rotating) RoundTrip(r *http.Request) (*http.Response, error) {
	*t.n++
	a := *t.api
	a.pages = a.pages[*t.n%len(a.pages):]
	return a.RoundTrip(r)
}

// BenchmarkAll ranges over 50 pages on loopback.
func BenchmarkAll(b *testing.B) {
	const pages = 50
	for _, v := range variants {
		b.Run("rows="+v.name, func(b *testing.B) {
			a := newAPI(v, pages)
			compare(b, a, a.serve(b, network{}), pages*rowsPerPage, client.all)
		})
	}
}

// BenchmarkPrefetch ranges over 50 pages, each 50 ms away. This client requests
// 8 of them at a time, the other sides one after the other.
func BenchmarkPrefetch(b *testing.B) {
	const pages = 50
	a := newAPI(variants[0], pages)
	compare(b, a, a.serve(b, network{latency: 50 * time.Millisecond}), pages*rowsPerPage, client.prefetch)
}

// BenchmarkGzip ranges over 10 pages with compression and without, on loopback
// and at 100 Mbit/s with a latency of 10 ms.
func BenchmarkGzip(b *testing.B) {
	const pages = 10
	for _, link := range []struct {
		name string
		network
	}{
		{"loopback", network{}},
		{"100Mbit", network{latency: 10 * time.Millisecond, bits: 100e6}},
	} {
		for _, encoding := range []string{"identity", "gzip"} {
			b.Run("link="+link.name+"/encoding="+encoding, func(b *testing.B) {
				a := newAPI(variants[0], pages)
				link.gzip = encoding == "gzip"
				compare(b, a, a.serve(b, link.network), pages*rowsPerPage, client.all)
			})
		}
	}
}

// BenchmarkGet reads one deployment in process.
func BenchmarkGet(b *testing.B) {
	a := newAPI(variants[0], 1)
	compare(b, a, a, 1, client.get)
}

// BenchmarkCreate creates one deployment in process.
func BenchmarkCreate(b *testing.B) {
	a := newAPI(variants[0], 1)
	compare(b, a, a, 1, client.create)
}

// BenchmarkConcurrent reads one deployment in process from 64 goroutines that
// share a client. Use -mutexprofile to find lock contention.
func BenchmarkConcurrent(b *testing.B) {
	const goroutines = 64
	a := newAPI(variants[0], 1)
	for _, side := range sides {
		b.Run("client="+side.name, func(b *testing.B) {
			c := side.make(b, a.root, a)
			b.ReportAllocs()
			b.SetParallelism((goroutines + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0))
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := c.get(b.Context()); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}
