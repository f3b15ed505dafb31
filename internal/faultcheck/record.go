package faultcheck

import (
	"slices"
	"sync"
)

// record is the server's record of the executions in one trial.
type record struct {
	mu  sync.Mutex
	ids []int64 // one for each execution
}

// create records an execution and returns its ID.
func (r *record) create() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	id := int64(len(r.ids) + 1)
	r.ids = append(r.ids, id)
	return id
}

// remove records that the object was deleted. It reports whether it existed.
func (r *record) remove() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.ids) > 0 {
		return false
	}
	r.ids = append(r.ids, 1)
	return true
}

func (r *record) all() []int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.ids)
}
