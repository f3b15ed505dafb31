package main

import (
	"fmt"
	"net/http"
	"slices"
)

// violations returns the violated guarantees. It is called at the end of a
// round.
func (f *figures) violations() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var v []string
	add := func(n int, what string) {
		if n != 0 {
			v = append(v, fmt.Sprintf("%d %s", n, what))
		}
	}
	lost, unlisted, twice, unasked := 0, 0, 0, 0
	finished := 0
	for _, e := range f.events {
		finished += e.finished
		unmet := e.finished == 0 && e.acks > e.runs || e.interrupted // acknowledged, but not run to completion
		switch {
		case f.gaveUp && unmet && !e.listed:
			unlisted++
		case !f.gaveUp && (unmet || !f.load.shutdown && e.finished == 0):
			lost++
		}
		if e.finished > 1 {
			twice++
		}
		if e.unasked || e.runs > e.acks || e.listed && e.acks == 0 {
			unasked++
		}
	}
	disordered := 0
	for environment, accepted := range f.accepted {
		if !inOrder(accepted, f.begun[environment]) {
			disordered++
		}
	}
	add(lost, "events were acknowledged or redelivered, and lost")
	add(twice, "events were finished twice")
	add(f.overlaps, "runs overlapped another run of their environment")
	add(disordered, "environments were not processed in the order of arrival")
	add(f.mismatches, "events were processed under the GUID of another event")
	add(f.strange, "events were processed under a GUID that was not sent")
	add(unasked, "events were processed or listed without an acknowledgement")
	add(unlisted, "events were acknowledged, not finished, and not listed by Shutdown")
	add(f.unknown, "deliveries were listed by Shutdown but not sent")
	add(f.wrongList, "events were listed by Shutdown although they were finished")
	add(f.late, "events began after Shutdown had given up")
	add(f.requests[forged]-f.statuses[forged][http.StatusUnauthorized], "forged deliveries got another response than 401")
	if len(f.errors) > 0 {
		add(len(f.errors), "requests got no response, such as "+f.errors[0])
	}
	refused := 0
	for _, k := range []kind{genuine, duplicate, replay} {
		for status, n := range f.statuses[k] {
			switch status {
			case http.StatusNoContent:
			case http.StatusServiceUnavailable:
				refused += n
			default:
				add(n, fmt.Sprintf("deliveries got a %d", status))
			}
		}
	}
	add(f.goroutines, "goroutines are left")
	for name, counts := range map[string][2]int64{
		"Finished":   {f.stats.Finished, int64(finished)},
		"Refused":    {f.stats.Refused, int64(refused)},
		"Duplicates": {f.stats.Duplicates, int64(f.duplicates)},
		"Waiting":    {int64(f.stats.Waiting), 0},
		"Running":    {int64(f.stats.Running), 0},
	} {
		if counts[0] != counts[1] {
			v = append(v, fmt.Sprintf("Stats().%s is %d, want %d", name, counts[0], counts[1]))
		}
	}
	return v
}

// inOrder reports whether the IDs that are in both lists have the same order.
func inOrder(accepted, begun []int64) bool {
	both := func(list, other []int64) []int64 {
		in := make(map[int64]bool)
		for _, id := range other {
			in[id] = true
		}
		return slices.DeleteFunc(slices.Clone(list), func(id int64) bool { return !in[id] })
	}
	return slices.Equal(both(accepted, begun), both(begun, accepted))
}
