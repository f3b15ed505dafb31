package main

import (
	"testing"
	"time"
)

// A small version of the program. A queue of this size also gets full.
func TestLoad(t *testing.T) {
	l := load{rate: 1000, workers: 8, capacity: 16, duration: 400 * time.Millisecond, seed: 1}
	f, err := l.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + f.String())
	for _, v := range f.violations() {
		t.Error(v)
	}
	if f.requests[genuine] < 250 || f.requests[duplicate] < 10 || f.requests[forged] < 10 || f.slow == 0 || f.failed == 0 {
		t.Error("the mixture is not what it should be")
	}
}

// What the check finds must not depend on everything going well.
func TestViolationsAreFound(t *testing.T) {
	f := newFigures()
	d := delivery{genuine, "1"}
	f.sent(d, reply{status: 204})
	f.sent(delivery{genuine, "2"}, reply{status: 204})
	f.sent(delivery{forged, "3"}, reply{status: 204})
	for range 2 {
		if err := f.work(t.Context(), "1", 1); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.work(t.Context(), "forged-1", 1); err != nil {
		t.Fatal(err)
	}
	f.goroutines = 1
	want := []string{
		"1 deliveries were lost", "1 deliveries were worked twice", "1 forged deliveries were worked",
		"1 deliveries were worked that nobody sent", "1 forged deliveries got another answer than 401", "1 goroutines are left",
	}
	got := f.violations()
	if len(got) != len(want) {
		t.Fatalf("got %q", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("got %q, want %q", got[i], want[i])
		}
	}
}

// A second delivery of what was accepted would hide that the first was lost.
func TestOnlyWhatGitHubWouldShowAsFailedIsSentAgain(t *testing.T) {
	f := newFigures()
	f.sent(delivery{genuine, "accepted"}, reply{status: 204})
	f.sent(delivery{genuine, "refused"}, reply{status: 503})
	f.sent(delivery{genuine, "failed"}, reply{status: 204})
	f.sent(delivery{genuine, "done"}, reply{status: 204})
	if err := f.work(t.Context(), "failed", 7); err == nil {
		t.Fatal("it did not fail")
	}
	if err := f.work(t.Context(), "done", 1); err != nil {
		t.Fatal(err)
	}
	again, waiting := f.unworked()
	if len(again) != 2 || again[0].guid == "accepted" || again[1].guid == "accepted" || waiting != 1 {
		t.Errorf("got %v, %d", again, waiting)
	}
}
