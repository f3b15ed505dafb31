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
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/ghdeploy/ghdeploy/internal/usage"
)

var program = usage.Program{
	Name:      "hookload",
	Does:      "puts a receiver of package webhook under load and checks it.",
	Synopsis:  []string{"[flags]"},
	ExitCodes: []usage.Entry{{Name: "0", Text: "no violation"}, {Name: "1", Text: "a violation, which standard error names"}},
}

func main() {
	l := load{seed: 1}
	flags := flag.NewFlagSet(program.Name, flag.ContinueOnError)
	flags.IntVar(&l.rate, "rate", 1000, "send `N` deliveries per second, of all kinds")
	flags.DurationVar(&l.duration, "for", 10*time.Second, "run each round for `DURATION`")
	flags.IntVar(&l.workers, "workers", 64, "run `N` callbacks at the same time")
	flags.IntVar(&l.capacity, "capacity", 2000, "let at most `N` deliveries wait")
	flags.IntVar(&l.environments, "environments", 400, "deploy to `N` environments")
	flags.DurationVar(&l.slow, "slow", 250*time.Millisecond, "let one callback of ten take `DURATION`")
	flags.Uint64Var(&l.seed, "seed", l.seed, "mix the deliveries by the seed `N`")
	if code, ok := program.Parse(flags, os.Args[1:], os.Stdout, os.Stderr); !ok {
		os.Exit(code)
	}
	switch {
	case flags.NArg() > 0:
		os.Exit(program.Invalid(os.Stderr, fmt.Errorf("unexpected argument %q", flags.Arg(0))))
	case l.rate < 1 || l.environments < 1 || l.duration <= 0:
		os.Exit(program.Invalid(os.Stderr, errors.New("-rate, -environments and -for must be positive")))
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
