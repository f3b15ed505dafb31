// Hookload puts a receiver of package webhook under load, on loopback and in
// one process: genuine deliveries, redeliveries of the same GUID, forged ones,
// and callbacks that are slow or fail the first time. It prints what it
// measured, and exits with 1 if a delivery was lost or worked twice, a forged
// one was accepted, a goroutine was left, or the rate was not reached.
//
//	go run ./webhook/internal/hookload -rate 1000 -for 10s
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"
)

func main() {
	l := load{seed: 1}
	flag.IntVar(&l.rate, "rate", 1000, "deliveries per second, of all kinds")
	flag.DurationVar(&l.duration, "for", 10*time.Second, "how long")
	flag.IntVar(&l.workers, "workers", 64, "callbacks at once")
	flag.IntVar(&l.capacity, "capacity", 2000, "deliveries that wait for a worker")
	flag.Uint64Var(&l.seed, "seed", l.seed, "of the mixture")
	flag.Parse()

	f, err := l.run(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, "hookload:", err)
		os.Exit(1)
	}
	if _, err := fmt.Fprintln(os.Stdout, f); err != nil {
		os.Exit(1)
	}
	violations := f.violations()
	if reached := f.rate(); reached < 0.98*float64(l.rate) {
		violations = append(violations, fmt.Sprintf("only %.0f deliveries/s were sent", reached))
	}
	for _, v := range violations {
		fmt.Fprintln(os.Stderr, "hookload: VIOLATION:", v)
	}
	if len(violations) > 0 {
		os.Exit(1)
	}
}
