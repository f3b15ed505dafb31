// Hookload puts a receiver of package webhook under load, on loopback and in
// one process. It sends genuine deliveries, redeliveries, replays under a new
// GUID and forged deliveries; some callbacks are slow or fail the first time.
// It runs three rounds. The first runs until all deliveries are finished. In
// the others the queue is shut down while deliveries arrive, first without a
// deadline and then with one.
//
// It prints the measurements. It exits with 1 in these cases:
//
//   - An acknowledged event was lost, not listed by Shutdown or finished twice.
//   - An event was processed out of order or concurrently with another event of
//     its environment, under the GUID of another event, or after a 503.
//   - A forged delivery was accepted.
//   - A goroutine was left, Stats was wrong, or the rate was not reached.
//
// For example:
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
	flag.DurationVar(&l.duration, "for", 10*time.Second, "how long a round lasts")
	flag.IntVar(&l.workers, "workers", 64, "callbacks at once")
	flag.IntVar(&l.capacity, "capacity", 2000, "deliveries that wait")
	flag.IntVar(&l.environments, "environments", 400, "environments that are deployed to")
	flag.DurationVar(&l.slow, "slow", 250*time.Millisecond, "how long one callback of ten takes")
	flag.Uint64Var(&l.seed, "seed", l.seed, "of the mixture")
	flag.Parse()
	if l.rate < 1 || l.environments < 1 || l.duration <= 0 {
		fmt.Fprintln(os.Stderr, "hookload: -rate, -environments and -for must be positive")
		os.Exit(2)
	}

	drained, givenUp := l, l
	drained.shutdown = true
	givenUp.shutdown, givenUp.grace = true, 100*time.Millisecond
	ok := round("until everything is finished", l)
	ok = round("shutdown under load, without a deadline", drained) && ok
	ok = round(fmt.Sprintf("shutdown under load, within %v", givenUp.grace), givenUp) && ok
	if !ok {
		os.Exit(1)
	}
}

// round runs one load and reports whether there was no violation.
func round(name string, l load) bool {
	f, err := l.run(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, "hookload:", err)
		return false
	}
	if _, err := fmt.Fprintf(os.Stdout, "== %s\n%v\n", name, f); err != nil {
		return false
	}
	violations := f.violations()
	if reached := f.rate(); reached < 0.98*float64(l.rate) {
		violations = append(violations, fmt.Sprintf("only %.0f deliveries/s were sent", reached))
	}
	for _, v := range violations {
		fmt.Fprintln(os.Stderr, "hookload: VIOLATION:", v)
	}
	return len(violations) == 0
}
